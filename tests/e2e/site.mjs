// The site whose visitors are recorded: a small shop that never holds still.

import http from 'node:http';
import { fileURLToPath } from 'node:url';

import esbuild from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** Texts that the page logs, throws and asks for, by which its recording is recognised. */
export const MARKS = {
  console: 'the basket holds 3 apples',
  error: 'no pears on a Tuesday',
  request: '/echo/stock',
  route: '/basket/checkout',
};

/** Starts the site on a free port. */
export async function startSite() {
  const scripts = new Map();
  let snippet = '';
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://site');
    const send = (type, text) => response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
    const script = /^\/(tracker-\d+)\.js$/.exec(url.pathname);
    if (script) return send('text/javascript', await bundle(scripts, script[1], 'iife'));
    if (url.pathname.startsWith('/echo')) return send('application/json', JSON.stringify({ path: url.pathname }));
    if (url.pathname === '/snippet') return send('text/html', page(snippet));
    if (url.pathname === '/shop') return send('text/html', page(start(url.searchParams), url.searchParams.has('canvas')));
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const origin = `http://localhost:${port}`;
  return {
    /**
     * A page on another host than any server's, with a canvas, recorded as its visitor says: it has `window.tracker`,
     * made with these options besides the usual ones, which has not been started.
     */
    studio(tracker, ingest, key, options = {}, query = {}) {
      const parameters = { tracker, ingest, key, options: JSON.stringify(options), canvas: '', waits: '', ...query };
      return `http://shop.localhost:${port}/shop?${new URLSearchParams(parameters)}`;
    },
    /** A page recorded by the tracker of the named package. */
    shop: (tracker, ingest, key) => `${origin}/shop?${new URLSearchParams({ tracker, ingest, key })}`,
    /** A page with the given HTML pasted in. */
    pasted(html) {
      snippet = html;
      return `${origin}/snippet`;
    },
    module: (tracker) => bundle(scripts, tracker, 'esm'),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The script of a tracker's package, made once. */
export async function bundle(scripts, tracker, format) {
  const key = `${tracker}.${format}`;
  if (!scripts.has(key)) {
    const contents =
      format === 'esm' ? `export { default } from '${tracker}'` : `import T from '${tracker}'; window.Tracker = T`;
    const built = await esbuild.build({ stdin: { contents, resolveDir: HERE }, bundle: true, write: false, format });
    scripts.set(key, built.outputFiles[0].text);
  }
  return scripts.get(key);
}

/** What a page's head needs to be recorded. */
export function start(parameters) {
  const options = {
    projectKey: parameters.get('key'),
    ingestPoint: parameters.get('ingest'),
    __DISABLE_SECURE_MODE: true,
    ...JSON.parse(parameters.get('options') ?? '{}'),
  };
  const begin = `tracker.start({ userID: 'visitor-1' }).then(
    (started) => { window.started = started; },
    (error) => { window.started = { success: false, reason: String(error) }; },
  );`;
  return `<script src="/${parameters.get('tracker')}.js"></script>
<script>
  const options = ${JSON.stringify(options)};
  options.flags = { onFlagsLoad: (flags) => { window.flags = flags; } };
  window.tracker = new (window.Tracker.default ?? window.Tracker)(options);
  ${parameters.has('waits') ? '' : begin}
</script>`;
}

/** A drawing that changes all the time. */
const CANVAS = `<canvas id="picture" width="120" height="60"></canvas>
  <script>
    const pen = document.getElementById('picture').getContext('2d');
    let angle = 0;
    setInterval(() => {
      angle += 0.1;
      pen.fillStyle = 'hsl(' + (angle * 40) % 360 + ' 60% 50%)';
      pen.fillRect(60 + 40 * Math.cos(angle), 30 + 20 * Math.sin(angle), 12, 12);
    }, 50);
  </script>`;

function page(head, canvas = false) {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>A lively shop</title>
<style>body { font: 16px sans-serif } .card { border: 1px solid; margin: 4px; padding: 4px } .on { color: green }</style>
${head}
</head>
<body>
  <h1>A lively shop</h1>
  <form onsubmit="return false">
    <input id="search" placeholder="Search"><input id="amount" type="number"><input id="gift" type="checkbox">
    <select id="sort"><option>name</option><option>price</option></select><textarea id="note"></textarea>
    <button id="buy" type="button">Buy</button><button id="checkout" type="button">To the checkout</button>
  </form>
  ${canvas ? CANVAS : ''}
  <div id="ticker">0</div>
  <div id="cards"></div>
  <script>
    const cards = document.getElementById('cards');
    const card = (n) => {
      const div = document.createElement('div');
      div.className = 'card';
      div.id = 'card-' + n;
      div.innerHTML = '<b>Apple no. ' + n + '</b> <i>' + 'fresh and round '.repeat(8) + '</i> <button>Look</button>';
      return div;
    };
    for (let n = 0; n < 120; n++) cards.append(card(n));
    let ticks = 0;
    setInterval(() => {
      ticks++;
      document.getElementById('ticker').textContent = String(ticks);
      cards.children[ticks % 100].classList.toggle('on');
      if (ticks % 5 === 0) cards.append(card(1000 + ticks));
      if (ticks % 7 === 0) cards.lastElementChild.remove();
    }, 100);
    document.getElementById('buy').addEventListener('click', async () => {
      console.log(${JSON.stringify(MARKS.console)});
      await fetch(${JSON.stringify(MARKS.request)} + '/fetch', { method: 'POST', body: '{"apples":3}' });
      const xhr = new XMLHttpRequest();
      xhr.open('GET', ${JSON.stringify(MARKS.request)} + '/xhr');
      xhr.send();
      setTimeout(() => { throw new Error(${JSON.stringify(MARKS.error)}); }, 10);
    });
    document.getElementById('checkout').addEventListener('click', () => {
      history.pushState({}, '', ${JSON.stringify(MARKS.route)});
      document.querySelector('h1').textContent = 'Checkout';
    });
  </script>
</body>
</html>`;
}
