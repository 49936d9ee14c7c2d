// What a tracker does besides sending batches: pictures of canvas elements, tags, feature flags, recording on a condition,
// cold and offline starts, events of the analytics SDK, usability tests, and the last words of a page.
//
// Every version has a lane of visitors of its own, and all lanes run at the same time: the pages are on shop.localhost and
// the server is on ingest.localhost, so the browser asks for leave before almost every request. Afterwards the browser's
// account of what it sent is held against what the log has.

import { act, changeRoute, hideAndShow } from './browser.mjs';
import { check } from './checks.mjs';
import { Ledger } from './ledger.mjs';
import { readExchanges } from './netlog.mjs';
import { sleep, until } from './process.mjs';
import { readForm, readFrames, readRecords } from './records.mjs';

/** The host under which browsers know the server. */
export const HOST = 'ingest.localhost';

const KEY = 'webFullRate000000001';
const OTHER_KEY = 'webOther000000000002';
const TEST = 31;

/** What each version can do, and how its canvas uploads are made. */
const LANES = [
  { tracker: 'tracker-12', version: '12.0.4', picture: 'jpeg', flags: true, tests: true, reports: true, reloads: 1 },
  { tracker: 'tracker-15', version: '15.3.1', picture: 'webp', flags: true, tests: true, reloads: 1 },
  { tracker: 'tracker-18', version: '18.0.7-beta.1', picture: 'webp', frames: true, sdk: true, reloads: 2 },
  { tracker: 'tracker-19', version: '19.0.1', picture: 'webp', frames: true, sdk: true, reloads: 1 },
];

/** Runs all lanes on one server, and checks what it has kept. `stop` ends the server. */
export async function features(server, browser, site, stop) {
  const lanes = await Promise.all(LANES.map((lane) => run(server, browser, site, lane)));
  await sleep(2_000);
  await browser.quit();
  const exchanges = readExchanges(browser.netlog, server.host);
  const ledger = new Ledger(exchanges);
  const rows = await server.lines('sessions', '--json');
  const events = new Map();
  for (const lane of lanes) {
    for (const session of Object.values(lane.sessions)) events.set(session, await server.lines('events', session, '--json'));
  }
  await stop(server);
  const log = { records: await readRecords(server.data), rows, events };

  checkExchanges(ledger, lanes);
  checkRecords(ledger, log);
  for (const lane of lanes) checkLane(lane, ledger, log);
}

/** All visitors of one version. What fails on a page is a finding of its lane and stops nobody else. */
async function run(server, browser, site, lane) {
  const result = { ...lane, server, sessions: {}, seen: {}, faults: [] };
  const url = (options, query, key = KEY) => site.studio(lane.tracker, `http://${server.host}`, key, options, query);
  const visitor = async (name, visit) => {
    const tab = await browser.stranger();
    try {
      await visit(tab, result, url);
    } catch (error) {
      result.faults.push(`${name}: ${error.message.split('\n')[0]}`);
    } finally {
      if (!tab.isClosed()) await tab.close().catch(() => {});
    }
  };
  const one = async () => {
    await visitor('shopping', shopping);
    if (lane.reports) await visitor('do not track', doNotTrack);
  };
  const another = async () => {
    await visitor('conditional', conditional);
    await visitor('conditional, refused', refused);
    await visitor('cold start', coldStart);
    await visitor('offline', offline);
    if (lane.tests) await visitor('test', userTest);
    for (const turn of [1, 2, 3]) await visitor('last words', (tab) => lastWords(tab, result, url, turn));
  };
  await Promise.all([one(), another()]);
  return result;
}

