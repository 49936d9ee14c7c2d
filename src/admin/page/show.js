// How things are shown. Whatever was recorded becomes text, and nothing else.

/** An element with these attributes and children: texts or elements. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return element;
}

export const byId = (id) => document.getElementById(id);

const DIVISIONS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'short' });

/** How long ago, in words. */
export function since(ms, now = Date.now()) {
  const seconds = Math.round((ms - now) / 1000);
  for (const [unit, length] of DIVISIONS) {
    if (Math.abs(seconds) >= length || unit === 'second') return ago.format(Math.trunc(seconds / length), unit);
  }
}

/** A length of time: 1:02:03. */
export function length(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, at) => (at === 0 ? part : String(part).padStart(2, '0'))).join(':');
}

/** A number with few digits. */
export function number(value) {
  if (value === null || value === undefined) return '–';
  return new Intl.NumberFormat().format(Math.abs(value) < 100 ? Number(value.toPrecision(3)) : Math.round(value));
}

export function bytes(value) {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value >= 100 || at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** Seconds, in a unit that suits. */
export function seconds(value) {
  if (value === null || value === undefined) return '–';
  if (value < 1e-3) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${(value * 1e3).toPrecision(3)} ms`;
  return value < 120 ? `${value.toPrecision(3)} s` : length(value * 1000);
}

/** A table. A column is `[heading, value of a row, whether it is a number]`. */
export function table(rows, columns) {
  const kind = (isNumber) => (isNumber ? { class: 'number' } : {});
  const head = make('tr', {}, ...columns.map(([name, , isNumber]) => make('th', { scope: 'col', ...kind(isNumber) }, name)));
  const body = rows.map((row) => make('tr', {}, ...columns.map(([, value, isNumber]) => make('td', kind(isNumber), value(row)))));
  return make('table', {}, make('thead', {}, head), make('tbody', {}, ...body));
}

const SVG = 'http://www.w3.org/2000/svg';

/** A line through the values, oldest first. */
export function sparkline(values, room) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 100 20');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const most = Math.max(...values, 1e-12);
  const points = values.map((value, at) => `${(100 * (at + room - values.length)) / (room - 1)},${19 - (18 * value) / most}`);
  const line = document.createElementNS(SVG, 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}

/** What an answer says, if it is this server's. */
async function words(answer) {
  const text = await answer.text();
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Asks this server for an answer. Throws an `Error` with `status` and the server's words. */
export async function open(path, options = {}) {
  let answer;
  try {
    answer = await fetch(new URL(path, document.baseURI), { cache: 'no-store', ...options });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw Object.assign(new Error('The server cannot be reached.'), { status: 0 });
  }
  if (answer.ok) return answer;
  const body = await words(answer);
  throw Object.assign(new Error(body?.error ?? `The server answered ${answer.status}.`), { status: answer.status });
}

/** The same, for what it says. */
export async function ask(path, options) {
  return words(await open(path, options));
}

/** Ways to tell trouble, for several who may have some: what is shown is that of the first who has. */
export function troubles(trouble, count) {
  const all = Array(count).fill(null);
  return all.map((_, at) => (error) => {
    all[at] = error;
    // Without the token nothing else matters.
    trouble(error?.status === 401 ? error : (all.find(Boolean) ?? null));
  });
}
