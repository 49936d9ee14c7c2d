// The page that a visitor of the gallery opens in another tab.

/** The page, with what its head needs to be recorded. */
export const BESIDE = (head) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Beside the gallery</title>
<style>
  body { margin: 0; font: 40px sans-serif; background: #ffecb3 }
  p { margin: 0; height: 200px; background: #5d4037; color: #fff }
  .later { background: #0277bd }
</style>
</head>
<body>
  <p data-box="first">another tab</p>
  <p data-box="second">with a page of its own</p>
  <script>
    window.moments = { 10: () => (document.querySelectorAll('p')[1].className = 'later') };
  </script>
  ${head}
</body>
</html>`;