/** A visit with everything on the page, which goes on after a reload. */
async function shopping(tab, result, url) {
  await tab.goto(url({ analytics: { active: true } }));
  result.sessions.shopping = await start(tab);
  await act(tab, 'kettles');
  if (result.sdk) await track(tab);
  if (result.flags) result.seen.flags = await flags(tab);
  // Ten frames of a canvas make an upload; there are four a second.
  await requests(tab, '/v1/web/images', 2, 25_000);
  await changeRoute(tab);
  await hideAndShow(tab);
  await tab.goBack();
  let session = result.sessions.shopping;
  for (let reloads = 0; reloads < result.reloads; reloads++) {
    await sleep(300);
    await tab.reload();
    result.seen.before = session;
    session = await start(tab);
  }
  result.seen.after = result.sessions.again = session;
  if (result.flags) result.seen.flagsAgain = await flags(tab);
  await act(tab, 'teapots');
  await requests(tab, '/v1/web/images', 1, 25_000);
  await hideAndShow(tab);
  await sleep(500);
}

function start(tab) {
  return tab.evaluate(async () => {
    const started = await tracker.start({ userID: 'customer-1', metadata: { plan: 'pro' } });
    if (!started.success) throw new Error(`the tracker does not start: ${JSON.stringify(started)}`);
    return started.sessionID;
  });
}

/** Waits until the page has made so many requests for a path. */
function requests(tab, path, count, timeout = 10_000) {
  const made = ([path, count]) =>
    performance.getEntriesByType('resource').filter((one) => new URL(one.name).pathname === path).length >= count;
  return tab.waitForFunction(made, [path, count], { timeout, polling: 100 });
}

async function flags(tab) {
  await tab.waitForFunction(() => window.flags !== undefined, null, { timeout: 10_000, polling: 100 });
  return tab.evaluate(() => ({
    loaded: window.flags.map(({ key, value, payload }) => ({ key, value, payload })),
    colour: tracker.getFeatureFlag('button-colour')?.value,
  }));
}

/** Events of the analytics SDK: one at once, others with its next batch. */
async function track(tab) {
  const began = await tab.evaluate(() => {
    const now = performance.now();
    const { events } = tracker.analytics;
    events.sendEvent('checkout_clicked', { total: 59.9 }, { send_immediately: true });
    events.sendEvent('shelf_viewed', { shelf: 'kettles', n: 12 });
    tracker.analytics.people.setProperties({ plan: 'pro' });
    return now;
  });
  // What was under way before does not have them.
  await tab.waitForFunction(
    (began) => performance.getEntriesByType('resource').filter((one) => one.startTime >= began && new URL(one.name).pathname === '/v1/sdk/i').length >= 2,
    began,
    { timeout: 20_000, polling: 100 },
  );
}

/** The page is hidden and shown, so that the tracker sends what it holds, until the log has a text. */
async function recorded({ server }, tab, session, text) {
  await until(25_000, `"${text}" in the log`, async () => {
    await hideAndShow(tab);
    const { out } = await server.run('events', session, '--json');
    return out.includes(text);
  });
}

/** Nothing is recorded until a condition of the project is met. */
async function meetCondition(tab, url, key, project) {
  await tab.goto(url({}, {}, key));
  await tab.evaluate(() => void tracker.coldStart({ userID: 'customer-2' }, true));
  await requests(tab, `/v1/web/conditions/${project}`, 1);
  await requests(tab, '/v1/web/tags', 1);
  await sleep(500);
  await tab.type('#search', 'spoons');
  await tab.evaluate(() => void tracker.event('checkout_started', { items: 2 }));
  await requests(tab, '/v1/web/start', 2);
}

/** The condition's share is all. */
async function conditional(tab, result, url) {
  await meetCondition(tab, url, KEY, 1);
  await tab.waitForFunction(() => Boolean(tracker.getSessionID()) && tracker.isActive(), null, { timeout: 10_000, polling: 100 });
  result.sessions.conditional = await tab.evaluate(() => tracker.getSessionID());
  await recorded(result, tab, result.sessions.conditional, 'checkout_started');
}

/** The condition's share is none. */
async function refused(tab, result, url) {
  await meetCondition(tab, url, OTHER_KEY, 2);
  await sleep(1_000);
}

/** What happens before the start is in the recording too. */
async function coldStart(tab, result, url) {
  await tab.goto(url());
  await tab.evaluate(() => void tracker.coldStart({ userID: 'customer-3' }));
  await sleep(300);
  await tab.evaluate(() => console.log('before the start'));
  await tab.type('#search', 'forks');
  result.sessions.cold = await start(tab);
  await recorded(result, tab, result.sessions.cold, 'before the start');
}

