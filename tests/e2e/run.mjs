// Real trackers in a real browser against the real server.
//
//   node run.mjs [--only NAME] [--keep]
//
// NAME is one of: tracker-12, tracker-18, tracker-19, kill-12, kill-19, snippet, features, delivery, delivery-seed.
// TAKEUP_BIN names the binary (default: the release build of this repository), CHROMIUM the browser (default:
// /usr/bin/chromium), TMPDIR where the data goes. The folder of a failed run is kept, and its name printed; --keep keeps
// it in any case.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { act, changeRoute, hide, hideAndShow, reload, show, startBrowser, visit } from './browser.mjs';
import { check, tally } from './checks.mjs';
import { delivery } from './delivery.mjs';
import { HOST, features } from './features.mjs';
import { Ledger } from './ledger.mjs';
import { readExchanges } from './netlog.mjs';
import { endAll, sleep, until } from './process.mjs';
import { Server } from './server.mjs';
import { MARKS, startSite } from './site.mjs';

const DEADLINE_MS = 540_000;
const { values: options } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'boolean' } } });
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'takeup-e2e-'));
// Postgres runs as a user of its own, below this folder.
fs.chmodSync(root, 0o711);

/** Runs one scenario on a server of its own with an empty data folder. */
async function scenario(name, body, setup = {}) {
  if (options.only && options.only !== name) return;
  console.log(name);
  const folder = path.join(root, name);
  fs.mkdirSync(folder);
  let server;
  let browser;
  try {
    server = await Server.prepare(folder, setup);
    browser = await startBrowser(folder);
    const tookMs = await server.start();
    console.log(`  the server answered ${Math.round(tookMs)} ms after its start`);
    await body(server, browser);
  } catch (error) {
    check(`${name} runs to its end`, [error.stack ?? String(error)]);
    console.log(server?.output.split('\n').slice(-20).join('\n'));
  } finally {
    await browser?.quit().catch(() => {});
    if (server) fs.writeFileSync(path.join(folder, 'server.log'), server.output);
    endAll();
  }
}

/** A visit, a second one that resumes, and the tab's end, recorded by one version of the tracker. */
async function journey(server, browser, site, tracker, { reloadsUntilResumed, types }) {
  const tab = await browser.tab();

  const first = await visit(tab, site.shop(tracker, server.ingest, server.projectKey));
  check('the tracker starts', first.success ? [] : [JSON.stringify(first)]);
  await act(tab, 'apples');
  await hideAndShow(tab);
  await changeRoute(tab);
  await tab.goBack();
  await hideAndShow(tab);

  let before = first;
  let second = await reload(tab);
  for (let reloads = 1; reloads < reloadsUntilResumed; reloads++) {
    before = second;
    second = await reload(tab);
  }
  const resumed = second.success && second.sessionID === before.sessionID;
  check('a second visit resumes the session', resumed ? [] : [JSON.stringify({ before, second })]);
  await act(tab, 'pears');
  await hideAndShow(tab);
  await act(tab, 'plums');
  await tab.close();
  await sleep(2_000);
  await browser.quit();

  const ledger = new Ledger(readExchanges(browser.netlog, server.host));
  await compare(server, ledger, { batches: types.length * 3 });
  const seen = new Set(ledger.acknowledged.map((batch) => batch.dataType));
  check('every pipeline of the tracker was heard', types.filter((type) => !seen.has(type)), [...seen].join(' '));
  await stop(server);
}

