// The lists of what happened. Only the rows that can be seen are in the document, however many there are.

import { clock } from './format.js';
import { LISTS } from './happened.js';
import { lastBefore } from './tabs.js';

/** The height of a row in pixels, as the style sheet has it. */
const ROW_HEIGHT = 28;

const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};

export class Lists {
  list = LISTS[0];
  #rows = [];
  #taken = 0;
  #counts = new Map();
  #wanted = '';
  #current = -1;
  #chosen = null;
  #items = new Map();

  constructor(session, { seek, changed }) {
    this.session = session;
    this.seek = seek;
    this.changed = changed;
    const element = (id) => document.getElementById(id);
    this.scroller = element('list');
    this.holder = element('rows');
    this.none = element('none');
    this.filter = element('filter');
    this.detail = element('detail');
    this.tabs = LISTS.map((list) => this.#tab(list, element('panels')));
    this.filter.addEventListener('input', () => {
      this.#wanted = this.filter.value.toLowerCase();
      this.#renew();
    });
    this.scroller.addEventListener('scroll', () => this.#paint());
    element('close-detail').addEventListener('click', () => this.#choose(null));
    new ResizeObserver(() => this.#paint()).observe(this.scroller);
  }

  #tab(list, panels) {
    const tab = make('button', '', list.title);
    tab.type = 'button';
    tab.role = 'tab';
    const count = make('span', 'count');
    tab.append(' ', count);
    tab.addEventListener('click', () => this.open(list.name));
    tab.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.stopPropagation();
      const next = LISTS[(LISTS.indexOf(list) + step + LISTS.length) % LISTS.length];
      this.open(next.name);
      this.tabs[LISTS.indexOf(next)].tab.focus();
    });
    panels.append(tab);
    return { list, tab, count };
  }

  /** Opens the list of this name, if there is one. */
  open(name) {
    this.list = LISTS.find((list) => list.name === name) ?? LISTS[0];
    this.#renew();
    this.changed(this.list.name);
  }

  /** Takes the rows that have come, and marks the one of this moment. */
  show(at) {
    this.#take();
    const current = lastBefore(this.#rows, at);
    if (current === this.#current) return;
    this.#current = current;
    // Not while somebody reads.
    if (!this.scroller.matches(':hover, :focus-within')) this.#reveal(current);
    this.#paint();
  }

  /** Takes all rows again: the oldest have gone. */
  forget() {
    this.#taken = 0;
    this.#counts.clear();
    this.#renew();
  }

  /** The time of the row before or after a moment, in this list. */
  neighbour(at, step) {
    const before = lastBefore(this.#rows, step < 0 ? at - 1 : at);
    return this.#rows[step < 0 ? before : before + 1]?.at;
  }

  #renew() {
    for (const { list, tab } of this.tabs) {
      tab.ariaSelected = String(list === this.list);
      tab.tabIndex = list === this.list ? 0 : -1;
    }
    this.scroller.ariaLabel = this.list.title;
    this.#rows = this.session.rows.slice(0, this.#taken).filter((row) => this.#fits(row));
    this.#current = -1;
    this.#paint();
  }

  #fits(row) {
    if (this.list.kinds && !this.list.kinds.includes(row.kind)) return false;
    return this.#wanted === '' || `${row.kind} ${row.name} ${row.text}`.toLowerCase().includes(this.#wanted);
  }

  #take() {
    const { rows } = this.session;
    if (this.#taken === rows.length) return;
    for (; this.#taken < rows.length; this.#taken++) {
      const row = rows[this.#taken];
      this.#counts.set(row.kind, (this.#counts.get(row.kind) ?? 0) + 1);
      if (this.#fits(row)) this.#rows.push(row);
    }
    for (const { list, count } of this.tabs) {
      const kinds = list.kinds ?? [...this.#counts.keys()];
      count.textContent = String(kinds.reduce((sum, kind) => sum + (this.#counts.get(kind) ?? 0), 0));
    }
    this.#paint();
  }

  #reveal(index) {
    const [top, height] = [index * ROW_HEIGHT, this.scroller.clientHeight];
    const { scrollTop } = this.scroller;
    if (top < scrollTop || top + ROW_HEIGHT > scrollTop + height) this.scroller.scrollTop = top - height / 2;
  }

  #paint() {
    const rows = this.#rows;
    this.none.hidden = rows.length > 0;
    this.holder.style.height = `${rows.length * ROW_HEIGHT}px`;
    // The list may have become shorter than the place that was scrolled to.
    const top = Math.min(this.scroller.scrollTop, Math.max(rows.length * ROW_HEIGHT - this.scroller.clientHeight, 0));
    const first = Math.max(Math.floor(top / ROW_HEIGHT) - 5, 0);
    const last = Math.min(first + Math.ceil(this.scroller.clientHeight / ROW_HEIGHT) + 10, rows.length);
    const items = new Map();
    for (let index = first; index < last; index++) {
      const row = rows[index];
      // Elements stay while their rows are seen, or a click that has begun would not end on the same one.
      const item = this.#items.get(row) ?? this.#item(row);
      this.#place(item, row, index);
      items.set(row, item);
    }
    for (const [row, item] of this.#items) if (!items.has(row)) item.remove();
    this.#items = items;
  }

  #item(row) {
    const item = make('li');
    const button = make('button', `row ${row.mood}`);
    button.type = 'button';
    button.append(make('span', 'at', clock(row.at - this.session.origin)), make('span', `kind ${row.kind}`, row.kind), make('span', 'text', row.text));
    button.addEventListener('click', () => {
      this.#choose(row);
      this.seek(row.at - this.session.origin);
    });
    item.append(button);
    return item;
  }

  /** Puts a row where it belongs, in the order of the list for those who go through it by key. */
  #place(item, row, index) {
    item.style.top = `${index * ROW_HEIGHT}px`;
    item.ariaPosInSet = String(index + 1);
    item.ariaSetSize = String(this.#rows.length);
    const button = item.firstElementChild;
    button.ariaCurrent = index === this.#current ? 'true' : null;
    button.classList.toggle('chosen', row === this.#chosen);
    item.index = index;
    if (item.isConnected) return;
    const after = [...this.holder.children].find((other) => other.index > index) ?? null;
    this.holder.insertBefore(item, after);
  }

  #choose(row) {
    this.#chosen = row;
    this.detail.hidden = row === null;
    if (row) {
      document.getElementById('detail-title').textContent = `${row.name} at ${clock(row.at - this.session.origin, true)}`;
      const fields = Object.entries(row.fields).flatMap(([name, value]) => [make('dt', '', name), make('dd', '', readable(value))]);
      document.getElementById('detail-fields').replaceChildren(...fields);
    }
    this.#paint();
  }
}

/** A field's value as text; JSON in a text is laid out. */
function readable(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
