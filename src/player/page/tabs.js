// The tabs of the visitor's browser: their pages, and which one the visitor looks at.

import { line } from './format.js';

/** So many tabs are known one by one; what is told of others counts as one. */
const TABS_MOST = 200;

/** So many pages of a tab are named. */
const PAGES_MOST = 5_000;

/** So many changes of tabs are kept. */
const CHANGES_MOST = 100_000;

export class Tabs {
  /** The tabs, in the order in which they were first heard of: `{ id, number, pages }`, pages as `{ at, name }`. */
  list = [];
  /** The changes of tabs: `{ at, tab }`. The first is the tab that was in front at the beginning. */
  changes = [];
  #known = new Map();

  /** Takes a custom event. Returns the row for a change of tabs. */
  take(event) {
    const { tag, payload } = event.data;
    if (tag === 'TabChange') return this.#front(event, payload?.TabId);
    if (tag !== 'tab' || typeof payload?.tab !== 'string') return null;
    if (payload.shown === true) return this.#front(event, payload.tab);
    const name = line(payload.title || payload.url, 80);
    const { pages } = this.#tab(payload.tab);
    if (name !== '' && name !== pages.at(-1)?.name && pages.length < PAGES_MOST) pages.push({ at: event.timestamp, name });
    return null;
  }

  /** Another part of the session comes, which tells its tabs again. They keep their numbers. */
  renew() {
    this.changes = [];
    for (const tab of this.list) tab.pages = [];
  }

  /** Forgets what was before a moment. */
  dropBefore(at) {
    const since = (items) => items.slice(Math.max(lastBefore(items, at), 0));
    this.changes = since(this.changes);
    for (const tab of this.list) tab.pages = since(tab.pages);
  }

  /** Forgets the changes from a moment on, which come again. */
  forgetFrom(at) {
    while (this.changes.length > 0 && this.changes.at(-1).at >= at) this.changes.pop();
  }

  #tab(id) {
    const known = this.#known.get(id);
    if (known) return known;
    if (this.list.length === TABS_MOST) return this.list[TABS_MOST - 1];
    const tab = { id, number: this.list.length + 1, pages: [] };
    this.list.push(tab);
    this.#known.set(id, tab);
    return tab;
  }

  #front(event, id) {
    if (typeof id !== 'string') return null;
    const tab = this.#tab(id);
    const before = this.changes.at(-1)?.tab;
    if (tab === before) return null;
    if (this.changes.length >= CHANGES_MOST) this.changes = this.changes.slice(CHANGES_MOST / 2);
    this.changes.push({ at: event.timestamp, tab });
    if (before === undefined) return null;
    const row = { at: event.timestamp, kind: 'tab', mood: '', name: event.data.tag, fields: event.data.payload };
    // Its page may be told later.
    Object.defineProperty(row, 'text', { get: () => `${nameOf(tab, row.at)} comes to the front.` });
    return row;
  }
}

/** A tab's number, and its page at a moment. */
export function nameOf(tab, at) {
  const page = tab.pages[lastBefore(tab.pages, at)] ?? tab.pages[0];
  return page ? `Tab ${tab.number}: ${page.name}` : `Tab ${tab.number}`;
}

/** The index of the last of the sorted items whose time is not after `at`; -1 if there is none. */
export function lastBefore(items, at, time = (item) => item.at) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time(items[middle]) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
