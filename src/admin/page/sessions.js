// The list of sessions.

import { filterAddress, filterQuery, setFilter, wrongFilter } from './filter.js';
import { Row } from './row.js';
import { ask, byId, number, troubles } from './show.js';
import { follow } from './stream.js';

/** How many rows the list has at first, and at most. */
const ROWS = 100;
const ROWS_MAX = 1000;
/** Who was not heard of for so long is not live: the server says so too. */
const LIVE_MS = 60_000;
/** Of the time, one part in so many may go into asking. */
const SHARE = 10;
/** How long to wait after a question that failed. */
const FAILED_MS = 3000;
/** How often what is said of times is said anew. */
const AGES_MS = 20_000;

const list = byId('list');
const filter = byId('filter');
/** The rows that are shown, by session. */
const rows = new Map();
let listed = null;
/** How far the server's clock is ahead of this one. */
let aheadMs = 0;

const nowMs = () => Date.now() + aheadMs;

function tell() {
  const { sessions } = listed;
  const nothing = listed.known === 0 ? 'No sessions yet. They are here within a second of being recorded.' : 'No sessions that match.';
  const parts = [sessions.length === 0 ? nothing : `${number(sessions.length)} of ${number(listed.known)} recent sessions`];
  if (listed.error) parts.push(`The log cannot be read: ${listed.error}`);
  if (listed.behind_ms > 5000) parts.push(`${number(listed.behind_ms / 1000)} s behind the log`);
  if (listed.passed_over) parts.push('some were passed over, because there were too many at once');
  if (sessions.some((session) => session.sampled)) parts.push('details are sampled');
  if (listed.since_ms) parts.push(`since ${new Date(listed.since_ms).toLocaleString()}`);
  if (listed.next !== null && sessions.length >= ROWS_MAX) parts.push('there are older ones: choose a time to see them');
  say('quiet', parts.join(' · '));
}

/** What is the same is not said again: it is read out. */
function say(kind, text) {
  const told = byId('told');
  told.className = kind;
  if (told.textContent !== text) told.textContent = text;
}

/** Shows the sessions that were listed last. Rows that stay are not touched, and neither is the focus in them. */
function put() {
  const stay = new Set(listed.sessions.map(({ session }) => session));
  for (const [session, row] of rows) {
    if (stay.has(session)) continue;
    row.remove();
    rows.delete(session);
  }
  let next = list.firstElementChild;
  for (const session of listed.sessions) {
    let row = rows.get(session.session);
    if (row) row.update(session, nowMs());
    else rows.set(session.session, (row = new Row(session, nowMs())));
    if (row.element === next) next = next.nextElementSibling;
    else list.insertBefore(row.element, next);
  }
}

/** Shows the list and keeps it fresh; returns what ends that. `said` is what the address says about it. */
export function showSessions(trouble, said) {
  const ended = new AbortController();
  const { signal } = ended;
  const [ofStream, ofList] = troubles(trouble, 2);
  let limit = ROWS;
  let pending = null;
  let isNew = false;
  let restsUntil = 0;
  let timer;
  let liveTimer;

  /** Asks soon: not while a question is on its way, and not all the time. */
  function soon() {
    isNew = true;
    if (pending || timer !== undefined) return;
    timer = setTimeout(now, Math.max(0, restsUntil - performance.now()));
  }

  async function now() {
    clearTimeout(timer);
    timer = undefined;
    pending?.abort();
    const own = new AbortController();
    pending = own;
    isNew = false;
    const began = performance.now();
    try {
      const parameters = filterQuery(nowMs());
      parameters.set('limit', limit);
      const answer = await ask(`api/sessions?${parameters}`, { signal: own.signal });
      if (own.signal.aborted) return;
      listed = answer;
      aheadMs = listed.now_ms - Date.now();
      restsUntil = performance.now() + (SHARE - 1) * (performance.now() - began);
      ofList(null);
      put();
      tell();
      byId('more').hidden = listed.next === null || limit >= ROWS_MAX;
      untilNextIsOver();
    } catch (error) {
      if (own.signal.aborted) return;
      restsUntil = performance.now() + FAILED_MS;
      // What was asked wrongly is no better the next time.
      isNew ||= error.status !== 400;
      ofList(error);
    } finally {
      if (pending === own) pending = null;
    }
    if (isNew && !signal.aborted) soon();
  }

  /** A session is over when nothing comes, which nobody tells. */
  function untilNextIsOver() {
    clearTimeout(liveTimer);
    const live = listed.sessions.filter((session) => session.live).map((session) => session.last_ms);
    if (live.length > 0) liveTimer = setTimeout(soon, Math.max(1000, Math.min(...live) + LIVE_MS + 100 - listed.now_ms));
  }

  function filtered() {
    const address = filterAddress();
    history.replaceState(null, '', address === '' ? '#sessions' : `#sessions?${address}`);
    const wrong = wrongFilter();
    if (wrong === undefined) {
      limit = ROWS;
      now();
      return;
    }
    say('bad', wrong);
  }

  if (said !== undefined) setFilter(said);
  filter.addEventListener('input', filtered, { signal });
  filter.addEventListener('submit', (event) => event.preventDefault(), { signal });
  byId('clear').addEventListener('click', () => {
    setFilter('');
    filtered();
  }, { signal });
  byId('more').addEventListener('click', () => {
    limit = Math.min(ROWS_MAX, limit * 2);
    now();
  }, { signal });
  list.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowDown' ? 'nextElementSibling' : event.key === 'ArrowUp' ? 'previousElementSibling' : undefined;
    const next = step && event.target.closest('#list > li')?.[step];
    if (!next) return;
    event.preventDefault();
    next.querySelector('a').focus();
  }, { signal });
  let seen;
  const unfollow = follow('api/changes', (counts, isFirst) => {
    if (isFirst || counts.sessions !== seen) soon();
    seen = counts.sessions;
  }, (error) => {
    ofStream(error);
    // There is no place to follow from, but the list can be asked for.
    if (error?.status === 503) soon();
  });
  const rest = () => rows.forEach((row) => row.pause());
  document.addEventListener('visibilitychange', () => document.hidden && rest(), { signal });
  const ages = setInterval(() => listed && !document.hidden && put(), AGES_MS);
  filtered();
  return () => {
    ended.abort();
    unfollow();
    rest();
    clearInterval(ages);
    clearTimeout(timer);
    clearTimeout(liveTimer);
    pending?.abort();
  };
}
