// The list of sessions.

import { ask, byId, length, make, number, since } from './show.js';

const REFRESH_MS = 2000;

const list = byId('list');
const filter = byId('filter');
let timer;
let pending;
/** Older sessions are shown: the list stays as it is. */
let isExtended = false;

function query(before) {
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(filter)) if (value.trim() !== '') parameters.set(name, value.trim());
  if (before) parameters.set('before', before);
  return `api/sessions?${parameters}`;
}

function row(session) {
  const client = [session.browser, session.os, session.device].filter((text) => text && text !== 'UnknownDevice');
  const state = session.live
    ? make('span', { class: 'live' }, '● live')
    : make('span', { class: 'quiet', title: new Date(session.started_ms).toLocaleString() }, since(session.started_ms));
  const user = session.user ?? `session ${session.session}`;
  const place = [client.join(', '), session.country, session.project === null ? null : `project ${session.project}`];
  const page = session.pages.at(-1) ?? '';
  const errors = session.errors === 1 ? '1 error' : `${number(session.errors)} errors`;
  const facts = make('span', { class: session.errors > 0 ? 'bad' : 'quiet' },
    session.errors > 0 ? `${errors} · ` : '', length(session.last_ms - session.started_ms));
  const link = make('a', { href: `play/${session.session}` }, state, make('span', { title: user }, user),
    make('span', { class: 'quiet' }, place.filter(Boolean).join(' · ')), make('span', { class: 'quiet', title: session.pages.join('\n') }, page), facts);
  return make('li', { 'data-session': session.session }, link);
}

function tell(listed, shown) {
  const parts = [shown === 0 ? 'No sessions yet that match.' : `${number(shown)} of ${number(listed.known)} recent sessions`];
  if (listed.error) parts.push(`The log cannot be read: ${listed.error}`);
  if (listed.behind_ms > 5000) parts.push(`${number(listed.behind_ms / 1000)} s behind the log`);
  if (listed.passed_over) parts.push('some were passed over, because there were too many at once');
  if (listed.sessions.some((session) => session.sampled)) parts.push('details are sampled');
  if (listed.since_ms) parts.push(`since ${new Date(listed.since_ms).toLocaleString()}`);
  byId('told').textContent = parts.join(' · ');
}

/** Puts rows in place of the old ones, and keeps the focus where it was. */
function put(sessions) {
  const focused = document.activeElement?.closest?.('#list li')?.dataset.session;
  list.replaceChildren(...sessions.map(row));
  if (focused) list.querySelector(`[data-session="${CSS.escape(focused)}"] a`)?.focus();
}

async function refresh(trouble) {
  clearTimeout(timer);
  pending?.abort();
  pending = new AbortController();
  const { signal } = pending;
  try {
    const listed = await ask(query(), { signal });
    trouble(null);
    if (!isExtended) {
      put(listed.sessions);
      byId('more').hidden = listed.next === null;
      byId('more').dataset.before = listed.next ?? '';
      tell(listed, listed.sessions.length);
    }
  } catch (error) {
    if (error.name === 'AbortError') return;
    trouble(error);
  }
  if (!signal.aborted) timer = setTimeout(() => refresh(trouble), document.hidden ? 10 * REFRESH_MS : REFRESH_MS);
}

async function more(trouble) {
  try {
    const listed = await ask(query(byId('more').dataset.before));
    isExtended = true;
    list.append(...listed.sessions.map(row));
    byId('more').hidden = listed.next === null;
    byId('more').dataset.before = listed.next ?? '';
    tell(listed, list.children.length);
  } catch (error) {
    trouble(error);
  }
}

/** Shows the list and keeps it fresh; returns what ends that. */
export function showSessions(trouble) {
  const again = () => {
    isExtended = false;
    refresh(trouble);
  };
  const ended = new AbortController();
  const { signal } = ended;
  filter.addEventListener('input', again, { signal });
  filter.addEventListener('submit', (event) => event.preventDefault(), { signal });
  byId('more').addEventListener('click', () => more(trouble), { signal });
  document.addEventListener('visibilitychange', () => document.hidden || refresh(trouble), { signal });
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
    const next = step && event.target.closest('li')?.[step];
    if (!next) return;
    event.preventDefault();
    next.querySelector('a').focus();
  }, { signal });
  again();
  return () => {
    ended.abort();
    clearTimeout(timer);
    pending?.abort();
  };
}
