// What happened in a session, below its row. It was recorded: it becomes text, and there is only so much of it.

import { length, make, number, open } from './show.js';

/** How many events are shown. */
const LINES_MAX = 200;
/** How much of an event's text. */
const TEXT_MAX = 300;
/** How much is read for them. */
const READ_MAX = 1 << 20;

const KINDS_BAD = new Set(['error', 'issue']);

/** The first events of a session, and whether there are more. Ends the answer when enough was read. */
async function read(session, reading) {
  const answer = await open(`api/sessions/${session}/timeline`, { signal: reading.signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const lines = [];
  let text = '';
  let count = 0;
  for (;;) {
    const { done, value } = await reader.read();
    const parts = (text + (value ?? '')).split('\n');
    text = done ? '' : parts.pop();
    for (const part of parts) if (part !== '') lines.push(JSON.parse(part));
    if (done) break;
    count += value.length;
    if (lines.length > LINES_MAX || count > READ_MAX) {
      reading.abort();
      return { lines: lines.slice(0, LINES_MAX), isCut: true };
    }
  }
  return { lines: lines.slice(0, LINES_MAX), isCut: lines.length > LINES_MAX };
}

const short = (text) => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);

function event(session, { at_ms: at, kind, text }, origin) {
  const moment = (at - origin) / 1000;
  return make('li', KINDS_BAD.has(kind) ? { class: 'bad' } : {},
    make('a', { href: `play/${session}#t=${Math.max(0, moment).toFixed(1)}` }, length(at - origin)),
    make('span', { class: 'quiet' }, kind), make('bdi', {}, short(text)));
}

const quiet = (text) => make('p', { class: 'quiet' }, text);

/** Puts the timeline of a session into a place. `reading` is an `AbortController` that ends it. */
export async function showTimeline(session, place, reading) {
  place.replaceChildren(quiet('Reading …'));
  try {
    const { lines, isCut } = await read(session.session, reading);
    if (lines.length === 0) {
      place.replaceChildren(quiet('Nothing of it is told in words: no page, click, input, request or error.'));
      return;
    }
    const rows = lines.map((line) => event(session.session, line, lines[0].at_ms));
    place.replaceChildren(make('ol', { 'aria-label': 'What happened' }, ...rows));
    if (isCut) place.append(quiet(`The first ${number(lines.length)} events. Play the session to see all.`));
    else if (session.live) place.append(quiet(`As of ${new Date().toLocaleTimeString()}. It goes on: fold and unfold to look again.`));
  } catch (error) {
    if (reading.signal.aborted) return;
    place.replaceChildren(make('p', { class: 'bad' }, error.status === undefined ? 'The session could not be read to its end.' : error.message));
  }
}
