// takeup where OpenReplay's `http` stood: its Postgres and its Redis behind, real trackers in front, configured by the
// environment of its charts alone. Both are stopped in the middle; the pages must not notice, and afterwards the rows
// and the streams must be what OpenReplay's other services rely on.

import zlib from 'node:zlib';

import { act, changeRoute, hideAndShow } from './browser.mjs';
import { check } from './checks.mjs';
import { Consumer } from './consumer.mjs';
import { Ledger } from './ledger.mjs';
import { readExchanges } from './netlog.mjs';
import { Postgres } from './postgres.mjs';
import { sleep, until } from './process.mjs';
import { readFrames, readRecords } from './records.mjs';
import { Redis } from './redis.mjs';

/** A project of tests/fixtures/postgres. */
const KEY = 'webFullRate000000001';
const PROJECT = 1;
/** The type of the message that a session begins with. */
const SESSION_START = 1;

const STREAMS = ['raw', 'raw-assets', 'canvas-images'];

/** What the scenario needs: its `setup` makes the services beside the server, `run` is what happens. */
export function delivery({ tracker, version, tables, pipelines, reloads }, { site, compare, stop }) {
  const services = {};
  return {
    setup: {
      name: 'ingest.localhost',
      async variables(folder, listen, admin) {
        services.postgres = await Postgres.start(folder, tables);
        services.redis = await Redis.start(folder);
        return variables(services, listen, admin);
      },
    },
    run: (server, browser) => run(server, browser, { ...services, site, compare, stop, tracker, version, pipelines, reloads, tables }),
  };
}

/** What OpenReplay's image and charts set. CORS is left to the default, as its ingress does not stand in front. */
function variables({ postgres, redis }, listen, admin) {
  return {
    PATH: process.env.PATH,
    SERVICE_NAME: 'http',
    POSTGRES_STRING: postgres.url,
    REDIS_STRING: redis.url,
    REDIS_STREAMS_MAX_LEN: '10000',
    REDIS_STREAMS_TTL_SEC: '0',
    TOKEN_SECRET: 'secret_token_string',
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: String(listen),
    HTTP_TIMEOUT: '60s',
    HOSTNAME: 'http-openreplay-7c9d5b6f4-abcde',
    QUEUE_MESSAGE_SIZE_LIMIT: '1048576',
    JSON_SIZE_LIMIT: '131072',
    FILE_SIZE_LIMIT: '10000000',
    BEACON_SIZE_LIMIT: '1000000',
    COMPRESSION_THRESHOLD: '20000',
    RECORD_CANVAS: 'true',
    CANVAS_QUALITY: 'low',
    CANVAS_FPS: '4',
    PROTOCOL_VERSION: '2',
    CLOUD: 'aws',
    BUCKET_NAME: 'uxtesting-records',
    AWS_REGION: 'us-east-1',
    TOPIC_RAW_WEB: 'raw',
    TOPIC_RAW_IOS: 'raw-ios',
    TOPIC_RAW_IMAGES: 'raw-images',
    TOPIC_CANVAS_IMAGES: 'canvas-images',
    TOPIC_RAW_ASSETS: 'raw-assets',
    TOPIC_RAW_ANALYTICS: 'raw-analytics',
    // Theirs is port 8888, which another server on this machine may have.
    TAKEUP_ADMIN: `127.0.0.1:${admin}`,
  };
}

