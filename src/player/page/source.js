// Where the session comes from: the server, or the file that this page is.

/** What went wrong, in words for the viewer. `again`: trying again may help. */
export class Trouble extends Error {
  constructor(text, again = false) {
    super(text);
    this.again = again;
  }
}

const UNREACHABLE = 'The server cannot be reached. Look whether takeup runs, and whether this computer is connected to it.';

/** The session that the file has in itself. */
class FileSource {
  contained = true;

  async facts() {
    return JSON.parse(document.getElementById('facts').textContent);
  }

  /** Lines of events. Each block of text is dropped once it was read. */
  async *lines() {
    for (const block of document.querySelectorAll('script.events')) {
      const text = block.textContent;
      block.remove();
      for (const json of text.split('\n')) yield json;
    }
  }
}

/** The session as a server tells it. */
class ServerSource {
  contained = false;

  constructor(session, assets) {
    this.session = session;
    this.assets = assets;
    this.base = new URL(`../api/sessions/${session}`, document.baseURI);
  }

  async facts() {
    return (await this.ask(this.base)).json();
  }

  /** Lines of events; with `follow` the later ones as they are recorded. An empty line says that nothing has come. */
  async *lines(follow) {
    const address = new URL(`${this.base}/events`);
    if (follow) address.searchParams.set('follow', '1');
    if (this.assets) address.searchParams.set('assets', '1');
    const answer = await this.ask(address);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let parts = [];
    for (;;) {
      let next;
      try {
        next = await reader.read();
      } catch {
        throw new Trouble('The connection to the server was lost. What came before that can be played.', true);
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

  async ask(address) {
    let answer;
    try {
      answer = await fetch(address, { cache: 'no-store' });
    } catch {
      throw new Trouble(UNREACHABLE, true);
    }
    if (answer.status === 404) {
      throw new Trouble(`Session ${this.session} is not here. It may have been erased, or be older than what this server keeps.`);
    }
    if (answer.ok) return answer;
    const why = await reason(answer);
    if (answer.status === 401) throw new Trouble('You are not logged in. Log in on the page of all sessions, then open this one again.', true);
    if (answer.status === 403) throw new Trouble(`The server does not show sessions to you: ${why}.`);
    throw new Trouble(`The server cannot show this session at the moment: ${why}.`, true);
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
