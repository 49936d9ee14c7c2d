// How the server does, every second.

import { byId, bytes, make, number, seconds, sparkline, table } from './show.js';
import { follow } from './stream.js';

const ROOM = 120;

const TILES = [
  ['Requests per second', (status) => status.requests_per_second, number],
  ['Answered within, 99 %', (status) => status.request?.p99, seconds],
  ['Answered within, half', (status) => status.request?.p50, seconds],
  ['Durable within, 99 %', (status) => status.commit?.p99, seconds],
  ['Sync of a group, half', (status) => status.sync?.p50, seconds],
  ['Records of a group, half', (status) => status.group_records?.p50, number],
  ['Stored per second', (status) => status.record_bytes_per_second, bytes],
  ['Connections', (status) => status.connections, number],
  ['Requests that wait', (status) => status.waiting, number],
  ['Processors in use', (status) => status.processors, number],
  ['Memory', (status) => status.resident_bytes, bytes],
];

const COURIERS = [
  ['Name', (courier) => courier.name],
  ['State', (courier) => (courier.trouble ? `${courier.state}: ${courier.error ?? courier.trouble}` : courier.state)],
  ['Waits', (courier) => (courier.lag ? number(courier.lag.records) : '–'), true],
  ['Oldest', (courier) => (courier.lag ? seconds(courier.lag.seconds) : '–'), true],
  ['Delivered', (courier) => number(courier.records), true],
  ['Dead letters', (courier) => number(courier.dead_letters), true],
  ['To', (courier) => courier.target],
];

const CORES = [
  ['Core', (core) => core.at, true],
  ['Records per second', (core) => number(core.records_per_second), true],
  ['Connections', (core) => number(core.connections), true],
  ['Waiting', (core) => number(core.waiting), true],
];

/** A number by its name in /metrics; of several with labels, their sum. */
function numberOf(status, name) {
  const found = Object.hasOwn(status.numbers, name) ? status.numbers[name] : undefined;
  return Array.isArray(found) ? found.reduce((sum, { value }) => sum + value, 0) : found;
}

/** Numbers by their names in /metrics. */
const DISK = [
  ['Free', 'takeup_log_free_bytes', bytes],
  ['The log', 'takeup_log_size_bytes', bytes],
  ['Segments made', 'takeup_log_segments_made', number],
  ['Segments given up', 'takeup_log_failed_segments', number],
  ['Records lost with them', 'takeup_log_lost_records', number],
  ['Slow syncs', 'takeup_log_slow_syncs', number],
  ['Archive behind', 'takeup_archive_lag_seconds', seconds],
  ['Archive, files', 'takeup_archive_files', number],
];

const RETENTION = [
  ['Segments deleted since the start', 'takeup_log_deleted_segments', number],
  ['Their size', 'takeup_log_deleted_bytes', bytes],
  ['Held back for consumers', 'takeup_log_held_bytes', bytes],
  ['Segments that await the archive', 'takeup_log_awaiting_archive_segments', number],
  ['Segments that stay because the clock is not believed', 'takeup_log_clock_held_segments', number],
  ['Records deleted before they were delivered', 'takeup_log_undelivered_records', number, true],
  ['Looks at the log that failed', 'takeup_log_retention_failures', number, true],
  ['Deletions from the archive that failed', 'takeup_archive_retention_failures', number, true],
];

const QUARANTINE = [
  ['Files that a start set aside', 'takeup_log_set_aside_files', number],
  ['Their size', 'takeup_log_set_aside_bytes', bytes],
];

/** A table of numbers, as far as the server has them; `more` are rows `[name, shown]`. The last part of a row says whether it is bad that it is not zero. */
function numbers(status, wanted, more = []) {
  const rows = wanted
    .map(([name, key, shown, isBad]) => [name, numberOf(status, key), shown, isBad])
    .filter(([, value]) => typeof value === 'number')
    .map(([name, value, shown, isBad]) => [name, make('span', isBad && value > 0 ? { class: 'bad' } : {}, shown(value))]);
  return table([...rows, ...more], [['', ([name]) => name], ['', ([, shown]) => shown, true]]);
}

const past = TILES.map(() => []);

function show(status) {
  byId('tiles').replaceChildren(...TILES.map(([name, value, shown], at) => {
    const now = value(status) ?? null;
    past[at].push(now ?? 0);
    if (past[at].length > ROOM) past[at].shift();
    return make('div', { class: 'tile' }, make('span', { class: 'quiet' }, name), make('b', {}, shown(now)), sparkline(past[at], ROOM));
  }));
  byId('cores').replaceChildren(table(status.cores.map((core, at) => ({ at, ...core })), CORES));
  const empty = (text) => make('p', { class: 'quiet' }, text);
  byId('couriers').replaceChildren(status.couriers.length ? table(status.couriers, COURIERS) : empty('Nothing is delivered: no destination is set.'));
  const refusals = Object.entries(status.refusals_total);
  byId('refusals').replaceChildren(refusals.length
    ? table(refusals, [['Reason', ([reason]) => reason], ['Since the start', ([, count]) => number(count), true]])
    : empty('Nobody since the start.'));
  byId('disk').replaceChildren(numbers(status, DISK));
  byId('retention').replaceChildren(numbers(status, RETENTION));
  byId('quarantine').replaceChildren(numbers(status, QUARANTINE, [['Batches that cannot be used, kept since the start', number(status.unusable_batches_total)]]));
  byId('faults').replaceChildren(...status.faults.map((fault) => make('p', { class: 'note' }, `${fault.name}: ${fault.text}`)));
  const health = byId('health');
  health.textContent = `${status.ready ? 'ready' : 'not ready'} · ${status.version}`;
  health.className = status.ready ? '' : 'bad';
}

/** Shows the status while it changes; returns what ends that. */
export function showStatus(trouble) {
  return follow('api/stream', show, trouble);
}