async function run(server, browser, shape) {
  const { postgres, redis, site, compare, stop, tracker } = shape;
  const looks = new Map();
  const consumer = new Consumer(redis, 'sink', STREAMS, async (stream, { session }) => {
    if (stream === 'raw') looks.set(session, await look(postgres, session));
  });
  consumer.start();

  const shop = site.studio(tracker, server.ingest, KEY);
  const tab = await browser.tab();
  await tab.goto(shop);
  const first = await start(tab);
  await act(tab, 'apples');
  await hideAndShow(tab);
  await until(30_000, 'the first entry to be read', () => looks.has(first));
  await consumer.restart();
  await pictures(tab, 1);

  console.log('  -- Redis is away');
  await redis.stop();
  await changeRoute(tab);
  await tab.goBack();
  await hideAndShow(tab);
  const beside = await visitor(browser, shop, 'melons');
  let [before, again] = [first, undefined];
  for (let n = 0; n < shape.reloads; n++) {
    before = again ?? first;
    await tab.reload();
    again = await start(tab);
  }
  check('a second visit resumes the session', again === before ? [] : [`${before}, then ${again}`]);
  await act(tab, 'pears');
  await hideAndShow(tab);
  await waits(server, 'courier-redis');
  await redis.start();
  await until(60_000, 'the session that began meanwhile to be read', () => looks.has(beside));

  console.log('  -- Postgres is away');
  await postgres.stop();
  await act(tab, 'plums');
  await hideAndShow(tab);
  const late = await visitor(browser, shop, 'quinces');
  await waits(server, 'courier-postgres');
  check('nothing of a session that has no row is in the stream', !looks.has(late));
  await postgres.start();
  await act(tab, 'cherries');
  await pictures(tab, 1);
  await hideAndShow(tab);
  await until(60_000, 'the session that began meanwhile to be read', () => looks.has(late));

  await tab.close();
  await sleep(2_000);
  await browser.quit();
  const exchanges = readExchanges(browser.netlog, server.host);
  const ledger = new Ledger(exchanges);
  check('every request got 200', ledger.unexpected(['POST', 'GET'], exchanges.map((one) => one.path), [200]), `${exchanges.length}`);
  await compare(server, ledger, { batches: shape.pipelines * 3 });
  await delivered(server);
  await stop(server);

  // What the courier has confirmed, the consumer gets within its next rounds.
  const records = (await readRecords(server.data)).sort((a, b) => a.received - b.received);
  const wanted = STREAMS.map((stream) => [stream, records.flatMap((record) => messages(record)).filter((one) => one.stream === stream)]);
  const isAll = () => wanted.every(([stream, all]) => consumer.entries.get(stream).length >= all.length);
  await until(30_000, 'the consumer to read everything', isAll).catch((error) => check('the consumer reads everything', [error.message]));
  await consumer.restart();
  await sleep(500);
  await consumer.stop();

  await checkRows(shape, ledger);
  checkEntries(consumer, ledger, new Map(wanted));
  await checkRowsFirst(shape, ledger, consumer, looks);
  checkCanvas(consumer);
  await redis.stop();
  await postgres.stop();
}

/** A visitor who was never here: their session. */
async function visitor(browser, shop, text) {
  const tab = await browser.stranger();
  await tab.goto(shop);
  const session = await start(tab);
  await act(tab, text);
  await hideAndShow(tab);
  await sleep(1_000);
  await tab.close();
  return session;
}

function start(tab) {
  return tab.evaluate(async () => {
    const started = await tracker.start({ userID: 'visitor-1' });
    if (!started.success) throw new Error(`the tracker does not start: ${JSON.stringify(started)}`);
    return started.sessionID;
  });
}

/** Waits until the page has uploaded so many pictures of its canvas. */
function pictures(tab, count) {
  const made = (count) =>
    performance.getEntriesByType('resource').filter((one) => new URL(one.name).pathname === '/v1/web/images').length >= count;
  return tab.waitForFunction(made, count, { timeout: 30_000, polling: 100 });
}

/** Waits until the admin port says that a courier waits for its destination. */
function waits(server, name) {
  return until(30_000, `${name} to wait`, async () => {
    const courier = (await couriers(server)).find((one) => one.name === name);
    return courier.state === 'waiting' && courier.lag?.records > 0;
  });
}

/** Waits until nothing is left to deliver. */
async function delivered(server) {
  const isDone = async () => {
    const all = await couriers(server);
    return all.every((courier) => courier.state === 'ready' && courier.lag?.records === 0) && all;
  };
  const all = await until(60_000, 'everything to be delivered', isDone);
  check('two couriers have delivered everything', all.length === 2, all.map((one) => `${one.name} ${one.records} records`).join(', '));
  check('no record was refused', all.filter((one) => one.dead_letters > 0).map((one) => one.name));
}

async function couriers(server) {
  return JSON.parse((await server.adminPage('/couriers')).text);
}

/** A session's row: how many there are, and when it was committed, in milliseconds since 1970. */
async function look(postgres, session) {
  const committed = 'floor(extract(epoch FROM max(pg_xact_commit_timestamp(xmin)::timestamptz)) * 1000)';
  const [row] = await postgres.rows(`SELECT count(*), ${committed} AS ms FROM (SELECT xmin FROM sessions WHERE session_id = ${session}) r`);
  return row;
}

