// The moment and the list that are shown, in the page's address: `#t=12.3&list=network`. Who knows when something happened and not when the session began
// links to `#at=1780000012300`.

/** No session is as long: ten years. */
export const LONGEST_MS = 10 * 365 * 24 * 3_600_000;

/** What the address said when it was last read or written. */
let known = '';

/** What the address says: `{ ms, at, list }`, each undefined if it says nothing: `ms` since the session's beginning, `at` in Unix ms. */
export function readAddress() {
  known = location.hash;
  const said = new URLSearchParams(known.slice(1));
  const seconds = Number(said.get('t') ?? NaN);
  const at = Number(said.get('at') ?? NaN);
  return {
    ms: Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, LONGEST_MS) : undefined,
    at: Number.isFinite(at) ? at : undefined,
    list: said.get('list') ?? undefined,
  };
}

/** Writes both into the address, without a step in the history; no moment if `ms` is undefined. */
export function writeAddress(ms, list) {
  // The viewer has changed it, and is heard first.
  if (location.hash !== known) return;
  const said = [];
  if (ms !== undefined) said.push(`t=${(ms / 1000).toFixed(1)}`);
  if (list !== 'all') said.push(`list=${list}`);
  const hash = said.length === 0 ? '' : `#${said.join('&')}`;
  if (hash === known) return;
  try {
    history.replaceState(null, '', hash || '#');
  } catch {
    // A file may have no right to do so; it plays all the same.
  }
  known = location.hash;
}

/** Calls back when the viewer changes the address. */
export function onAddress(changed) {
  addEventListener('hashchange', () => {
    if (location.hash !== known) changed(readAddress());
  });
}
