// How a session is streamed to its page: live, in parts, again after the connection was lost, and to whom it cannot be shown as a whole.

import zlib from 'node:zlib';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { batch, message } from './batch.mjs';
import { loaded, shownText, watchedPage } from './browser.mjs';
import { recordBatch, recordPacked } from './record.mjs';

/** What a page does is on a live picture this soon. */
const SEEN_MS = 3_500;
/** How far the page says it is behind the newest event that it has: what is recorded comes every two and a half seconds. */
const BEHIND_MS = 2_000;
const BEHIND_MOST_MS = 3_000;

const TEXT = 10;

/** The page: a body with one text. */
function begin(at, words) {
  return batch(at, '', [
    message('Timestamp', at),
    message('SetPageLocation', 'https://shop.example/', '', 0, 'Shop'),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    message('CreateElementNode', 2, 0, 0, 'head', false),
    message('CreateElementNode', 3, 0, 1, 'body', false),
    message('CreateTextNode', TEXT, 3, 0),
    message('SetNodeData', TEXT, words),
  ]);
}

const say = (at, words) => batch(at, '', [message('Timestamp', at), message('SetNodeData', TEXT, words), message('MouseMove', 5, 5)]);

/** Opens a session: its page, with what it shows. */
async function open(browser, server, session, hash = '') {
  const watched = await watchedPage(browser);
  const { page } = watched;
  await page.goto(`http://${server.admin}/play/${session}${hash}`);
  await loaded(page);
  return watched;
}

const isLive = (page) => page.waitForFunction(() => document.getElementById('go-live').ariaPressed === 'true', null, { timeout: 60_000 });

async function until(ms, ask) {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline) {
    if (await ask()) return true;
    await sleep(50);
  }
  return false;
}

/** Live is two seconds behind the newest event. */
export async function soon(browser, server, session) {
  await recordBatch(server, session, begin(Date.now() - 3_000, 'word 0'));
  const { page, seen, close } = await open(browser, server, session);
  await isLive(page);
  const [took, behind] = [[], []];
  let number = 0;
  let done = false;
  const sent = new Map();
  const sending = (async () => {
    while (!done) {
      number++;
      sent.set(number, Date.now());
      await recordBatch(server, session, say(Date.now(), `word ${number}`));
      await sleep(400);
    }
  })();
  let last = 0;
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(30)) {
    const [shown, late] = await page.evaluate(() => [
      Number(/word (\d+)/.exec(document.querySelector('#screen iframe').contentDocument.body.innerText)?.[1]),
      Number(document.getElementById('go-live').dataset.behind),
    ]);
    behind.push(late);
    if (shown > last) took.push(Date.now() - sent.get(shown));
    last = Math.max(last, shown || 0);
  }
  done = true;
  await sending;
  took.sort((a, b) => a - b);
  behind.sort((a, b) => a - b);
  const [middle, most] = [took[took.length >> 1], took.at(-1)];
  console.log(`  what is recorded is shown after ${middle} ms in the middle, ${most} ms at most; ${behind[behind.length >> 1]} ms and ${behind.at(-1)} ms behind the newest event`);
  check('every word is seen on the way', took.length > 20, `${took.length}`);
  check('what a page does is seen two to three seconds later', middle < SEEN_MS, `${middle} ms`);
  const [usually, late] = [behind[behind.length >> 1], behind[Math.floor(behind.length * 0.9)]];
  check('the page says that it is two seconds behind', usually <= BEHIND_MS && late <= BEHIND_MOST_MS, `${usually} ms, ${late} ms`);
  check('nothing fails', seen.errors);
  await close();
}

/** A link behind the end of a session that goes on shows its end, and is not loaded again and again; from there the viewer goes anywhere. */
export async function beyond(browser, server, session) {
  const at = Date.now() - 30_000;
  await recordBatch(server, session, begin(at, 'at first'));
  await recordBatch(server, session, say(at + 20_000, 'at the end'));
  // Both at once: what waits now is not what waited a moment before.
  const isAt = (page, wanted) => until(15_000, () => page.evaluate((start) => {
    const [waiting, time] = ['waiting', 'time'].map((id) => document.getElementById(id).textContent);
    return waiting === '' && time.startsWith(start);
  }, `0:${wanted} / `));
  for (const hash of ['#t=36000', '#t=1e300', `#at=${Date.now() + 1e9}`, '#at=1e300']) {
    const { page, seen, close } = await open(browser, server, session, hash);
    let asked = 0;
    page.on('request', (request) => (asked += request.url().includes('/events?') ? 1 : 0));
    check(`${hash} shows the end`, (await isAt(page, 20)) && (await shownText(page)).includes('at the end'), await page.textContent('#time'));
    await page.evaluate(() => (location.hash = '#t=10'));
    check('another moment is shown from there', (await isAt(page, 10)) && (await shownText(page)).includes('at first'), await page.textContent('#time'));
    await page.evaluate((hash) => (location.hash = hash), hash);
    check(`${hash} does so again`, await isAt(page, 20), await page.textContent('#time'));
    check('the session was not loaded again and again', asked <= 2, `${asked} times`);
    check('nothing fails', seen.errors);
    await close();
  }
}