/** The checks that every run shares. */
async function compare(server, ledger, { batches, killed = false }) {
  const { acknowledged, sent, sessions } = ledger;
  const bytes = acknowledged.reduce((sum, batch) => sum + batch.bytes, 0);
  const enough = acknowledged.length >= batches;
  check('batches were acknowledged', enough, `${acknowledged.length} of ${sent.length} sent, ${bytes} bytes`);
  const preflights = ledger.exchanges.filter((one) => one.method === 'OPTIONS').length;
  check('preflights are answered', ledger.unexpected(['OPTIONS'], ['/v1/web/start', '/v1/web/i'], [200, 204]), `${preflights}`);
  check('every answered start and batch got 200', ledger.unexpected(['POST'], ['/v1/web/start', '/v1/web/i'], [200]));

  const kept = await server.lines('replay', '--to', '-');
  const mine = kept.filter((line) => sessions.includes(line.session_id));
  check('every acknowledged body is in the log, byte for byte', ledger.missing(kept), `${acknowledged.length} of ${mine.length} kept`);
  check('the log has no body that was not sent', ledger.invented(kept));

  const rows = new Map((await server.lines('sessions', '--json')).map((row) => [row.session_id, row]));
  check('the sessions are listed with all they have', sessions.filter((session) => {
    const count = (list) => list.filter((one) => (one.session ?? one.session_id) === session).length;
    // Pictures count, too; one that was not answered may have been kept or not.
    const pictures = ledger.pictures.filter((one) => one.session === session);
    const answered = pictures.filter((one) => one.status === 200).length;
    const others = rows.get(session)?.batches - count(mine);
    return !(others >= answered && others <= pictures.length) || count(acknowledged) > count(mine);
  }).map((session) => `${session}: ${JSON.stringify(rows.get(session))}`), `${sessions.length} sessions`);

  const texts = [];
  const faults = [];
  for (const session of sessions) {
    for (const event of await server.lines('events', session, '--json')) {
      texts.push(JSON.stringify(event));
      // A message that is not in the catalogue has its bytes, one that is broken its fault.
      if (event.fault !== undefined || event.bytes !== undefined) faults.push(JSON.stringify(event).slice(0, 300));
    }
  }
  check('all of it decodes', faults, `${texts.length} messages`);
  const all = texts.join('\n');
  check('the recording shows what happened on the page', Object.values(MARKS).filter((mark) => !all.includes(mark)));

  const logged = server.logLines().filter((line) => line.httpMethod === 'POST' && line.url === '/v1/web/i' && line.msg === 'response ok');
  const unlogged = acknowledged.filter((batch) => !logged.some((line) => line.sessionID === batch.session));
  // Lines that waited for the printer die with the server.
  if (!killed) check('acknowledged batches have their log lines', logged.length >= acknowledged.length && unlogged.length === 0, `${logged.length}`);
}

/** The admin port's account, then the end: a signal, exit code 0, and a log that is whole. */
async function stop(server) {
  const ready = await server.adminPage('/health/ready');
  check('the server is ready', ready.status === 200 ? [] : [`${ready.status} ${ready.text}`]);
  const metrics = await server.adminPage('/metrics');
  const count = /^http_web_requests_total\{url="[^"]*\/v1\/web\/i",response_code="200"\} (\d+)/m.exec(metrics.text);
  check('the metrics count the batches', Number(count?.[1]) > 0, count?.[1]);
  const how = await server.stop();
  check('SIGTERM ends the server with exit code 0', how.code === 0 ? [] : [JSON.stringify(how)]);
  const verdict = await server.run('verify');
  check('the log verifies', verdict.code === 0 ? [] : [verdict.out + verdict.err]);
}

/**
 * kill -9 in the middle of a session, twice, and a start within the time for which the tracker tries again: once with
 * requests on their way, once before the tracker sends. `awayMs` is how long the server stays away beyond the time
 * that its start takes. A tracker that sends several batches at once tries ten times for all of them together, which
 * leaves it less than four seconds; one that sends them one by one has more than ten.
 */
async function kill(server, browser, site, tracker, { pipelines, awayMs }) {
  const tab = await browser.tab();
  const first = await visit(tab, site.shop(tracker, server.ingest, server.projectKey));
  check('the tracker starts', first.success ? [] : [JSON.stringify(first)]);
  await act(tab, 'apples');
  await changeRoute(tab);
  await hideAndShow(tab);
  await tab.goBack();

  await act(tab, 'pears');
  await hide(tab);
  await sleep(5);
  await restart(server, awayMs);
  await show(tab);
  await goesOn(server, tab, first.sessionID, pipelines, 'plums');

  await act(tab, 'cherries');
  const flushed = () => hideAndShow(tab);
  await restart(server, awayMs, flushed);
  await goesOn(server, tab, first.sessionID, pipelines, 'grapes');
  await tab.close();
  await sleep(2_000);
  await browser.quit();

  const ledger = new Ledger(readExchanges(browser.netlog, server.host));
  check('it stays one session', ledger.sessions.length === 1 ? [] : [ledger.sessions.join(' ')]);
  await compare(server, ledger, { batches: pipelines * 4, killed: true });
  await stop(server);
  return ledger;
}

/** kill -9, whatever `meanwhile` does, and a start. */
async function restart(server, awayMs, meanwhile = async () => {}) {
  const how = await server.kill();
  const killedMs = Date.now();
  check('the server is killed', how.signal === 'SIGKILL' ? [] : [JSON.stringify(how)]);
  await meanwhile();
  await sleep(awayMs);
  await server.start();
  console.log(`  the server was away for ${Date.now() - killedMs} ms`);
}

