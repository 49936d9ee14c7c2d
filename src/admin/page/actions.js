// What the page can change, and the job that does it.

import { ask, byId, bytes, make, number, table, troubles } from './show.js';
import { follow } from './stream.js';

const HEADERS = { 'X-Takeup-Admin': '1' };
/** How many lines of a result are shown. */
const SHOWN_MAX = 200;

const NAMES = { erase: 'Erase', retention: 'Retention', compact: 'Archive' };
const WHOSE = ['session', 'user', 'project'];

const PLACES = [
  ['Place', (place) => place.place],
  ['Files', (place) => number(place.files), true],
  ['Changed', (place) => number(place.files_changed), true],
  ['Records', (place) => number(place.records), true],
  ['Size', (place) => bytes(place.bytes), true],
];

const LEAVES = [
  ['From', (line) => line.part],
  ['What', (line) => line.hour ?? `segment ${line.segment} of core ${line.core}`],
  ['Size', (line) => bytes(line.bytes), true],
  ['Records', (line) => number(line.records), true],
  ['Why', (line) => line.reason],
];

const STAYS = [
  ['In', ([part]) => part],
  ['Why', ([, reason]) => reason],
  ['Segments or hours', ([, , lines]) => number(lines.length), true],
  ['Size', ([, , lines]) => bytes(lines.reduce((sum, line) => sum + line.bytes, 0)), true],
];

const COMPACTED = [
  ['Records', (done) => number(done.records), true],
  ['Rows', (done) => number(done.rows), true],
  ['Files', (done) => number(done.files), true],
  ['Size', (done) => bytes(done.bytes), true],
  ['Files merged', (done) => number(done.merged_files), true],
  ['To the store', (done) => (done.store ? `${number(done.store.files)} files` : '–')],
];

/** What a dry run has looked for, and may be erased: `[field, value]`. */
let found = null;
/** The address of the receipt that can be saved. */
let saved;
/** Which job is shown, in which state. */
let shownJob;

const quiet = (text) => make('p', { class: 'quiet' }, text);
const bad = (text) => make('p', { class: 'bad' }, text);

function saving(receipt) {
  URL.revokeObjectURL(saved);
  saved = URL.createObjectURL(new Blob([JSON.stringify(receipt, null, 2)], { type: 'application/json' }));
  return make('p', {}, make('a', { href: saved, download: `takeup-receipt-${receipt.receipt}.json` }, 'Save the receipt'));
}

/** Whether there is, or may be, something to erase. */
const isAny = (told) => !told.complete || told.places.some((place) => place.records > 0 || place.files_changed > 0);

function receipt(job) {
  const [told] = job.result;
  if (!told) return [];
  if (told.dry_run && !isAny(told)) return [make('p', {}, 'Nothing of it is stored here.')];
  const did = told.dry_run ? 'would be erased' : 'erased';
  const parts = [make('p', {}, told.sessions === 1 ? `1 session ${did}.` : `${number(told.sessions)} sessions ${did}.`)];
  if (told.resumed) parts.push(quiet(`This finishes an erasure that was not finished: ${told.resumed}.`));
  parts.push(make('div', { class: 'wide' }, table(told.places, PLACES)));
  for (const target of told.destinations) {
    parts.push(quiet(`${target.name} had read ${target.told} of the records (${number(target.records)})${target.may_follow ? '; it may deliver more of them' : ''}.`));
  }
  if (told.recent_session_ids.length > 0) {
    parts.push(quiet(`${number(told.recent_session_ids.length)} of the sessions sent something within the last 15 minutes, and may go on.`));
  }
  if (!told.complete) {
    parts.push(bad(told.not_reached_count === 1 ? 'One place could not be reached:' : `${number(told.not_reached_count)} places could not be reached:`));
    parts.push(make('ul', {}, ...told.not_reached.slice(0, SHOWN_MAX).map((missed) => make('li', {}, `${missed.path}: ${missed.reason}`))));
  }
  if (!told.dry_run) parts.push(saving(told));
  return parts;
}

function retention(job) {
  const lines = job.result ?? [];
  const leaves = lines.filter((line) => line.goes);
  const stays = new Map();
  for (const line of lines.filter((other) => !other.goes)) {
    const key = `${line.part} ${line.reason}`;
    if (!stays.has(key)) stays.set(key, [line.part, line.reason, []]);
    stays.get(key)[2].push(line);
  }
  const size = bytes(leaves.reduce((sum, line) => sum + line.bytes, 0));
  const parts = [make('p', {}, leaves.length === 0 ? 'Nothing would be deleted now.' : `${number(leaves.length)} would be deleted now, ${size}.`)];
  if (leaves.length > 0) parts.push(make('div', { class: 'wide' }, table(leaves.slice(0, SHOWN_MAX), LEAVES)));
  if (leaves.length > SHOWN_MAX) parts.push(quiet(`And ${number(leaves.length - SHOWN_MAX)} more.`));
  if (stays.size > 0) parts.push(quiet('What stays:'), make('div', { class: 'wide' }, table([...stays.values()], STAYS)));
  return parts;
}

const compacted = (job) => (job.result?.length ? [make('div', { class: 'wide' }, table(job.result, COMPACTED))] : []);

const RESULTS = { erase: receipt, retention, compact: compacted };

