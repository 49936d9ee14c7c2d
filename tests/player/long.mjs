// How the player bears sessions of hours: the first picture, seeks, memory, and what takeup itself takes.
//
//   node long.mjs [--minutes 480] [--keep]
//
// It prints the figures, and fails where a session is not shown as docs/player.md says, or a goal is missed by far. It takes some minutes and up to 4 GB of
// disk in TMPDIR. TAKEUP_BIN and CHROMIUM as in run.mjs.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { check, tally } from '../e2e/checks.mjs';
import { endAll, remember, sleep } from '../e2e/process.mjs';
import { BIN, Server } from '../e2e/server.mjs';
import { openBrowser, shownText, shownTime, watchedPage } from './browser.mjs';
import { BATCH_MS, recordLong } from './longsession.mjs';
import { sendBatch } from './record.mjs';
import { message, metadata } from './batch.mjs';

const { values: options } = parseArgs({ options: { minutes: { type: 'string', default: '480' }, keep: { type: 'boolean' } } });
const MINUTES = Number(options.minutes);
const DEADLINE_MS = 900_000;

/** What a watched session should take at most. */
const FIRST_PICTURE_MS = 2_000;
const SEEK_MS = 1_000;
const TAB_BYTES = 1e9;
/** A part of a session that nobody watches: the server converts all that is before. */
const LOAD_MS = 10_000;
/** What the server takes to convert a session of any length. */
const SERVER_BYTES = 100e6;

/** A moment of the last part, in seconds. */
const END = MINUTES * 60 - 20;

const LONG = '2691351900602760970';
const HOLED = '2691351900602760971';
const HEADLESS = '2691351900602760972';
const GOING_ON = '2691351900602760973';

const mb = (bytes) => `${Math.round(bytes / 1e6)} MB`;
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** The most memory that a process has had, in bytes, since it began or was forgotten. */
function peak(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

const forgetPeak = (pid) => fs.writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** Runs an export into nothing: how long it took, the most memory it had, and what it printed. */
async function exportPeak(server, session, form) {
  const began = performance.now();
  const child = remember(spawn(BIN, ['--data', server.data, 'export', session, form], { stdio: ['ignore', 'pipe', 'inherit'], detached: true }));
  let bytes = 0;
  child.stdout.on('data', (part) => (bytes += part.length));
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, peak(child.pid))), 20);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`export ${form} ended with ${code}`);
  return { ms: performance.now() - began, most, bytes };
}

/** Opens a session: the page, and how long its first picture took. */
async function open(browser, server, session, hash = '') {
  const watched = await watchedPage(browser);
  const began = performance.now();
  await watched.page.goto(`http://${server.admin}/play/${session}${hash}`);
  const shown = watched.page
    .waitForFunction(() => document.querySelector('#screen iframe')?.contentDocument?.body?.childElementCount > 0, null, { timeout: 120_000, polling: 'raf' })
    .then(() => performance.now() - began, () => null);
  return { ...watched, shown };
}

/** Which part of the session the page has: from and to, in seconds. */
async function part(page) {
  const told = (await page.locator('#part').isVisible()) ? await page.textContent('#part') : '';
  const [, ...clocks] = /of ([\d:]+) to ([\d:]+)\./.exec(told) ?? [];
  if (clocks.length === 0) return [0, (await shownTime(page))[1]];
  return clocks.map((clock) => clock.split(':').reduce((sum, digits) => sum * 60 + Number(digits), 0));
}

/** Waits until no more events come. */
async function complete(page) {
  let [before, since] = ['', performance.now()];
  for (const began = performance.now(); performance.now() - began < 240_000; await sleep(250)) {
    const end = String(await part(page));
    if (end !== before) [before, since] = [end, performance.now()];
    if (performance.now() - since > 3_000) return since - began;
  }
  throw new Error('events came for four minutes');
}

/** The page's heap, after what nobody uses was thrown away, and all memory of its process. */
async function memory(page) {
  const tools = await page.context().newCDPSession(page);
  await tools.send('HeapProfiler.collectGarbage');
  await tools.send('Performance.enable');
  const { metrics } = await tools.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
  const browserTools = await page.context().browser().newBrowserCDPSession();
  const { processInfo } = await browserTools.send('SystemInfo.getProcessInfo');
  const resident = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0) * 1024);
  return { heap, resident: Math.max(...resident) };
}