/** The recording is made without a server, and uploaded later. */
async function offline(tab, result, url) {
  await tab.goto(url());
  await tab.evaluate(() => {
    window.sent = false;
    tracker.startOfflineRecording({ userID: 'customer-4' }, () => { window.sent = true; });
  });
  await sleep(300);
  await tab.evaluate(() => console.log('far from any server'));
  await act(tab, 'knives');
  const isStart = (response) => response.url().endsWith('/v1/web/start') && response.request().method() === 'POST';
  const answer = tab.waitForResponse(isStart, { timeout: 20_000 });
  await tab.evaluate(() => tracker.uploadOfflineRecording());
  result.sessions.offline = (await (await answer).json()).sessionID;
  await recorded(result, tab, result.sessions.offline, 'far from any server');
}

/** A usability test as its widget leads through it, with a camera. */
async function userTest(tab, result, url) {
  await tab.goto(url({}, { oruxt: String(TEST) }));
  result.sessions.test = await start(tab);
  await tab.getByText('Read guidelines to begin').click({ timeout: 10_000 });
  await sleep(500);
  await tab.getByText('Begin Test').click({ timeout: 5_000 });
  await tab.locator('#__or_ut_ct textarea').fill('with the search box');
  await tab.getByText('Done, Next').click();
  // As long as a person takes; the camera has its first pictures by then.
  await sleep(2_500);
  await tab.getByText('Done, Next').click();
  await tab.getByText('End Session').waitFor({ timeout: 20_000 });
  await sleep(500);
}

