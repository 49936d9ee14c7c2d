// What happened in a session, below its row. It was recorded: it becomes text, and there is only so much of it.
//
// A session that goes on is followed by one answer that goes on with it: its newest events are shown, and older ones make room. Who reads again, after an
// answer was lost, does so when the list says something new of the session.

import { length, make, number, open } from './show.js';

/** How many events are shown. */
const LINES_MAX = 200;
/** How much of an event's text. */
const TEXT_MAX = 300;
/** How much is read for them, of a session that is over; and how long a line is. */
const READ_MAX = 1 << 20;
/** How many sessions a page follows: each takes a connection, of which browsers have six, and one of the places of all who watch sessions. */
const FOLLOWED_MAX = 2;
/** A server that follows a session says something more often than that. */
const SILENCE_MAX_MS = 40_000;
/** How long to wait after an answer that failed. */
const FAILED_MS = 5000;

const KINDS_BAD = new Set(['error', 'issue', 'cut']);

/** Those who follow, the one that began first first. */
const followers = new Set();

/** What an answer tells, as it comes: lists of lines, with `null` among them when all that there was has been told. Calls `alive` whenever something comes. */
async function* told(answer, alive) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    alive(value?.length ?? 0);
    const parts = (text + (value ?? '')).split('\n');
    text = done ? '' : parts.pop();
    if (text.length > READ_MAX) throw new Error('A line is too long.');
    // A space is a sign of life.
    const lines = parts.filter((part) => part !== ' ');
    if (done && lines.at(-1) === '') lines.pop();
    yield lines.map((part) => (part === '' ? null : JSON.parse(part)));
    if (done) return;
  }
}

const short = (text) => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);

/** Lines by their times, of which so many are kept: the newest of a session that is followed, else the first. */
class Kept {
  lines = [];
  /** The time of the first one that came. */
  origin;
  /** Whether some are not kept. */
  isPart = false;

  constructor(isOfNewest) {
    this.isOfNewest = isOfNewest;
  }

  /** Takes a line. Returns where it is then, or -1 if it is not kept. */
  add(line) {
    this.origin ??= line.at_ms;
    const at = this.lines.findLastIndex((other) => other.at_ms <= line.at_ms) + 1;
    this.lines.splice(at, 0, line);
    if (this.lines.length <= LINES_MAX) return at;
    this.isPart = true;
    if (this.isOfNewest) {
      this.lines.shift();
      return at - 1;
    }
    this.lines.pop();
    return at < LINES_MAX ? at : -1;
  }
}

/** The timeline of a session whose row is unfolded. */
export class Timeline {
  #session;
  #place;
  #list = make('ol', { 'aria-label': 'What happened' });
  #note = make('p', { class: 'quiet' }, 'Reading …');
  #kept = new Kept(false);
  #reading = null;
  /** Nothing more is asked for: all was told, or others are followed instead. */
  #isDone = false;
  #restsUntil = 0;

  constructor(session, place) {
    this.#place = place;
    place.replaceChildren(this.#list, this.#note);
    this.update(session);
  }

  /** What is known of the session now. */
  update(session) {
    if (session.live && !this.#session?.live) this.#isDone = false;
    this.#session = session;
    if (!session.live && followers.has(this)) this.#leave();
    if (this.#reading === null && !this.#isDone && !document.hidden && performance.now() >= this.#restsUntil) this.#read();
  }

  /** Follows the session no longer, until the next update. */
  pause() {
    if (followers.delete(this)) this.#stop();
  }

  /** Ends it for good. */
  end() {
    followers.delete(this);
    this.#stop();
    this.#place.replaceChildren();
  }

  /** Follows the session no longer: what is shown stays. */
  #leave() {
    this.pause();
    this.#isDone = true;
    this.#say();
  }

  #stop() {
    this.#reading?.abort();
    this.#reading = null;
  }

  async #read() {
    const reading = new AbortController();
    const follows = this.#session.live;
    this.#reading = reading;
    if (follows) this.#follow();
    try {
      await this.#take(reading, follows);
      this.#isDone ||= this.#reading === reading;
    } catch (error) {
      if (this.#reading !== reading) return;
      this.#restsUntil = performance.now() + FAILED_MS;
      this.#note.className = 'bad';
      this.#note.textContent = error.status === undefined ? 'The session could not be read to its end.' : error.message;
    } finally {
      reading.abort();
      if (this.#reading === reading) {
        this.#reading = null;
        followers.delete(this);
      }
    }
    if (this.#isDone) this.#say();
  }

  /** Takes a place among those who follow. Who has had one for longest makes room. */
  #follow() {
    followers.add(this);
    const [first] = followers;
    if (followers.size > FOLLOWED_MAX) first.#leave();
  }

  /** Shows what an answer tells, to its end. */
  async #take(reading, follows) {
    let watch;
    let count = 0;
    const alive = (more) => {
      count += more;
      clearTimeout(watch);
      watch = setTimeout(() => reading.abort(), SILENCE_MAX_MS);
    };
    const kept = new Kept(follows);
    let isShown = false;
    const show = () => {
      isShown = true;
      this.#show(kept);
    };
    try {
      const answer = await open(`api/sessions/${this.#session.session}/timeline${follows ? '?follow=1' : ''}`, { signal: reading.signal });
      for await (const lines of told(answer, alive)) {
        if (this.#reading !== reading) return;
        for (const line of lines) {
          if (line !== null) {
            const at = kept.add(line);
            if (isShown && at >= 0) this.#put(line, at);
          } else if (!isShown) {
            show();
          }
        }
        if (follows || (!kept.isPart && count <= READ_MAX)) continue;
        kept.isPart = true;
        break;
      }
      if (!isShown) show();
    } finally {
      clearTimeout(watch);
    }
  }

  #show(kept) {
    this.#kept = kept;
    this.#list.replaceChildren(...kept.lines.map((line) => this.#row(line)));
    this.#say();
    if (kept.isOfNewest) this.#toEnd();
  }

  /** Shows a line more. */
  #put(line, at) {
    const { scrollTop, clientHeight, scrollHeight } = this.#place;
    if (this.#list.childElementCount === LINES_MAX) this.#list.firstElementChild.remove();
    this.#list.insertBefore(this.#row(line), this.#list.children[at] ?? null);
    this.#say();
    // Who looks at the newest goes on doing so.
    if (scrollTop + clientHeight >= scrollHeight - 8) this.#toEnd();
  }

  #toEnd() {
    this.#place.scrollTop = this.#place.scrollHeight;
  }

  #row({ at_ms: at, kind, text }) {
    return make('li', KINDS_BAD.has(kind) ? { class: 'bad' } : {},
      make('a', { href: `play/${this.#session.session}#at=${at}` }, length(at - this.#kept.origin)),
      make('span', { class: 'quiet' }, kind), make('bdi', {}, short(text)));
  }

  /** Says what is not shown. */
  #say() {
    const { lines, isPart, isOfNewest } = this.#kept;
    const said = [];
    if (isPart) said.push(`The ${isOfNewest ? 'last' : 'first'} ${number(lines.length)} events. Play the session to see all.`);
    else if (lines.length === 0) said.push('Nothing of it is told in words: no page, click, input, request or error.');
    if (this.#session.live && !followers.has(this)) said.push(`As of ${new Date().toLocaleTimeString()}. It goes on: fold and unfold to see more.`);
    this.#note.className = 'quiet';
    this.#note.textContent = said.join(' ');
  }
}