/** What the visitor does now is recorded in the same session. */
async function goesOn(server, tab, session, pipelines, text) {
  const before = await server.sessionWithBatches(session, 1, 5_000);
  await act(tab, text);
  await hideAndShow(tab);
  const after = await server.sessionWithBatches(session, before.batches + pipelines, 15_000);
  check('the session goes on', after.batches > before.batches, `${before.batches} batches, then ${after.batches}`);
}

/** The snippet that the first start prints, pasted into a page as it is. */
async function pasteSnippet(server, browser, site) {
  const printed = () => /<script type="module">[\s\S]*?<\/script>/.exec(server.output)?.[0];
  const snippet = await until(5_000, 'the first start to print a snippet', printed);
  const tab = await browser.tab();
  // The one thing that is not taken as it is: the tracker comes from npm's copy and not over the internet.
  const loaded = [];
  await tab.route((url) => url.protocol === 'https:', async (route) => {
    loaded.push(route.request().url());
    const headers = { 'Access-Control-Allow-Origin': '*' };
    await route.fulfill({ contentType: 'text/javascript', headers, body: await site.module('tracker-19') });
  });
  await tab.goto(site.pasted(snippet));
  // While requests are looked at, the browser asks for no preflights.
  await tab.unrouteAll({ behavior: 'wait' });
  const row = await server.sessionWithBatches(undefined, 1, 20_000);
  check('the snippet loads the tracker that it names', loaded.length === 1 && /tracker@19\.0\.1/.test(loaded[0]) ? [] : loaded);
  await act(tab, 'apples');
  await hideAndShow(tab);
  await changeRoute(tab);
  await hideAndShow(tab);
  await tab.close();
  await sleep(2_000);
  await browser.quit();
  const ledger = new Ledger(readExchanges(browser.netlog, server.host));
  check('it records a session', ledger.sessions.length === 1 && ledger.sessions[0] === row.session_id);
  await compare(server, ledger, { batches: 4 });
  await stop(server);
}

const deadline = setTimeout(() => {
  console.log(`\nstopped after ${DEADLINE_MS / 1000} s; ${tally.passed} passed, ${tally.failed + 1} failed`);
  endAll();
  process.exit(1);
}, DEADLINE_MS);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}

const site = await startSite();
const modern = ['visual', 'analytics', 'devtools'];
await scenario('tracker-12', (server, browser) =>
  journey(server, browser, site, 'tracker-12', { reloadsUntilResumed: 1, types: ['all'] }));
// This version starts a new session at the first reload and resumes from the second on.
await scenario('tracker-18', (server, browser) =>
  journey(server, browser, site, 'tracker-18', { reloadsUntilResumed: 2, types: ['player', 'analytics', 'devtools'] }));
await scenario('tracker-19', (server, browser) =>
  journey(server, browser, site, 'tracker-19', { reloadsUntilResumed: 1, types: modern }));
await scenario('kill-12', (server, browser) => kill(server, browser, site, 'tracker-12', { pipelines: 1, awayMs: 4_000 }));
await scenario('kill-19', async (server, browser) => {
  const ledger = await kill(server, browser, site, 'tracker-19', { pipelines: 3, awayMs: 0 });
  // This version marks what it sends again.
  const retried = ledger.acknowledged.filter((batch) => batch.target.includes('_reject'));
  check('what failed meanwhile was sent again and taken', retried.length > 0, `${retried.length} batches`);
});
await scenario('snippet', (server, browser) => pasteSnippet(server, browser, site));
await scenario('features', (server, browser) => features(server, browser, site, stop), {
  name: HOST,
  projects: new URL('projects.toml', import.meta.url),
  settings: ['canvas_fps=4'],
});
for (const [name, shape] of Object.entries({
  delivery: { tracker: 'tracker-19', version: '19.0.1', tables: 'main.sql', pipelines: 3, reloads: 1 },
  'delivery-seed': { tracker: 'tracker-12', version: '12.0.4', tables: 'seed.sql', pipelines: 1, reloads: 1 },
})) {
  const { setup, run } = delivery(shape, { site, compare, stop });
  await scenario(name, run, setup);
}
site.close();
clearTimeout(deadline);

if (tally.failed === 0 && !options.keep) fs.rmSync(root, { recursive: true, force: true });
else console.log(`the run's files are in ${root}`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
