// What the head of the page tells of the session.

import { spoken } from './format.js';

/** Writes what is known: the server's facts, each of which may be missing. */
export function tellAbout(facts) {
  const title = `Session ${facts.session ?? ''}`.trim();
  document.title = facts.user ? `${facts.user}, ${title}` : title;
  document.getElementById('title').textContent = title;
  const began = Number(facts.started_ms);
  const told = [
    facts.user,
    facts.browser,
    facts.os,
    facts.device,
    facts.country,
    began > 0 ? new Date(began).toLocaleString() : null,
    began > 0 && facts.last_ms > began ? spoken(facts.last_ms - began) : null,
    facts.project ? `project ${facts.project}` : null,
    facts.tracker ? `tracker ${facts.tracker}` : null,
  ];
  const items = told.filter(Boolean).map((text) => {
    const item = document.createElement('li');
    item.textContent = String(text).slice(0, 200);
    return item;
  });
  document.getElementById('facts-list').replaceChildren(...items);
}