/** Seeks to places all over what is there; how long each took until its picture was drawn. */
async function seeks(page, count = 12) {
  const [from, to] = await part(page);
  const took = [];
  for (let number = 0; number < count; number++) {
    const wanted = Math.floor(from + ((number * 7_919) % count) * ((to - from) / count) + 13);
    took.push(
      await page.evaluate(async (wanted) => {
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const began = performance.now();
        location.hash = `#t=${wanted}`;
        await new Promise((done) => addEventListener('hashchange', done, { once: true }));
        await frame();
        await frame();
        return performance.now() - began;
      }, wanted),
    );
    await sleep(100);
  }
  return took.sort((a, b) => a - b);
}

/** Waits until the page shows this moment, in seconds: how long that took. */
async function shows(page, moment) {
  const began = performance.now();
  const isShown = (wanted) => {
    const clock = document.getElementById('time').textContent.split(' / ')[0];
    const shown = clock.split(':').reduce((sum, digits) => sum * 60 + Number(digits), 0);
    const rows = document.querySelector('#screen iframe')?.contentDocument?.body?.childElementCount ?? 0;
    return document.getElementById('waiting').textContent === '' && Math.abs(shown - wanted) <= 5 && rows > 900;
  };
  await page.waitForFunction(isShown, moment, { timeout: 120_000, polling: 'raf' });
  return performance.now() - began;
}

/** The end of the session, and a place in the middle, by a seek and by a link. */
async function everywhere(browser, server, page) {
  const end = END;
  const took = [];
  for (const moment of [end, Math.floor(end / 2), 5]) {
    await page.evaluate((to) => (location.hash = `#t=${to}`), moment);
    took.push(await shows(page, moment));
  }
  console.log(`  seeks to parts that are not there: ${took.map(seconds).join(', ')}`);
  check('a seek to another part is quick', took.every((ms) => ms < SEEK_MS), took.map(seconds).join(', '));
  await page.evaluate((to) => (location.hash = `#t=${to}`), end);
  await shows(page, end);
  await complete(page);
  const [from] = await part(page);
  console.log(`  what is there then begins at ${Math.round(from / 60)} minutes`);
  const inside = await seeks(page);
  check('a seek within it is quick', inside.at(-1) < SEEK_MS, seconds(inside.at(-1)));
  const linked = await open(browser, server, LONG, `#t=${end}`);
  const firstMs = await linked.shown;
  const linkedMs = await shows(linked.page, end);
  await complete(linked.page);
  const { heap, resident } = await memory(linked.page);
  console.log(`  a link to the end: first picture after ${seconds(firstMs)}, ${seconds(linkedMs)} later it is there; heap ${mb(heap)}, process ${mb(resident)}`);
  check('a link to the end is quick', firstMs + linkedMs < FIRST_PICTURE_MS, seconds(firstMs + linkedMs));
  check('nothing fails', linked.seen.errors);
  await linked.close();
}

async function long(browser, server) {
  const sent = await recordLong(server, LONG, { beganMs: Date.now() - MINUTES * 60_000 - 120_000, minutes: MINUTES });
  console.log(`  ${MINUTES} minutes, ${sent.messages} messages, ${sent.batches} batches, ${mb(sent.bytes)}`);
  await sleep(2_000);
  const { pid } = server.child;
  forgetPeak(pid);
  const before = peak(pid);
  const { page, seen, shown, close } = await open(browser, server, LONG, '#t=0');
  const firstMs = await shown;
  const loadedMs = await complete(page);
  const served = peak(pid);
  const { heap, resident } = await memory(page);
  const took = await seeks(page);
  const [, end] = await part(page);
  const [, whole] = await shownTime(page);
  console.log(`  first picture after ${seconds(firstMs)}; all that the page keeps after ${seconds(loadedMs)}: ${Math.round(end / 60)} of ${Math.round(whole / 60)} minutes`);
  console.log(`  seeks: ${seconds(took[took.length >> 1])} in the middle, ${seconds(took.at(-1))} at most`);
  console.log(`  the tab: heap ${mb(heap)}, process ${mb(resident)}; the server: ${mb(before)} before, ${mb(served)} at most`);
  check('the first picture comes soon', firstMs < FIRST_PICTURE_MS, seconds(firstMs));
  check('a seek is quick', took.at(-1) < SEEK_MS, seconds(took.at(-1)));
  check('the tab bears it', heap < TAB_BYTES, mb(heap));
  await everywhere(browser, server, page);
  const after = await memory(page);
  const most = peak(pid) - before;
  console.log(`  after all of that: heap ${mb(after.heap)}, process ${mb(after.resident)}; the server: ${mb(most)} more than before`);
  check('the tab bears seeks everywhere', after.heap < TAB_BYTES, mb(after.heap));
  check('the server converts it in bounded memory', most < SERVER_BYTES, mb(most));
  check('nothing fails', seen.errors);
  await close();
  for (const form of ['--rrweb', '--html']) {
    const { ms, most, bytes } = await exportPeak(server, LONG, form);
    console.log(`  export ${form}: ${seconds(ms)}, ${mb(bytes)}, ${mb(most)} of memory at most`);
  }
}