/** Nothing is recorded, and the server is told why. */
async function doNotTrack(tab, result, url) {
  await tab.addInitScript(() => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' }));
  await tab.goto(url({ respectDoNotTrack: true }));
  await requests(tab, '/v1/web/not-started', 1);
  await sleep(300);
}

/** What is logged just before a tab is closed. */
async function lastWords(tab, result, url, turn) {
  await tab.goto(new URL('/echo', url()).href);
  const [page] = await Promise.all([tab.waitForEvent('popup'), tab.evaluate((to) => void window.open(to), url())]);
  await page.waitForFunction(() => window.tracker !== undefined);
  result.sessions[`last words ${turn}`] = await start(page);
  await act(page, 'plates');
  await hideAndShow(page);
  await page.evaluate((turn) => console.log(`the last words of visitor ${turn}`), turn);
  await sleep(400);
  // A person's mouse leaves the page for the tab's cross.
  await page.evaluate(() => void document.body.dispatchEvent(new MouseEvent('mouseleave')));
  await sleep(50);
  await page.close({ runBeforeUnload: true });
  await sleep(1_500);
}

/** What holds for all requests. */
function checkExchanges(ledger, lanes) {
  const posts = ledger.exchanges.filter((one) => one.method !== 'OPTIONS');
  // The one refusal that is wanted: a condition that records nobody.
  const wanted403 = (one) => one.path === '/v1/web/start' && JSON.parse(one.body).condition === 'for nobody' && one.answer.status === 403;
  const answered = posts.filter((one) => one.answer !== null && !wanted403(one));
  const describe = (one) => `${one.method} ${one.target} ${one.answer.status} ${one.answer.body.toString().slice(0, 200)}`;
  check('every request got 200', answered.filter((one) => one.answer.status !== 200).map(describe), `${answered.length}`);
  const asked = ledger.exchanges.filter((one) => one.method === 'OPTIONS');
  check('so did every preflight', asked.filter((one) => one.answer && ![200, 204].includes(one.answer.status)).map(describe), `${asked.length}`);
  const family = (one) => `${one.method} ${one.path.replace(/\/(test|recording|conditions)\/[^/]+$/, '/$1/…')}`;
  const wanted = [
    'POST /v1/web/start', 'POST /v1/web/i', 'POST /v1/web/images', 'GET /v1/web/tags', 'GET /v1/web/conditions/…',
    'POST /v1/web/feature-flags', 'POST /v1/sdk/i', 'GET /v1/web/uxt/test/…', 'POST /v1/web/uxt/signals/test',
    'POST /v1/web/uxt/signals/task', 'GET /v1/web/uxt/upload-url', 'PUT /v1/web/uxt/recording/…', 'POST /v1/web/not-started',
  ];
  const seen = new Set(posts.map(family));
  check('the trackers asked for every route that they know', wanted.filter((one) => !seen.has(one)), `${seen.size}`);
  const faults = lanes.flatMap((lane) => lane.faults.map((fault) => `${lane.version}: ${fault}`));
  check('every visitor got to the end', faults);
}

/** What was acknowledged and what the log holds are the same, kind by kind. */
function checkRecords(ledger, log) {
  const posts = (path) => ledger.exchanges.filter((one) => one.method === 'POST' && one.path === path && one.answer?.status === 200);
  const same = (name, kind, path) => {
    const kept = log.records.filter((record) => record.kind === kind).map((record) => `${record.session} ${record.body.toString('base64')}`);
    const missing = posts(path).map((one) => `${session(ledger, one)} ${one.body.toString('base64')}`).filter((one) => {
      const at = kept.indexOf(one);
      if (at >= 0) kept.splice(at, 1);
      return at < 0;
    });
    check(name, missing.map((one) => one.slice(0, 200)), `${posts(path).length}`);
  };
  same('every acknowledged batch is in the log', 'batch', '/v1/web/i');
  same('every acknowledged upload of events is in the log', 'sdk', '/v1/sdk/i');
  const topics = new Map([['sdk', ['raw-analytics']], ['image', ['canvas-images']], ['batch', ['raw', 'raw-assets']], ['row', ['none']]]);
  const strays = log.records.filter((record) => topics.has(record.kind) && !topics.get(record.kind).includes(record.topic));
  check('each kind of record is bound for its topic', strays.map((record) => `${record.kind} ${record.topic}`));
}

/** The session of a request, by its token. */
function session(ledger, exchange) {
  return ledger.tokens.get(exchange.headers.get('authorization')?.replace(/^Bearer /, ''));
}

/** What one version's visitors left. */
function checkLane(lane, ledger, log) {
  console.log(`  -- ${lane.version}`);
  const { sessions, seen } = lane;
  const texts = (name) => (log.events.get(sessions[name]) ?? []).map((event) => JSON.stringify(event)).join('\n');
  const listed = (name) => log.rows.find((row) => row.session_id === sessions[name]);
  const startOf = (name) => ledger.starts.find((one) => one.answer.sessionID === sessions[name])?.request;
  const rowOf = (name) => log.records.find((record) => record.kind === 'start' && record.session === sessions[name])?.row;

  check('a reload resumes the session', seen.after !== undefined && seen.after === seen.before ? [] : [JSON.stringify(seen)]);
  const missing = Object.keys(sessions).filter((name) => !listed(name));
  check('every session is listed', missing, `${Object.keys(sessions).length}`);
  const versions = Object.keys(sessions).filter((name) => rowOf(name)?.tracker_version !== lane.version);
  check('its start has its row', versions.map((name) => `${name}: ${JSON.stringify(rowOf(name))}`));
  const broken = [...log.events.entries()].filter(([id]) => Object.values(sessions).includes(id)).flatMap(([, events]) => events);
  check('all of it decodes', broken.filter((event) => event.fault !== undefined || event.bytes !== undefined).map((event) => JSON.stringify(event)));

  checkCanvas(lane, ledger, log);
  const tags = (log.events.get(sessions.shopping) ?? []).filter((event) => event.name === 'TagTrigger').map((event) => event.fields.TagId);
  check('both tags were told, found and recorded, and not the deleted one', [1, 2].every((tag) => tags.includes(tag)) && !tags.includes(3), tags.join(' '));
  if (lane.flags) checkFlags(seen);
  if (lane.sdk) checkSdk(lane, ledger, log);

  const unrecorded = ledger.starts.filter((one) => one.request.doNotRecord && one.request.trackerVersion === lane.version);
  const shown = unrecorded.filter((one) => log.records.some((record) => record.session === one.answer.sessionID));
  check('who waits for a condition leaves nothing', unrecorded.length >= 2 && shown.length === 0, `${unrecorded.length} starts`);
  const named = startOf('conditional')?.condition;
  check('the start names the condition that was met', named === 'checkout started' ? [] : [JSON.stringify(startOf('conditional'))]);
  check('and what met it is recorded', texts('conditional').includes('checkout_started'), `${listed('conditional')?.batches} batches`);
  const misses = ledger.exchanges.filter((one) => one.path === '/v1/web/start' && one.answer?.status === 403);
  const mine = misses.map((one) => JSON.parse(one.body)).filter((start) => start.trackerVersion === lane.version);
  check('a condition with a share of none records nobody', mine.length === 1 && mine[0].condition === 'for nobody' ? [] : [JSON.stringify(mine)]);
  check('a cold start records what came before it', texts('cold').includes('before the start'), `${listed('cold')?.batches} batches`);
  check('an offline recording is uploaded', texts('offline').includes('far from any server'), `${listed('offline')?.batches} batches`);
  const last = [1, 2, 3].filter((turn) => texts(`last words ${turn}`).includes(`the last words of visitor ${turn}`));
  // Now and then a browser that closes a tab drops what is on its way.
  check('the last words of a closed tab arrive', last.length >= 1, `${last.length} of 3`);
  if (lane.tests) checkTest(lane, ledger, log);
  if (lane.reports) checkReport(lane, log);
}

/** Every picture that was acknowledged is in the log, with its time and under its canvas's name. */
function checkCanvas(lane, ledger, log) {
  const mine = new Set(Object.values(lane.sessions));
  const uploads = ledger.exchanges.filter((one) => one.path === '/v1/web/images' && one.method === 'POST' && mine.has(session(ledger, one)));
  const [sent, unanswered] = [[], []];
  // A page that is left takes the answer to its last upload with it: that one may be in the log or not.
  for (const upload of uploads.filter((one) => one.answer === null || one.answer.status === 200)) {
    const pictures = upload.answer ? sent : unanswered;
    for (const part of readForm(upload.headers.get('content-type'), upload.body)) {
      if (part.file === undefined) continue;
      if (lane.frames) {
        const name = part.file.replace(/\.frames$/, '');
        for (const frame of readFrames(part.body)) pictures.push(describe(session(ledger, upload), name, frame.ms, frame.picture));
      } else {
        const [, name, ms, ext] = /^(\d+_\d+)_(\d+)\.(\w+)$/.exec(part.file) ?? [];
        pictures.push(describe(session(ledger, upload), `${name}.${ext}`, ms, part.body));
      }
    }
  }
  const kept = [];
  for (const record of log.records.filter((record) => record.kind === 'image' && mine.has(record.session))) {
    const name = (record.file ?? 'no name').replace(/\.frames$/, '');
    for (const frame of readFrames(record.body)) kept.push(describe(record.session, name, frame.ms, frame.picture));
  }
  const enough = uploads.length >= 3 && sent.length >= 30 && sent.every((one) => one.includes(`.${lane.picture} `));
  check(`pictures of the canvas are sent as ${lane.frames ? 'frames' : 'files'}`, enough ? [] : [sent[0] ?? 'none'], `${uploads.length} uploads`);
  const counts = new Map();
  for (const one of kept) counts.set(one, (counts.get(one) ?? 0) + 1);
  check('each of them is in the log once', [
    ...sent.filter((one) => counts.get(one) !== 1).map((one) => `${counts.get(one) ?? 0} times: ${one.slice(0, 120)}`),
    ...unanswered.filter((one) => counts.get(one) > 1).map((one) => `${counts.get(one)} times: ${one.slice(0, 120)}`),
    ...kept.filter((one) => !sent.includes(one) && !unanswered.includes(one)).map((one) => `never sent: ${one.slice(0, 120)}`),
  ], `${kept.length} pictures`);
}

function describe(session, name, ms, picture) {
  return `${session} ${name} ${ms} ${picture.length} ${picture.toString('base64')}`;
}

function checkFlags({ flags: first, flagsAgain: again }) {
  const wanted = { 'new-checkout': [true, undefined], 'button-colour': ['green', { hex: '#0a7d32' }] };
  const faults = [];
  for (const [when, seen] of [['at first', first], ['after the reload', again]]) {
    for (const [key, [value, payload]] of Object.entries(wanted)) {
      const flag = seen?.loaded.find((one) => one.key === key);
      const right = flag?.value === value && (payload === undefined || JSON.stringify(JSON.parse(flag.payload)) === JSON.stringify(payload));
      if (!right) faults.push(`${when}: ${key} is ${JSON.stringify(flag)}`);
    }
    if (seen?.loaded.length !== 2) faults.push(`${when}: ${JSON.stringify(seen)}`);
    if (seen?.colour !== 'green') faults.push(`${when}: getFeatureFlag gives ${seen?.colour}`);
  }
  check('the page gets its feature flags, and again after a reload', faults);
}

function checkSdk(lane, ledger, log) {
  const records = log.records.filter((record) => record.kind === 'sdk' && record.session === lane.sessions.shopping);
  const bodies = records.map((record) => JSON.parse(record.body.toString()));
  const names = bodies.flatMap((body) => (body.data?.events ?? body.events ?? []).map((event) => event.name));
  check('events of the analytics SDK are kept', ['checkout_clicked', 'shelf_viewed'].filter((name) => !names.includes(name)), `${records.length} uploads`);
  const actions = bodies.flatMap((body) => body.data?.user_actions ?? []).map((action) => action.type);
  check('and what it says of the visitor', ['identity', 'set_property'].filter((type) => !actions.includes(type)), actions.join(' '));
}

/** The rows of a usability test, and the camera's recording. */
function checkTest(lane, ledger, log) {
  const rows = log.records.filter((record) => record.table === 'ut_tests_signals' && record.session === lane.sessions.test).map((record) => JSON.parse(record.body.toString()));
  const shown = rows.map((row) => `${row.task_id ?? 'test'} ${row.status}`);
  check('every step of a test leaves its row', ['test begin', 'test done'].filter((one) => !shown.includes(one)).concat(rows.length === 6 ? [] : [shown.join(', ')]), shown.join(', '));
  check('with the answer that was typed', rows.some((row) => row.comment === 'with the search box') ? [] : [JSON.stringify(rows)]);
  check('and the test', rows.every((row) => row.test_id === TEST && Number(row.session_id) > 0) ? [] : [JSON.stringify(rows)]);
  const url = ledger.exchanges.find((one) => one.path === '/v1/web/uxt/upload-url' && one.method === 'GET' && session(ledger, one) === lane.sessions.test);
  const target = url?.answer ? new URL(JSON.parse(url.answer.body.toString()).url).pathname : undefined;
  const put = ledger.exchanges.find((one) => one.method === 'PUT' && one.path === target);
  const parts = log.records.filter((record) => record.kind === 'recording' && record.session === lane.sessions.test).sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  const kept = Buffer.concat(parts.map((part) => part.body));
  // How much a camera has filmed by then is the browser's affair.
  check('the recording of the camera is kept whole', put?.body.length > 0 && kept.equals(put.body), `${kept.length} bytes in ${parts.length} records`);
}

function checkReport(lane, log) {
  const rows = log.records.filter((record) => record.table === 'unstarted_sessions').map((record) => JSON.parse(record.body.toString()));
  const mine = rows.filter((row) => row.tracker_version === lane.version);
  const count = (doNotTrack) => mine.filter((row) => row.do_not_track === doNotTrack).length;
  // This version says too that its start was refused.
  const right = mine.length === 2 && count(true) === 1 && count(false) === 1;
  check('who does not want to be tracked, and who was refused, is counted and not recorded', right ? [] : [JSON.stringify(rows)]);
}
