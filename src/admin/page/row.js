// A session's row in the list: its facts, which lead to the player, and its timeline when that is unfolded.

import { length, make, number, since } from './show.js';
import { Timeline } from './timeline.js';

/** The longest text of a fact: the rest would not be seen. */
const TEXT_MAX = 300;

const short = (text) => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
const userOf = (session) => short(session.user ?? `session ${session.session}`);

/** The facts. `nowMs` is the server's time. */
function facts(session, nowMs) {
  const client = [session.browser, session.os, session.device].filter((text) => text && text !== 'UnknownDevice');
  const state = session.live
    ? make('span', { class: 'live' }, '● live')
    : make('span', { class: 'quiet', title: new Date(session.started_ms).toLocaleString() }, since(session.started_ms, nowMs));
  const user = userOf(session);
  const place = [client.join(', '), session.country, session.project === null ? null : `project ${session.project}`];
  const errors = session.errors === 1 ? '1 error' : `${number(session.errors)} errors`;
  const page = short(session.pages.at(-1) ?? '');
  return [state, make('span', { title: user }, make('bdi', {}, user)),
    make('span', { class: 'quiet' }, make('bdi', {}, short(place.filter(Boolean).join(' · ')))),
    make('span', { class: 'quiet', title: session.pages.map(short).join('\n') }, make('bdi', {}, page)),
    make('span', { class: session.errors > 0 ? 'bad' : 'quiet' },
      session.errors > 0 ? `${errors} · ` : '', length(session.last_ms - session.started_ms))];
}

/** A row. It stays the same element while its session changes, so that who is in it stays there. */
export class Row {
  #session;
  #shown = '';
  #timeline = null;
  #link;
  #button;
  #place;

  constructor(session, nowMs) {
    this.#link = make('a', { href: `play/${session.session}` });
    this.#place = make('div', { class: 'timeline', id: `timeline-${session.session}`, hidden: '' });
    this.#button = make('button', { type: 'button', class: 'fold', 'aria-expanded': 'false', 'aria-controls': this.#place.id }, '▸');
    this.#button.addEventListener('click', () => this.#fold(this.#place.hidden));
    this.element = make('li', { 'data-session': session.session }, this.#button, this.#link, this.#place);
    this.update(session, nowMs);
  }

  /** Shows what is known now. */
  update(session, nowMs) {
    this.#session = session;
    this.#timeline?.update(session);
    const parts = facts(session, nowMs);
    const shown = parts.map((part) => part.outerHTML).join('');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#link.replaceChildren(...parts);
    this.#button.setAttribute('aria-label', `Timeline of ${userOf(session)}`);
  }

  #fold(isUnfolded) {
    this.#timeline?.end();
    this.#place.hidden = !isUnfolded;
    this.#button.setAttribute('aria-expanded', String(isUnfolded));
    this.#timeline = isUnfolded ? new Timeline(this.#session, this.#place) : null;
  }

  /** Nobody looks: nothing is followed until the next update. */
  pause() {
    this.#timeline?.pause();
  }

  /** Takes it out of the list. */
  remove() {
    this.#timeline?.end();
    this.element.remove();
  }
}
