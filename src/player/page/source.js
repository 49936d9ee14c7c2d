// Where the session comes from: the server, or the file that this page is.

/**
 * What went wrong, in words for the viewer. `again`: trying again may help. `lost`: so does the page by itself, if it has been shown something; `cut`: the
 * answer had begun; `busy`: the server has said why.
 */
export class Trouble extends Error {
  constructor(text, again = false, { lost = false, cut = false, busy = false } = {}) {
    super(text);
    this.again = again;
    this.lost = lost;
    this.cut = cut;
    this.busy = busy;
  }
}

const UNREACHABLE = 'The server cannot be reached. Look whether takeup runs, and whether this computer is connected to it.';

/** A server that follows a session says something more often. One that says nothing for so long is gone, whatever the browser knows of it. */
const SILENCE_MAX_MS = 30_000;

/** What a server says when it will be back: itself, or a proxy before it. */
const IS_BACK_SOON = new Set([502, 503, 504]);

/** What stands for the address of an asset that the file has in itself. */
const NAMED = /takeup-asset:([0-9a-f]{32})/g;

/** Puts the addresses of the file's own style sheets, pictures and fonts into a text that names them. */
function fileAssets() {
  const found = new Map();
  for (const block of document.querySelectorAll('script.assets')) {
    const asset = JSON.parse(block.textContent);
    found.set(asset.id, asset);
    block.remove();
  }
  const places = new Map();
  const placeOf = (id) => {
    if (!places.has(id)) {
      // Style sheets that import each other come back here.
      places.set(id, 'about:invalid');
      const asset = found.get(id);
      found.delete(id);
      if (asset !== undefined) places.set(id, blobOf(asset));
    }
    return places.get(id);
  };
  const withPlaces = (text) => text.replace(NAMED, (_, id) => placeOf(id));
  const blobOf = ({ type, data }) => {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const content = type.startsWith('text/css') ? withPlaces(new TextDecoder().decode(bytes)) : bytes;
    return URL.createObjectURL(new Blob([content], { type }));
  };
  return withPlaces;
}

/** The session that the file has in itself. */
class FileSource {
  contained = true;

  async facts() {
    const facts = JSON.parse(document.getElementById('facts').textContent);
    this.tab = facts.tab ?? undefined;
    return facts;
  }

  /** Lines of events. Each block of text is dropped once it was read. */
  async *lines() {
    const withPlaces = fileAssets();
    for (const block of document.querySelectorAll('script.events')) {
      const text = block.textContent;
      block.remove();
      for (const json of text.split('\n')) yield withPlaces(json);
    }
  }
}

/** The session as a server tells it. */
class ServerSource {
  contained = false;

  constructor(session, assets) {
    this.session = session;
    this.assets = assets;
    this.tab = new URLSearchParams(location.search).get('tab') ?? undefined;
    this.base = new URL(`../api/sessions/${session}`, document.baseURI);
  }

  async facts() {
    return (await this.ask(this.base)).json();
  }

  /** Lines of events from a moment on, in ms; below 0, before the end. With `follow` the later ones as they are recorded. An empty line says that all was sent. */
  async *lines({ follow, from }, signal) {
    const address = new URL(`${this.base}/events`);
    if (follow) address.searchParams.set('follow', '1');
    address.searchParams.set('from', String(Math.floor(from)));
    if (from >= 0) address.searchParams.set('soon', '1');
    if (this.tab) address.searchParams.set('tab', this.tab);
    if (this.assets) address.searchParams.set('assets', '1');
    // Else the site is told where the player is by whatever its styles ask for.
    if (CSS.supports('background-image', 'url("x" referrer-policy(no-referrer))')) address.searchParams.set('modifiers', '1');
    address.searchParams.set('kept', '1');
    const answer = await this.ask(address, signal);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let parts = [];
    for (;;) {
      let next;
      try {
        next = await soon(reader);
      } catch {
        throw new Trouble('The connection to the server was lost. What came before that can be played.', true, { lost: true, cut: true });
      }
      if (next.done) break;
      const [first, ...others] = next.value.split('\n');
      parts.push(first);
      for (const part of others) {
        yield parts.join('');
        parts = [part];
      }
    }
    yield parts.join('');
  }

  async ask(address, signal) {
    let answer;
    try {
      answer = await fetch(address, { cache: 'no-store', signal });
    } catch {
      throw new Trouble(UNREACHABLE, true, { lost: true });
    }
    if (answer.status === 404) {
      throw new Trouble(`Session ${this.session} is not here. It may have been erased, or be older than what this server keeps.`);
    }
    if (answer.ok) return answer;
    const why = await reason(answer);
    if (answer.status === 401) throw new Trouble('You are not logged in. Log in on the page of all sessions, then open this one again.', true);
    if (answer.status === 403) throw new Trouble(`The server does not show sessions to you: ${why}.`);
    throw new Trouble(`The server cannot show this session at the moment: ${why}.`, true, { lost: IS_BACK_SOON.has(answer.status), busy: answer.status === 503 });
  }
}

/** What the reader of an answer has next. Rejects after too long a silence, and ends the answer. */
async function soon(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('silence'));
      reader.cancel().catch(() => {});
    }, SILENCE_MAX_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the server says about an answer that has no session, or its status. */
async function reason(answer) {
  try {
    const { error } = await answer.json();
    return String(error).slice(0, 300);
  } catch {
    return `it answered ${answer.status}`;
  }
}

/** The source of this page. */
export function sourceOfPage() {
  const { session, assets } = document.documentElement.dataset;
  return session === undefined ? new FileSource() : new ServerSource(session, assets === 'true');
}