/** Each session that a page saw has one row, and the row says what the page and the answer say. */
async function checkRows({ postgres, version, tables }, ledger) {
  const rows = await postgres.rows('SELECT *, session_id::text AS id, start_ts::text AS start FROM sessions');
  const { sessions } = ledger;
  const strange = rows.filter((row) => !sessions.includes(row.id)).map((row) => `unknown: ${row.id}`);
  const counts = sessions.map((session) => [session, rows.filter((row) => row.id === session).length]);
  const uneven = counts.filter(([, count]) => count !== 1).map(([session, count]) => `${session}: ${count}`);
  check('table sessions has one row for each session that a page saw', [...strange, ...uneven], `${rows.length}`);

  const faults = [];
  for (const session of sessions) {
    // Later starts resumed it.
    const { request, answer } = ledger.starts.find((one) => one.answer.sessionID === session);
    const row = rows.find((one) => one.id === session) ?? {};
    const isBuffered = request.bufferDiff > 0 && request.bufferDiff < 300_000;
    const wanted = {
      project_id: PROJECT,
      platform: 'web',
      tracker_version: version,
      rev_id: null,
      start: String(answer.startTimestamp - (isBuffered ? request.bufferDiff : 0)),
      timezone: request.timezone ?? null,
      user_id: 'visitor-1',
      user_uuid: answer.userUUID,
      user_os: answer.userOS,
      user_browser: answer.userBrowser,
      user_device: answer.userDevice,
      user_device_type: 'desktop',
      user_device_memory_size: request.deviceMemory || null,
      user_device_heap_size: request.jsHeapSizeLimit || null,
      user_country: answer.userCountry,
      user_state: null,
      user_city: null,
      // The releases differ in their columns.
      ...(tables === 'main.sql'
        ? { screen_width: request.width, screen_height: request.height }
        : { issue_score: Math.floor((answer.startTimestamp - (isBuffered ? request.bufferDiff : 0)) / 1000) }),
    };
    for (const [column, value] of Object.entries(wanted)) {
      if (row[column] !== value) faults.push(`${session} ${column}: ${JSON.stringify(row[column])} and not ${JSON.stringify(value)}`);
    }
    if (!/^\d+\./.test(row.user_browser_version)) faults.push(`${session} user_browser_version: ${row.user_browser_version}`);
  }
  check('each says what its page said', faults);
}

/** The streams hold what the log holds, and what the pages were told is stored, in order by session. */
function checkEntries(consumer, ledger, wanted) {
  check('every entry is one that their services can read', consumer.faults);
  check('the consumer read again what it had not acknowledged', consumer.repeats > 0, `${consumer.repeats} entries, ${consumer.restarts} starts`);
  const ids = [...consumer.entries].filter(([, entries]) => entries.some((one, n) => n > 0 && one.ms < entries[n - 1].ms));
  check('ids grow', ids.map(([stream]) => stream));

  for (const [stream, entries] of consumer.entries) {
    const faults = [];
    const all = wanted.get(stream);
    const sessions = new Set([...entries, ...all].map((one) => one.session));
    for (const session of sessions) {
      const of = (list) => firstOf(list.filter((one) => one.session === session).map((one) => one.value.toString('base64')));
      const [got, want] = [of(entries), of(all)];
      const at = want.findIndex((value, n) => value !== got[n]);
      if (at >= 0 || got.length > want.length) faults.push(`${session}: ${want.length} in the log, ${got.length} here, other from no. ${at}`);
    }
    check(`${stream} has what the log has, in order by session`, faults, `${entries.length} entries of ${sessions.size} sessions, ${all.length} in the log`);
  }

  const raw = consumer.entries.get('raw');
  const starts = [];
  for (const session of ledger.sessions) {
    const entries = raw.filter((one) => one.session === session);
    const places = entries.flatMap((one, n) => (one.value[0] === SESSION_START ? [n] : []));
    if (places[0] !== 0) starts.push(`${session}: starts at ${places.join(' ')} of ${entries.length} entries`);
    else starts.push(...checkStart(entries[0].value, ledger.starts.find((one) => one.answer.sessionID === session), session));
  }
  check('each session begins with its start', starts, `${ledger.sessions.length}`);
  checkBodies(consumer, ledger);
}