function title(job) {
  const whose = WHOSE.find((field) => job.asked[field]);
  const parts = [job.asked.dry_run || job.action === 'retention' ? `${NAMES[job.action]}, dry run` : NAMES[job.action]];
  if (whose) parts.push(`${whose} ${job.asked[whose]}`);
  const at = (ms) => new Date(ms).toLocaleTimeString();
  const state = job.state === 'running' ? `runs since ${at(job.since_ms)}` : `${job.state} at ${at(job.ended_ms)}`;
  return `${parts.join(' · ')}: ${state}`;
}

function showJob(job) {
  const key = `${job?.since_ms} ${job?.state}`;
  if (key === shownJob) return;
  shownJob = key;
  const place = byId('job');
  place.replaceChildren();
  found = null;
  if (job) {
    place.append(make('h2', {}, title(job)));
    if (job.state === 'running') {
      const button = make('button', { type: 'button', title: 'What it has done by then stays done.' }, 'Cancel');
      button.onclick = cancel;
      place.append(button);
    } else {
      if (job.error) place.append(make('pre', { class: job.state === 'failed' ? 'bad' : 'quiet' }, job.error));
      if (job.exit === null && !job.error) place.append(bad('The command was ended.'));
      if (job.cut) place.append(bad('It printed more than is kept here.'));
      place.append(...RESULTS[job.action]({ ...job, result: job.result ?? [] }));
      const told = job.action === 'erase' ? job.result[0] : undefined;
      if (told?.dry_run && isAny(told)) found = WHOSE.filter((field) => job.asked[field]).map((field) => [field, job.asked[field]])[0];
    }
  }
  byId('erase-confirm').hidden = !found;
  if (found) byId('erase-again').textContent = `Type the ${found[0]} again to erase it. It can't be undone.`;
}

function show(told) {
  for (const button of document.querySelectorAll('#actions button[data-job]')) button.disabled = told.job?.state === 'running';
  byId('run-compact').disabled ||= told.no_archive !== null;
  byId('no-archive').textContent = told.no_archive ?? 'Puts what the log has into the archive now.';
  for (const name of ['log_requests', 'log_level']) {
    const select = byId('log-form').elements[name];
    if (document.activeElement !== select) select.value = told[name];
  }
  showJob(told.job);
}

/** Asks how it is. Returns whether that is shown to this viewer. */
async function look(trouble) {
  try {
    const told = await ask('api/actions', { headers: HEADERS });
    trouble(null);
    byId('actions-all').hidden = false;
    byId('actions-off').hidden = true;
    show(told);
  } catch (error) {
    byId('actions-all').hidden = true;
    byId('actions-off').hidden = error.status !== 403;
    trouble(error.status === 403 ? null : error);
    return error.status !== 401 && error.status !== 403;
  }
  return true;
}

/** Asks for a change. Returns whether it was taken; what is wrong is told in `place`. */
async function change(action, body, place, trouble) {
  place.textContent = '';
  try {
    const told = await ask(`api/actions/${action}`, { method: 'POST', headers: HEADERS, body: JSON.stringify(body) });
    show(told);
    return true;
  } catch (error) {
    if (error.status === 401) trouble(error);
    place.className = 'bad';
    place.textContent = error.message;
    return false;
  }
}

async function cancel({ target }) {
  target.disabled = true;
  // That it has ended is told; so it was if it had ended before.
  await ask('api/actions/cancel', { method: 'POST', headers: HEADERS }).catch(() => {});
}

async function reopen() {
  const told = byId('reopen-told');
  told.textContent = 'Reopening …';
  try {
    const { cores } = await ask('api/actions/reopen', { method: 'POST', headers: HEADERS });
    told.textContent = cores.map(({ core, before, after }) => `core ${core}: ${before}, now ${after}`).join('; ');
  } catch (error) {
    told.textContent = error.message;
  }
}

/** Shows the actions, and the job when it begins and ends; returns what ends that. */
export function showActions(tellTrouble) {
  const [ofStream, trouble] = troubles(tellTrouble, 2);
  const told = byId('actions-told');
  const submit = (id, act) => {
    byId(id).onsubmit = (event) => {
      event.preventDefault();
      act(new FormData(event.target), event.target);
    };
  };
  submit('erase-form', (form) => {
    const whose = form.get('whose');
    // A user's id is compared to the letter.
    const value = whose === 'user' ? form.get('value') : form.get('value').trim();
    return change('erase', { [whose]: value, dry_run: true }, told, trouble);
  });
  submit('erase-confirm', async (form, element) => {
    if (!found) return;
    const [field, value] = found;
    if (await change('erase', { [field]: value, confirm: form.get('confirm') }, told, trouble)) element.reset();
  });
  submit('log-form', async (form) => {
    const body = { log_requests: form.get('log_requests'), log_level: form.get('log_level') };
    if (await change('log', body, told, trouble)) {
      told.className = 'quiet';
      told.textContent = 'Changed, until the settings are read again or the server is restarted.';
    }
  });
  byId('run-retention').onclick = () => change('retention', {}, told, trouble);
  byId('run-compact').onclick = () => change('compact', {}, told, trouble);
  byId('reopen').onclick = reopen;
  let isOver = false;
  let unfollow = () => {};
  let seen;
  look(trouble).then((isShown) => {
    // Who may change nothing has nothing to follow.
    if (isOver || !isShown) return;
    unfollow = follow('api/changes', (counts, isFirst) => {
      if (isFirst || counts.job !== seen) look(trouble);
      seen = counts.job;
    }, ofStream);
  });
  return () => {
    isOver = true;
    unfollow();
  };
}
