// Which part of the session the page has, and how another one is loaded: by one request at a time.
//
// A page keeps so much of a session as session.js says. What a viewer asks for beyond it is loaded from a little before, and what was there makes room. A stream
// that is lost is asked for again, from where it was, for as long as somebody looks at the page.

import { clock } from './format.js';
import { Trouble } from './source.js';

/** How long events are taken before the page may answer its viewer again. */
const SLICE_MS = 12;

/** How long before a moment that is asked for the part begins that is loaded, */
const LEAD_MS = 20_000;
/** and before the end of a session that is going on. */
const END_LEAD_MS = 600_000;

/** How far ahead of what is being loaded a moment may be to be waited for. */
const WAIT_MS = 600_000;

/** How close to the end of what is there its viewer comes before more is loaded. */
const AHEAD_MS = 10_000;

/** A hand that is dragged asks for where it rests so long. */
const REST_MS = 150;

/** The pauses before a stream that was lost is asked for again, of which the last one comes again and again; and how long a stream lasts that is none of the same trouble. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
const SOUND_MS = 30_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Loader {
  #turn = 0;
  #request = new AbortController();
  #rest = 0;
  #wanted;
  #begun = 0;
  /** The moment from which on it is loaded, as far as that is known. */
  #from = 0;
  #loading = false;
  /** All that was known came. */
  caughtUp = false;
  /** Ends the pause before the next try. */
  #endPause = () => {};

  /** `live`: whether the session is going on. `told`: what to do with words for the viewer, and at the end of the session. */
  constructor(source, session, player, live, told) {
    Object.assign(this, { source, session, player, live, told });
    player.loader = this;
    setInterval(() => this.#tell(), 500);
  }

  /** Loads what the viewer wants first: a moment; one in Unix ms, of which the player knows where it is once something has come; or neither. */
  begin({ ms, at }) {
    const wanted = this.live && at === undefined ? -END_LEAD_MS : 0;
    return this.#renew(ms === undefined ? wanted : Math.max(ms - LEAD_MS, 0));
  }

  /** Whether a moment is there, or comes soon. */
  has(ms) {
    const { session } = this;
    if (this.source.contained || session.end === null) return true;
    if (ms < session.begin - session.origin) return false;
    // Of a moment behind the session's end, its end is loaded.
    return ms <= session.loaded || (this.#loading ? ms <= Math.max(session.loaded, this.#from) + WAIT_MS : !session.more);
  }

  /** Loads the part around a moment. */
  want(ms) {
    if (ms === this.#wanted) return;
    this.#wanted = ms;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#wanted = undefined;
      if (!this.has(ms)) this.#renew(Math.max(ms - LEAD_MS, 0));
    }, REST_MS);
  }

  /** Loads nothing more for a moment that was asked for: another one is shown. */
  forgetWanted() {
    clearTimeout(this.#rest);
    this.#wanted = undefined;
  }

  /** Loads the end of a session that is going on. */
  toEnd() {
    this.forgetWanted();
    this.#renew(-END_LEAD_MS);
  }

  /** Loads more, if there is more and the viewer comes to the end of what is there. */
  goOn(ms) {
    const { session } = this;
    if (!session.more || session.loaded - ms > AHEAD_MS) return;
    if (this.#makeRoom()) {
      this.#load(this.#again());
    } else if (performance.now() - this.#begun > SOUND_MS) {
      this.player.wait(ms);
      this.#renew(ms);
    }
  }

  #renew(from) {
    this.session.renew(from);
    this.player.stage.renew();
    this.player.lists.forget();
    return this.#load(from);
  }

  async #load(from) {
    const turn = ++this.#turn;
    const isOver = () => turn !== this.#turn;
    this.#request.abort();
    const request = new AbortController();
    this.#request = request;
    this.player.open = true;
    this.session.more = false;
    this.#loading = true;
    this.#from = from;
    this.caughtUp = false;
    let tries = 0;
    for (;;) {
      this.#begun = performance.now();
      try {
        await this.#feed(from, request, isOver);
        break;
      } catch (error) {
        if (isOver()) return;
        if (performance.now() - this.#begun > SOUND_MS) tries = 0;
        const isLost = error instanceof Trouble && error.lost && (error.cut || this.session.end !== null);
        if (!isLost) {
          this.#loading = false;
          this.told.failed(error);
          return;
        }
        this.told.lost(error);
        await this.#pause(PAUSES_MS[Math.min(tries++, PAUSES_MS.length - 1)], request.signal);
        if (isOver()) return;
        if (this.session.end !== null) from = this.#again();
      }
    }
    if (isOver()) return;
    request.abort();
    this.#loading = false;
    this.caughtUp = true;
    if (!this.session.more) this.told.ended();
  }

  /** Asks again for a stream that was lost, at once. */
  tryNow() {
    this.#endPause();
  }

  /** Waits before the next try: until the time is over, or the network is back, or the viewer wants it; but not while nobody looks at the page. */
  async #pause(ms, signal) {
    const ended = new AbortController();
    const until = { signal: ended.signal };
    await new Promise((resolve) => {
      this.#endPause = resolve;
      const due = () => document.hidden || resolve();
      const timer = setTimeout(due, ms);
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
      addEventListener('online', due, until);
      document.addEventListener('visibilitychange', () => document.hidden || resolve(), until);
      signal.addEventListener('abort', resolve, until);
    });
    ended.abort();
  }

  /** Where to go on behind what is there. What happened at the last moment may not all have come: it comes again. */
  #again() {
    this.session.forgetLast();
    this.player.lists.forget();
    return this.session.loaded;
  }

  /** Feeds the player with events, and with later ones while the session goes on. */
  async #feed(from, request, isOver) {
    const { session, player } = this;
    let caughtUp = !this.live;
    let pause = performance.now();
    for await (const line of this.source.lines({ follow: this.live, from }, request.signal)) {
      if (isOver()) return;
      if (line === '' && !caughtUp) {
        caughtUp = true;
        this.caughtUp = true;
        player.caughtUp();
        this.told.caughtUp();
      }
      if (line.trim() === '') continue;
      const event = session.take(line);
      if (event) player.stage.add(event, session.origin);
      this.told.shown();
      if (session.full && !this.#makeRoom()) {
        session.more = !this.source.contained;
        if (!session.more) return;
        // Who sees the newest can't wait for what is before it.
        if (player.atEnd && performance.now() - this.#begun > SOUND_MS) this.#renew(-1_000);
        return;
      }
      if (performance.now() - pause > SLICE_MS) {
        await sleep();
        pause = performance.now();
      }
    }
  }

  /** Drops the oldest part of what is there, unless the viewer is in it. Returns whether there is room then. */
  #makeRoom() {
    const { session, player } = this;
    if (this.source.contained) return false;
    const needed = player.atEnd ? Infinity : session.origin + player.needs;
    const place = session.placeToDrop(needed);
    if (place !== null) {
      session.dropBefore(place);
      player.stage.dropBefore(place);
    } else if (!session.dropRows(needed)) return false;
    player.lists.forget();
    return !session.full;
  }

  /** Says which part is there, if it is not all. */
  #tell() {
    const { session } = this;
    const element = document.getElementById('part');
    const from = session.end === null ? 0 : session.begin - session.origin;
    // What comes last may have nothing to show, so that the session is a little longer than what is there of it.
    const isAll = session.end === null || (from <= 0 && !session.more && (this.caughtUp || session.loaded >= session.length));
    const text = isAll ? '' : `Marks and lists are of ${clock(from)} to ${clock(session.loaded)}. Go anywhere on the time line to load what is there.`;
    element.hidden = isAll || this.source.contained;
    if (element.textContent !== text) element.textContent = text;
  }
}
