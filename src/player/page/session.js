// What is known of a session so far: its rows, marks and idle times. Times are those of the events, in Unix ms.

import { rowOf } from './happened.js';
import { Tabs, lastBefore } from './tabs.js';

/** Longer than this without the visitor's doing counts as inactivity. */
const IDLE_MS = 5_000;

/** What the page keeps at most: of the events' text, in characters, and of rows. Beyond it the session is shown as far as it goes. */
const TEXT_MOST = 400_000_000;
const ROWS_MOST = 300_000;

/** Who seems to go on after so long has a clock that leapt, or says so. */
const LEAP_MS = 10 * 365 * 24 * 3_600_000;

/** rrweb's sources of changes that a visitor makes: pointer, interaction, scrolling, size, input, touch, drag, selection. */
const BY_VISITOR = new Set([1, 2, 3, 4, 5, 6, 12, 14]);

/** Kinds of rows that a visitor makes. */
const ROWS_BY_VISITOR = new Set(['click', 'swipe', 'input', 'page', 'tab']);

export class Session {
  origin = null;
  end = null;
  rows = [];
  tabs = new Tabs();
  /** The pages: `{ at, href }`, from rrweb's own events. */
  pages = [];
  /** The time of the first event after the end, as it was when somebody set this to null. */
  next = null;
  broken = 0;
  full = false;
  #text = 0;
  #leap = 0;
  #active = null;
  #idle = [];
  #location = null;

  /** Takes a line of the stream. Returns the event if it is one for the Replayer. */
  take(json) {
    if (this.full) return null;
    this.#text += json.length;
    if (this.#text > TEXT_MOST || this.rows.length >= ROWS_MOST) {
      this.full = true;
      return null;
    }
    let event;
    try {
      event = JSON.parse(json);
    } catch {
      this.broken++;
      return null;
    }
    if (typeof event?.timestamp !== 'number' || typeof event.data !== 'object' || event.data === null) {
      this.broken++;
      return null;
    }
    this.origin ??= event.timestamp;
    this.#active ??= event.timestamp;
    event.timestamp = this.#withoutLeap(event.timestamp);
    // The Replayer relies on the order; one that comes late is shown when it comes.
    event.timestamp = Math.max(event.timestamp, this.end ?? event.timestamp);
    if (event.timestamp > this.end) this.next ??= event.timestamp;
    this.end = event.timestamp;
    if (event.type === 5) {
      this.#happened(this.tabs.take(event) ?? rowOf(event));
      return null;
    }
    if (event.type === 4 && event.data.href !== this.pages.at(-1)?.href) {
      this.pages.push({ at: event.timestamp, href: String(event.data.href ?? '') });
    }
    if (event.type === 3 && BY_VISITOR.has(event.data.source)) this.#acted(event.timestamp);
    return event;
  }

  /** What is years away follows at once, and what follows it at its own distance: else all that is shown would stand at one place of the time line. */
  #withoutLeap(at) {
    if (this.end === null || at - this.end <= LEAP_MS) return at;
    if (at - this.#leap < this.end || at - this.#leap - this.end > LEAP_MS) this.#leap = at - this.end;
    return at - this.#leap;
  }

  #happened(row) {
    if (row === null) return;
    // Trackers tell the address again and again.
    if (row.kind === 'page') {
      if (row.text === this.#location) return;
      this.#location = row.text;
    }
    if (ROWS_BY_VISITOR.has(row.kind)) this.#acted(row.at);
    this.rows.push(row);
  }

  #acted(at) {
    if (at - this.#active > IDLE_MS) this.#idle.push([this.#active, at]);
    this.#active = at;
  }

  /** Stretches in which nobody did anything: `[from, to]`. The last one may go on, or last to the session's end. */
  get idle() {
    return this.#isIdle() ? [...this.#idle, [this.#active, this.end]] : this.#idle;
  }

  /** Whether nobody has done anything for long, as far as the session is known. */
  #isIdle() {
    return this.#active !== null && this.end - this.#active > IDLE_MS;
  }

  /** How long it is. */
  get length() {
    return this.origin === null ? 0 : this.end - this.origin;
  }

  /** The end of the inactivity in which this moment lies, if it does. */
  idleUntil(at) {
    if (this.#isIdle() && at >= this.#active) return at < this.end ? this.end : null;
    const [, to] = this.#idle[lastBefore(this.#idle, at, ([from]) => from)] ?? [0, 0];
    return to > at ? to : null;
  }

  /** The address of the page at a moment. */
  pageAt(at) {
    return (this.pages[lastBefore(this.pages, at, (page) => page.at)] ?? this.pages[0])?.href ?? '';
  }
}
