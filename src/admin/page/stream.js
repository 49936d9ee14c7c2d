// Follows what the server tells as it happens, and comes back when that ends.

import { open } from './show.js';

/** How long to wait before trying again: longer each time. */
const AGAIN_MS = [500, 1000, 2000, 5000, 10_000];
/** The server says something more often than that. */
const SILENCE_MAX_MS = 40_000;
/** An event is shorter. */
const EVENT_MAX = 4 << 20;

/** The data of each event of an answer. Calls `alive` whenever something comes. */
async function* events(answer, alive) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const parts = (text + value).split('\n\n');
    text = parts.pop();
    if (text.length > EVENT_MAX) throw new Error('The server sends what cannot be read.');
    for (const part of parts) if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length));
  }
}

/** A server's words as a sentence. */
const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/**
 * Calls `heard` with each event, and whether it is the first one of a connection. Whatever is wrong is told to `trouble`, and tried again until the returned function
 * is called; `null` when it is well again. While the page is hidden nothing is followed. A browser's own `EventSource` gives up for good when an answer is not 200, and
 * does not tell why.
 */
export function follow(path, heard, trouble) {
  const ended = new AbortController();
  let connection;
  let timer;
  let failures = 0;

  async function connect() {
    clearTimeout(timer);
    connection?.abort();
    const own = new AbortController();
    connection = own;
    let watch;
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(() => own.abort('silence'), SILENCE_MAX_MS);
    };
    try {
      alive();
      const answer = await open(path, { signal: own.signal });
      let isFirst = true;
      for await (const event of events(answer, alive)) {
        failures = 0;
        trouble(null);
        heard(event, isFirst);
        isFirst = false;
      }
      throw Object.assign(new Error('The server has ended the connection.'), { status: 0 });
    } catch (cause) {
      const isLeft = own.signal.aborted && own.signal.reason !== 'silence';
      if (isLeft || ended.signal.aborted) return;
      const wait = AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)];
      failures += 1;
      // Only the server's answers have a status.
      const text = cause.status === undefined ? 'The connection to the server was lost.' : sentence(cause.message);
      trouble(Object.assign(new Error(`${text} Trying again in ${wait / 1000} s …`), { status: cause.status ?? 0 }));
      if (!ended.signal.aborted) timer = setTimeout(connect, wait);
    } finally {
      clearTimeout(watch);
    }
  }

  function pause() {
    clearTimeout(timer);
    connection?.abort();
  }

  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : connect()), { signal: ended.signal });
  if (!document.hidden) connect();
  return () => {
    ended.abort();
    pause();
  };
}