/** A session with more than a page keeps is joined live all the same. */
export async function many(browser, server, session) {
  const LOGS = 300_001;
  const at = Date.now() - 30_000;
  await recordBatch(server, session, begin(at, 'before the lines'));
  const lines = Array.from({ length: 15_000 }, (_, number) => message('ConsoleLog', 'log', `line ${number}`));
  for (let sent = 0; sent < LOGS; sent += lines.length) {
    await recordBatch(server, session, batch(at + 1_000, '', [message('Timestamp', at + 1_000), ...lines]));
  }
  const { page, seen, close } = await open(browser, server, session);
  await isLive(page);
  check('it is live', await page.locator('#live-mark').isVisible());
  await recordBatch(server, session, say(Date.now(), 'behind the lines'));
  check('what follows is shown', await until(15_000, async () => (await shownText(page)).includes('behind the lines')));
  check('nothing fails', seen.errors);
  await close();
}

/** Who watches goes on when another session is erased, and when the server has gone and come back. */
export async function goesOn(browser, server, session, other) {
  await recordBatch(server, session, begin(Date.now() - 3_000, 'at first'));
  await recordBatch(server, other, begin(Date.now() - 3_000, 'of another one'));
  const { page, seen, close } = await open(browser, server, session);
  const erased = await open(browser, server, other);
  await isLive(page);
  await isLive(erased.page);
  const { code, err } = await server.run('erase', '--yes', '--admin', server.admin, '--session', other);
  check('it is erased while both are watched', code === 0, err);
  check('who watched it is told', await until(15_000, () => erased.page.getByText(`Session ${other} is not here.`).first().isVisible()));
  await erased.close();
  await recordBatch(server, session, say(Date.now(), 'after the erasure'));
  check('the other one goes on', await until(10_000, async () => (await shownText(page)).includes('after the erasure')));
  check('it is live still', (await page.locator('#go-live').getAttribute('aria-pressed')) === 'true');
  check('its connection was never lost', seen.refused);
  await server.stop();
  check('a lost connection is told', await until(10_000, () => page.getByText('Trying again…').isVisible()));
  await keepsTrying(page, seen);
  await server.start();
  await recordBatch(server, session, say(Date.now(), 'after the server'));
  check('it goes on by itself when the server is back', await until(30_000, async () => (await shownText(page)).includes('after the server')));
  check('and is live', (await page.locator('#go-live').getAttribute('aria-pressed')) === 'true');
  check('nothing is told of it any more', !(await page.locator('#lost').isVisible()));
  check('nothing fails', seen.errors);
  await close();
}

/** A lost connection is tried again for as long as somebody looks, and at once when the viewer says so, the network is back, or the page is shown again. */
async function keepsTrying(page, seen) {
  const tries = () => seen.refused.filter((url) => url.includes('/events')).length;
  const triesOnce = async (why, act) => {
    const before = tries();
    await act();
    check(`it is tried at once: ${why}`, await until(2_000, () => tries() > before));
  };
  // More often than there are different pauses: the next one is the longest.
  for (let number = 1; number <= 8; number++) await triesOnce(`click ${number}`, () => page.click('#try-now'));
  check('it is not given up', (await page.getByText('Trying again…').isVisible()) && (await page.locator('#message').isHidden()));
  const hide = (hidden) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  const online = () => page.evaluate(() => dispatchEvent(new Event('online')));
  await sleep(300);
  const before = tries();
  await hide(true);
  await online();
  await sleep(1_000);
  check('while nobody looks it is not tried', tries() === before);
  await triesOnce('the page is shown again', () => hide(false));
  await sleep(300);
  await triesOnce('the network is back', online);
}

/** A session that cannot be shown as a whole says why. */
export async function cut(browser, server, session) {
  await recordBatch(server, session, begin(Date.now() - 3_600_000, 'it begins'));
  for (let number = 0; number < 48; number++) {
    const large = [batch(Date.now() - 3_500_000 + number, '', []), Buffer.alloc(24 << 20)];
    await recordPacked(server, session, zlib.gzipSync(Buffer.concat(large), { level: 1 }));
  }
  const { page, close } = await watchedPage(browser);
  await page.goto(`http://${server.admin}/play/${session}`);
  const why = page.getByText('takes more than a file for temporary data may').first();
  check('the page says why', await until(60_000, () => why.isVisible()));
  await close();
}
