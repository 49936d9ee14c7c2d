// Which sessions are asked for: in the form, in the page's address, and in the question to the server.

import { byId } from './show.js';

const form = byId('filter');
const TEXTS = ['user', 'page', 'browser', 'country', 'project'];
const SWITCHES = ['live', 'errors'];
const TIMES = ['from', 'to'];
const BETWEEN = 'between';
const MINUTE_MS = 60_000;
/** How far back each choice of a time goes. */
const PAST_MS = new Map([['15m', 15 * MINUTE_MS], ['1h', 60 * MINUTE_MS], ['24h', 1440 * MINUTE_MS], ['7d', 10_080 * MINUTE_MS]]);

const field = (name) => form.elements.namedItem(name);

/** A time as a field for times has it: to the minute, by the viewer's clock. */
function toField(ms) {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) || at.getFullYear() > 9999 || at.getFullYear() < 1000
    ? ''
    : new Date(ms - at.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
}

/** What it says, in Unix ms; undefined if it is empty. */
function ofField(name) {
  const ms = new Date(field(name).value).getTime();
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

function showTimes() {
  const isBetween = field('when').value === BETWEEN;
  for (const label of form.querySelectorAll('label.between')) label.hidden = !isBetween;
}

/** What is set, but for times. */
function chosen() {
  const parameters = new URLSearchParams();
  for (const name of TEXTS) if (field(name).value.trim() !== '') parameters.set(name, field(name).value.trim());
  for (const name of SWITCHES) if (field(name).checked) parameters.set(name, '1');
  return parameters;
}

function addTimes(parameters) {
  for (const name of TIMES) if (ofField(name) !== undefined) parameters.set(name, ofField(name));
}

/** What the page's address says of it. */
export function filterAddress() {
  showTimes();
  const parameters = chosen();
  const when = field('when').value;
  if (when === BETWEEN) addTimes(parameters);
  if (when !== '') parameters.set('when', when);
  const address = parameters.toString();
  byId('clear').hidden = address === '';
  return address;
}

/** What the server is asked, at this time. */
export function filterQuery(nowMs) {
  const parameters = chosen();
  const when = field('when').value;
  if (when === BETWEEN) addTimes(parameters);
  if (PAST_MS.has(when)) parameters.set('from', Math.max(0, Math.floor(nowMs - PAST_MS.get(when))));
  return parameters;
}

/** Sets the form to what an address says. */
export function setFilter(said) {
  const parameters = new URLSearchParams(said);
  for (const name of TEXTS) field(name).value = parameters.get(name) ?? '';
  for (const name of SWITCHES) field(name).checked = parameters.get(name) === '1';
  for (const name of TIMES) field(name).value = parameters.has(name) ? toField(Number(parameters.get(name))) : '';
  const when = parameters.get('when') ?? '';
  const isKnown = when === BETWEEN || PAST_MS.has(when);
  field('when').value = isKnown ? when : TIMES.some((name) => field(name).value !== '') ? BETWEEN : '';
}

/** What is wrong with the form; undefined if nothing is. */
export function wrongFilter() {
  const wrong = [...form.elements].find((element) => !element.validity.valid);
  return wrong && `${wrong.title || wrong.name}: the list does not go by it yet.`;
}