/** Every acknowledged body is there as the page made it; one that was answered before another was sent comes before it. */
function checkBodies(consumer, ledger) {
  const places = new Map();
  for (const [stream, entries] of consumer.entries) {
    entries.forEach(({ session, value }, n) => {
      const key = `${stream} ${session} ${value.toString('base64')}`;
      if (!places.has(key)) places.set(key, n);
    });
  }
  const [missing, parts] = [[], []];
  for (const batch of ledger.acknowledged) {
    const streams = batchMessages(batch.dataType === 'assets' ? 'raw-assets' : 'raw', inflated(batch), Number(batch.split ?? 0));
    for (const { stream, value } of streams) {
      const place = places.get(`${stream} ${batch.session} ${value.toString('base64')}`);
      if (place === undefined) missing.push(`${stream} ${batch.session} ${batch.target}`);
      else parts.push({ stream, place, ...batch });
    }
  }
  check('every acknowledged body arrives, byte for byte', missing, `${ledger.acknowledged.length} bodies, ${parts.length} entries`);
  const late = parts.filter((one) =>
    parts.some((other) => other.session === one.session && other.stream === one.stream && other.answeredMs < one.sentMs && other.place > one.place));
  check("in the order of the page's requests", late.map((one) => `${one.stream} ${one.session} ${one.target}`));
}

/** The first message of a session says what its start said. */
function checkStart(message, { request, answer }, session) {
  const reader = { at: 1, uint: () => uint(message, reader), text: () => text(message, reader) };
  reader.uint();
  const got = { project: reader.uint(), version: reader.text(), revision: reader.text(), uuid: reader.text() };
  const wanted = { project: PROJECT, version: request.trackerVersion, revision: '', uuid: answer.userUUID };
  const faults = Object.keys(wanted).filter((name) => got[name] !== wanted[name]);
  return faults.map((name) => `${session} ${name}: ${got[name]} and not ${wanted[name]}`);
}

function uint(bytes, reader) {
  let [value, factor] = [0, 1];
  for (;;) {
    const byte = bytes[reader.at++];
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 128;
  }
}

function text(bytes, reader) {
  const length = uint(bytes, reader);
  return bytes.toString('utf8', reader.at, (reader.at += length));
}

/** A session's row was committed before its first entry was made, and whoever reads that finds it. */
async function checkRowsFirst({ postgres }, ledger, consumer, looks) {
  const faults = [];
  for (const session of ledger.sessions) {
    const seen = looks.get(session);
    if (seen?.count !== 1) faults.push(`${session}: ${JSON.stringify(seen)} when its first entry was read`);
    const { ms } = await look(postgres, session);
    const entry = [...consumer.entries.values()].flat().filter((one) => one.session === session).sort((a, b) => a.ms - b.ms)[0];
    if (!(ms <= entry?.ms)) faults.push(`${session}: committed at ${ms}, first entry at ${entry?.ms}`);
  }
  check('the row is there before the first entry', faults, `${ledger.sessions.length}`);
}

/** Pictures are JSON with a name and frames. */
function checkCanvas(consumer) {
  const faults = [];
  let frames = 0;
  for (const { id, value } of consumer.entries.get('canvas-images')) {
    const { Name: name, Data: data } = JSON.parse(value.toString());
    if (!value.equals(Buffer.from(JSON.stringify({ Name: name, Data: data })))) faults.push(`${id}: ${value.toString('utf8', 0, 100)}`);
    if (!/^\d+_\d+\.\w+(\.frames)?$/.test(name)) faults.push(`${id}: is named ${name}`);
    frames += readFrames(Buffer.from(data, 'base64')).length;
  }
  check('pictures of the canvas are JSON with a name and frames', frames >= 10 ? faults : [...faults, `${frames} frames`], `${frames} frames`);
}

/** What a record of the log becomes in the streams. */
function messages(record) {
  const { kind, topic, session } = record;
  const of = (stream, value) => ({ stream, session, value });
  if (kind === 'start') return [of(topic, record.body)];
  if (kind === 'image') return [of(topic, Buffer.from(JSON.stringify({ Name: record.file, Data: record.body.toString('base64') })))];
  if (kind === 'batch') return batchMessages(topic, inflated(record), record.split).map(({ stream, value }) => of(stream, value));
  return [];
}

/** A `visual` body is two batches: the first is for its topic, the second for the one of assets. */
function batchMessages(stream, body, split) {
  if (split === 0) return [{ stream, value: body }];
  return [{ stream, value: body.subarray(0, split) }, { stream: 'raw-assets', value: body.subarray(split) }];
}

function inflated({ encoding, body }) {
  return encoding === 'gzip' ? zlib.gunzipSync(body) : body;
}

/** The list without what repeats something earlier: what is delivered at least once may come again. */
function firstOf(list) {
  return [...new Set(list)];
}
