// What is known of a session so far: its rows, marks and idle times. Times are those of the events, in Unix ms.

import { LONGEST_MS } from './address.js';
import { rowOf } from './happened.js';
import { Tabs, lastBefore } from './tabs.js';

/** Longer than this without the visitor's doing counts as inactivity. */
const IDLE_MS = 5_000;

/** What the page keeps at most: of the events' text, in characters, and of rows. */
const TEXT_MOST = 400_000_000;
const ROWS_MOST = 300_000;

/** Who seems to go on after so long has a clock that leapt, or says so. */
const LEAP_MS = LONGEST_MS;

/** rrweb's sources of changes that a visitor makes: pointer, interaction, scrolling, size, input, touch, drag, selection. */
const BY_VISITOR = new Set([1, 2, 3, 4, 5, 6, 12, 14]);

/** Kinds of rows that a visitor makes. */
const ROWS_BY_VISITOR = new Set(['click', 'swipe', 'input', 'page', 'tab']);

export class Session {
  origin = null;
  /** What is there of it begins and ends here. */
  begin = null;
  end = null;
  /** There is more behind that, which is not being loaded. */
  more = false;
  /** Why the server could not go on. */
  cut = null;
  rows = [];
  tabs = new Tabs();
  /** The pages: `{ at, href }`, from rrweb's own events. */
  pages = [];
  /** The time of the first event after the end, as it was when somebody set this to null. */
  next = null;
  broken = 0;
  #whole = null;
  #asked = Infinity;
  #text = 0;
  #rowsText = 0;
  /** Where the page could begin: the times of snapshots, and the text that is before each. */
  #snapshots = [];
  #leap = 0;
  #active = null;
  #idle = [];
  #location = null;

  /** Takes a line of the stream. Returns the event if it is one for the Replayer. */
  take(json) {
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
    if (event.type === 5 && this.#told(event.data)) return null;
    this.origin ??= event.timestamp;
    this.#active ??= event.timestamp;
    event.timestamp = this.#withoutLeap(event.timestamp);
    // The Replayer relies on the order; one that comes late is shown when it comes.
    event.timestamp = Math.max(event.timestamp, this.end ?? event.timestamp);
    if (event.timestamp > this.end) this.next ??= event.timestamp;
    this.end = event.timestamp;
    this.begin ??= Math.min(event.timestamp, this.origin + this.#asked);
    if (event.type === 5) {
      this.#happened(this.tabs.take(event) ?? rowOf(event), json.length);
      return null;
    }
    if (event.type === 4) this.#snapshots.push({ at: event.timestamp, text: this.#text });
    this.#text += json.length;
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

  #happened(row, size) {
    if (row === null) return;
    // Trackers tell the address again and again.
    if (row.kind === 'page') {
      if (row.text === this.#location) return;
      this.#location = row.text;
    }
    if (ROWS_BY_VISITOR.has(row.kind)) this.#acted(row.at);
    row.size = size;
    this.#rowsText += size;
    this.rows.push(row);
  }

  #acted(at) {
    if (at - this.#active > IDLE_MS) this.#idle.push([this.#active, at]);
    this.#active = at;
  }

  /** What the server tells of the whole. Returns whether it does. */
  #told({ tag, payload }) {
    if (tag === 'span' && Number.isFinite(payload?.from) && Number.isFinite(payload.to)) {
      this.origin ??= payload.from;
      this.#whole = Math.max(this.#whole ?? payload.to, payload.to);
      return true;
    }
    if (tag !== 'cut') return false;
    this.cut = String(payload?.why).slice(0, 300);
    return true;
  }

  /** Whether it is more than the page keeps. */
  get full() {
    return this.#text + this.#rowsText > TEXT_MOST || this.rows.length > ROWS_MOST;
  }

  /** Another part of the session comes: from a moment on, in ms, or from one that is not known (below 0). */
  renew(from) {
    this.#asked = from < 0 ? Infinity : from;
    Object.assign(this, { begin: null, end: null, more: false, cut: null, rows: [], pages: [], next: null });
    this.tabs.renew();
    [this.#text, this.#rowsText, this.#snapshots] = [0, 0, []];
    [this.#leap, this.#active, this.#location, this.#idle] = [0, null, null, []];
  }

  /** Forgets the rows of the last moment, which come again. */
  forgetLast() {
    while (this.rows.length > 0 && this.rows.at(-1).at >= this.end) this.#rowsText -= this.rows.pop().size;
    this.tabs.forgetFrom(this.end);
    this.#location = this.rows.findLast((row) => row.kind === 'page')?.text ?? null;
  }

  /** The snapshot from which on about half of the text is left, if what is needed is behind it; null if there is none. */
  placeToDrop(needed) {
    const place = this.#snapshots.find(({ text }) => text >= this.#text / 2) ?? this.#snapshots.at(-1);
    return place && place.at > this.begin && place.at <= needed ? place.at : null;
  }

  /** Forgets what is before a snapshot. */
  dropBefore(at) {
    const before = this.#snapshots.find((snapshot) => snapshot.at >= at).text;
    this.#snapshots = this.#snapshots.filter((snapshot) => snapshot.at >= at).map((snapshot) => ({ ...snapshot, text: snapshot.text - before }));
    this.#text -= before;
    this.#dropRows(lastBefore(this.rows, at - 1) + 1);
    this.#idle = this.#idle.filter(([, to]) => to > at);
    this.tabs.dropBefore(at);
    this.pages = this.pages.slice(Math.max(lastBefore(this.pages, at), 0));
    this.begin = at;
  }

  /** Forgets the older half of the rows, if that is not needed. Returns whether it did. */
  dropRows(needed) {
    const half = this.rows.length >> 1;
    if (half === 0 || this.rows[half].at > needed) return false;
    this.#dropRows(half);
    return true;
  }

  #dropRows(count) {
    for (const row of this.rows.slice(0, count)) this.#rowsText -= row.size;
    this.rows = this.rows.slice(count);
  }

  /** Stretches in which nobody did anything: `[from, to]`. The last one may go on, or last to the session's end. */
  get idle() {
    return this.#isIdle() ? [...this.#idle, [this.#active, this.end]] : this.#idle;
  }

  /** Whether nobody has done anything for long, as far as the session is known. */
  #isIdle() {
    return this.#active !== null && this.end - this.#active > IDLE_MS;
  }

  /** How long the session is, as far as that is known. */
  get length() {
    return this.origin === null ? 0 : Math.max(this.end ?? this.origin, this.#whole ?? this.origin) - this.origin;
  }

  /** How far of it is there. */
  get loaded() {
    return this.end === null ? 0 : this.end - this.origin;
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
