// The time line: marks of what happened, and the moment that is shown. A click or a drag goes there.

import { clock, spoken } from './format.js';
import { inOneLine } from './happened.js';
import { lastBefore } from './tabs.js';

/** Marked kinds of rows, those on top last. */
const MARKED = ['click', 'swipe', 'page', 'tab', 'gap', 'error'];

/** How often the marks are drawn at most, while events come. */
const DRAW_EVERY_MS = 250;

export class Timeline {
  #drawn = '';
  #drawnAt = 0;
  #colours = {};

  constructor(element, session, seek) {
    this.element = element;
    this.session = session;
    this.canvas = element.querySelector('#marks');
    this.hand = element.querySelector('#hand');
    this.hint = element.querySelector('#hint');
    const at = (event) => {
      const box = element.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * session.length;
    };
    element.addEventListener('pointerdown', (event) => {
      element.setPointerCapture(event.pointerId);
      seek(at(event));
    });
    element.addEventListener('pointermove', (event) => {
      if (element.hasPointerCapture(event.pointerId)) seek(at(event));
      this.#explain(at(event), event.clientX - element.getBoundingClientRect().left);
    });
    element.addEventListener('pointerleave', () => (this.hint.hidden = true));
    new ResizeObserver(() => this.draw(true)).observe(element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw(true));
  }

  /** Moves the hand. */
  show(ms) {
    const { length } = this.session;
    this.hand.style.left = `${length > 0 ? (Math.min(ms, length) / length) * 100 : 0}%`;
    const second = Math.floor(ms / 1000);
    if (this.element.ariaValueNow !== String(second)) {
      this.element.ariaValueNow = String(second);
      this.element.ariaValueMax = String(Math.floor(length / 1000));
      this.element.ariaValueText = `${spoken(ms)} of ${spoken(length)}`;
    }
  }

  /** Draws the marks if there are new ones. */
  draw(anew = false) {
    const { session, canvas } = this;
    const state = `${session.end} ${session.rows.length}`;
    const now = performance.now();
    if (!anew && (state === this.#drawn || now - this.#drawnAt < DRAW_EVERY_MS)) return;
    this.#drawn = state;
    this.#drawnAt = now;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    if (session.length <= 0 || width === 0) return;
    const style = getComputedStyle(this.element);
    for (const kind of [...MARKED, 'idle']) this.#colours[kind] = style.getPropertyValue(`--${kind}`);
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const x = (at) => ((at - session.origin) / session.length) * width;
    pen.fillStyle = this.#colours.idle;
    for (const [from, to] of session.idle) pen.fillRect(x(from), 0, Math.max(x(to) - x(from), 1), height);
    for (const kind of MARKED) {
      pen.fillStyle = this.#colours[kind];
      let last = -2;
      for (const row of session.rows) {
        if (row.kind !== kind) continue;
        const left = Math.round(x(row.at));
        // One mark for what would stand in one place.
        if (left - last < 2) continue;
        last = left;
        if (kind === 'click' || kind === 'swipe') {
          pen.beginPath();
          pen.arc(left, height * 0.68, 3, 0, 7);
          pen.fill();
        } else if (kind === 'tab') {
          // A flag.
          pen.fillRect(left - 1, 0, 2, height * 0.55);
          pen.fillRect(left - 1, 0, 9, 6);
        } else if (kind === 'page') {
          pen.fillRect(left - 1, 0, 2, height);
        } else {
          pen.fillRect(left - 1.5, 0, 3, height * 0.55);
        }
      }
    }
  }

  #explain(ms, left) {
    const { session, hint } = this;
    if (session.origin === null) return;
    const reach = (session.length / Math.max(this.element.clientWidth, 1)) * 5;
    const marked = [];
    const { rows } = session;
    for (let index = lastBefore(rows, session.origin + ms + reach); index >= 0 && marked.length < 4; index--) {
      if (rows[index].at < session.origin + ms - reach) break;
      if (MARKED.includes(rows[index].kind)) marked.unshift(inOneLine(rows[index], session.origin));
    }
    hint.textContent = [clock(ms, true), ...marked].join('\n');
    hint.hidden = false;
    hint.style.left = `${Math.min(Math.max(left, 0), this.element.clientWidth)}px`;
    hint.classList.toggle('leftwards', left > this.element.clientWidth / 2);
  }
}