/** A link to the end of a session that nobody has watched since the server began. */
async function unwatched(browser, server) {
  await server.stop();
  await server.start();
  const { page, seen, shown, close } = await open(browser, server, LONG, `#t=${END}`);
  const took = (await shown) + (await shows(page, END));
  console.log(`  a link to the end: ${seconds(took)}`);
  check('the end is reached', took < LOAD_MS, seconds(took));
  check('nothing fails', seen.errors);
  await close();
}

/** An hour of which one batch is missing, before the second snapshot that follows. */
async function holed(browser, server) {
  const without = (30 * 60_000) / BATCH_MS;
  await recordLong(server, HOLED, { beganMs: Date.now() - 3_900_000, minutes: 60, without });
  const { page, seen, shown, close } = await open(browser, server, HOLED, '#t=0');
  check('it is shown', (await shown) !== null);
  await complete(page);
  const gap = page.locator('.row', { hasText: 'Something is missing here' });
  await page.fill('#filter', 'Something is missing');
  check('the gap is told', (await gap.count()) === 1);
  const [, end] = await shownTime(page);
  check('the session goes on behind it', end > 3_590, `${end} s`);
  await page.evaluate(() => (location.hash = '#t=3000'));
  await sleep(500);
  check('there is a picture behind it', (await shownText(page)).includes('row 999'));
  check('nothing fails', seen.errors);
  await close();
}

/** An hour whose first batch, which has the page, never came. */
async function headless(browser, server) {
  await recordLong(server, HEADLESS, { beganMs: Date.now() - 3_900_000, minutes: 60, withDocument: false });
  const { page, seen, close } = await open(browser, server, HEADLESS, '#t=0');
  await page.waitForFunction(() => /no picture/.test(document.getElementById('message-text').textContent) || document.querySelector('#screen iframe'), null, {
    timeout: 60_000,
  });
  await complete(page);
  check('what is known is in the lists', (await page.getByRole('tab', { name: 'Network' }).textContent()).trim().endsWith('3600'));
  check('nothing fails', seen.errors);
  await close();
}

/** Half an hour that is still going on. */
async function goingOn(browser, server) {
  const minutes = 30;
  const beganMs = Date.now() - minutes * 60_000;
  await recordLong(server, GOING_ON, { beganMs, minutes });
  const { page, seen, shown, close } = await open(browser, server, GOING_ON);
  const firstMs = await shown;
  await page.waitForFunction(() => document.getElementById('go-live').ariaPressed === 'true', null, { timeout: 60_000 });
  let number = (minutes * 60_000) / BATCH_MS;
  const came = [];
  for (const words of ['it goes on', 'and on', 'and on still']) {
    const at = Date.now();
    number++;
    await sendBatch(server, GOING_ON, number, Buffer.concat([metadata(at, ''), message('Timestamp', at), message('SetNodeData', 13, words), message('MouseMove', 1, 1)]));
    await page.waitForFunction((text) => document.querySelector('#screen iframe').contentDocument.body.innerText.includes(text), words, { timeout: 20_000 });
    came.push(Date.now() - at);
  }
  console.log(`  first picture after ${seconds(firstMs)}; what is recorded is shown after ${came.map(seconds).join(', ')}`);
  check('what is recorded is shown', came.every((ms) => ms < 8_000));
  check('nothing fails', seen.errors);
  await close();
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'takeup-long-'));
const deadline = setTimeout(() => {
  console.error(`not done after ${DEADLINE_MS} ms`);
  endAll();
  process.exit(1);
}, DEADLINE_MS);
const server = await Server.prepare(root);
await server.start();
const browser = await openBrowser();
console.log(`${os.cpus().length} processors (${os.cpus()[0].model}), ${mb(os.totalmem())}, ${browser.version()}`);
for (const [name, body] of Object.entries({
  'a long session': long,
  'a long session that nobody watches': unwatched,
  'an hour without one of its batches': holed,
  'an hour without its page': headless,
  'half an hour that goes on': goingOn,
})) {
  console.log(name);
  try {
    await body(browser, server);
  } catch (error) {
    check(`${name} runs to its end`, [error.stack ?? String(error)]);
  }
}
await server.stop();
await browser.close();
endAll();
clearTimeout(deadline);
if (!options.keep) fs.rmSync(root, { recursive: true, force: true });
else console.log(`the run's files are in ${root}`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
