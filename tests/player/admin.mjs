// The admin page: the list and its filters, timelines, the status, the token, and actions.

import fs from 'node:fs';
import path from 'node:path';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { Server } from '../e2e/server.mjs';
import { batch, message } from './batch.mjs';
import { loaded, shownText, watchedPage } from './browser.mjs';
import { FIREFOX, visited, visitor } from './crowd.mjs';
import { texts } from './hostile.mjs';
import { recordBatch } from './record.mjs';

const TOKEN = 'a token of more than sixteen characters';
/** "Within a second or so": also on a machine that does much else. */
const SOON_MS = 2_000;
const SHOP = 'http://shop.localhost';
/** What happens in a session that is followed is told one to three seconds later. */
const FOLLOWED_MS = 6_000;
/** A page follows so many, and shows so many events of one. */
const FOLLOWED_MAX = 2;
const LINES_MAX = 200;

async function served(root, name, settings = []) {
  const folder = path.join(root, name);
  fs.mkdirSync(folder, { recursive: true });
  const server = await Server.prepare(folder, { settings });
  await server.start();
  return server;
}

const home = (server, rest = '') => `http://${server.admin}/${rest}`;
const row = (page, session) => page.locator(`#list > li[data-session="${session}"]`);

/** Whether something holds before the time is over, and after how many ms. */
async function within(ms, ask) {
  const began = performance.now();
  for (;;) {
    if (await ask()) return [true, `${Math.round(performance.now() - began)} ms`];
    if (performance.now() - began > ms) return [false, `not within ${ms} ms`];
    await sleep(20);
  }
}

const shown = (page) => page.locator('#list > li').evaluateAll((rows) => rows.map((one) => one.dataset.session).sort());

async function shows(page, name, wanted, ms = 5_000) {
  const expected = [...wanted].sort().join(' ');
  const [holds] = await within(ms, async () => (await shown(page)).join(' ') === expected);
  check(name, holds ? [] : [`shown: ${(await shown(page)).join(' ')}`, `wanted: ${expected}`]);
}

/** The list is told what is new, and each filter goes by what it says. */
export async function lists(browser, root) {
  const server = await served(root, 'lists');
  const { page, seen, close } = await watchedPage(browser);
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(home(server));
  await page.waitForFunction(() => document.getElementById('told').textContent.startsWith('No sessions yet'));
  // What follows must be new to the page.
  await sleep(500);

  const ada = await visitor(server, { user: 'ada@example.com' }, [`${SHOP}/basket`]);
  check('a session is there soon after it was recorded, without a reload', ...(await within(SOON_MS, async () => (await row(page, ada).count()) === 1)));
  const bob = await visitor(server, { user: 'bob@example.com', agent: FIREFOX }, [`${SHOP}/checkout`], { errors: ['it broke'] });
  await row(page, bob).waitFor();
  await visited(server, ada, [`${SHOP}/later`]);
  check('so is what is new of it', ...(await within(SOON_MS, async () => (await row(page, ada).textContent()).includes('/later'))));
  check('a session that goes on says so', (await row(page, ada).textContent()).includes('live'));
  const before = asked.filter((where) => where === '/api/sessions').length;
  await sleep(3_000);
  const idle = asked.filter((where) => where === '/api/sessions').length - before;
  check('while nothing is recorded nothing is asked', idle === 0, `${idle} questions`);
  check('one connection tells the page what is new', asked.filter((where) => where === '/api/changes').length === 1);

  const choose = { when: (value) => page.selectOption('[name=when]', value) };
  for (const [name, act, wanted] of [
    ['user', () => page.fill('[name=user]', 'ADA'), [ada]],
    ['page', () => page.fill('[name=page]', 'checkout'), [bob]],
    ['browser', () => page.fill('[name=browser]', 'firefox'), [bob]],
    ['country', () => page.fill('[name=country]', 'ZZ'), []],
    ['project', () => page.fill('[name=project]', '1'), [ada, bob]],
    ['another project', () => page.fill('[name=project]', '77'), []],
    ['live', () => page.check('[name=live]'), [ada, bob]],
    ['with errors', () => page.check('[name=errors]'), [bob]],
    ['the last 15 minutes', () => choose.when('15m'), [ada, bob]],
    ['since tomorrow', async () => {
      await choose.when('between');
      await page.fill('[name=from]', `${new Date().getFullYear() + 1}-01-01T00:00`);
    }, []],
    ['until last year', async () => {
      await choose.when('between');
      await page.fill('[name=to]', `${new Date().getFullYear() - 1}-01-01T00:00`);
    }, []],
  ]) {
    await act();
    await shows(page, `the list goes by ${name}`, wanted);
    const address = page.url();
    await page.reload();
    await shows(page, `and so it does when its address is opened: ${name}`, wanted);
    check('the address stays', page.url() === address, page.url());
    await page.click('#clear');
    await shows(page, 'without a filter all are there', [ada, bob]);
  }
  await page.fill('[name=country]', 'Z');
  await page.waitForFunction(() => document.getElementById('told').textContent.includes('two letters'));
  check('a filter that cannot be is told', true);
  await page.click('#clear');

  for (const name of ['toString', 'constructor', '__proto__', 'sessions?from=x&to=99999999999999999&when=constructor&live=yes']) {
    await page.goto('about:blank');
    await page.goto(home(server, `#${name}`));
    await shows(page, `an address that nobody should write shows the list: #${name}`, [ada, bob]);
  }
  await page.locator('#list button.fold').first().click();
  await row(page, bob).locator('.timeline li').first().waitFor();
  const timeline = await row(page, bob).locator('.timeline').textContent();
  check('a row unfolds what happened', ['checkout', 'click', 'Basket', 'it broke'].filter((text) => !timeline.includes(text)));
  await visited(server, ada, [`${SHOP}/much-later`]);
  await within(SOON_MS, async () => (await row(page, ada).textContent()).includes('/much-later'));
  check('which stays when the list changes', await row(page, bob).locator('.timeline li').first().isVisible());
  await row(page, bob).locator('button.fold').click();
  check('and folds', (await row(page, bob).locator('.timeline').isVisible()) === false);
  await row(page, ada).locator('> a').focus();
  await visited(server, bob, [`${SHOP}/last`]);
  await within(SOON_MS, async () => (await row(page, bob).textContent()).includes('/last'));
  check('who has the focus keeps it', await row(page, ada).locator('> a').evaluate((link) => link === document.activeElement));

  check('nothing fails', seen.errors);
  check('nobody but the server is asked', [...seen.requests, ...seen.refused].filter((url) => !url.startsWith(home(server))));
  await row(page, ada).locator('> a').click();
  await page.waitForURL(`**/play/${ada}`);
  check('a click opens the player', await page.locator('#play').isVisible());
  await close();
  await statusMoves(browser, server, ada);
  await server.stop();
}

const timeline = (page, session) => row(page, session).locator('.timeline');
const unfold = (page, session) => row(page, session).locator('button.fold').click();

/** Whether a page says that it is hidden. */
function hide(page, hidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

/** A row that is unfolded goes on while its session does, and each of its links leads to its moment. */
export async function timelines(browser, root) {
  const server = await served(root, 'timelines');
  const sessions = [];
  for (const name of ['ada', 'bob', 'cyd']) sessions.push(await visitor(server, { user: name }, [`${SHOP}/${name}`]));
  const [ada, bob, cyd] = sessions;
  const { page, seen, close } = await watchedPage(browser);
  const asked = [];
  page.on('request', (request) => /\/timeline$/.test(new URL(request.url()).pathname) && asked.push(request.url()));
  await page.goto(home(server));
  await shows(page, 'sessions are listed', sessions);
  await unfold(page, ada);
  await timeline(page, ada).locator('li').first().waitFor();
  await visited(server, ada, [`${SHOP}/followed`]);
  const has = (session, text) => async () => (await timeline(page, session).textContent()).includes(text);
  check('what happens while it is unfolded is shown', ...(await within(FOLLOWED_MS, has(ada, '/followed'))));
  await visited(server, ada, [`${SHOP}/twice`]);
  check('and what happens then', ...(await within(FOLLOWED_MS, has(ada, '/twice'))));
  check('one answer told all of it', asked.length === 1, asked.join(' '));
  check('in the order of times', await timeline(page, ada).locator('li').evaluateAll((rows) => {
    const times = rows.map((one) => Number(one.querySelector('a').href.split('#at=')[1]));
    return times.length > 4 && times.every((time, at) => at === 0 || time >= times[at - 1]);
  }));

  await hide(page, true);
  const ended = await within(FOLLOWED_MS, async () => seen.refused.some((url) => url.includes('/timeline')));
  check('while the page is hidden it is not followed', ...ended);
  await visited(server, ada, [`${SHOP}/meanwhile`]);
  await sleep(1_500);
  check('nor asked for', asked.length === 1 && !(await has(ada, '/meanwhile')()));
  await hide(page, false);
  check('it is when the page is shown again', ...(await within(FOLLOWED_MS, has(ada, '/meanwhile'))));

  await visited(server, ada, [`${SHOP}/many`], { clicks: Array.from({ length: LINES_MAX + 50 }, (_, number) => `click ${number}.`) });
  check('of many events the newest are shown', ...(await within(FOLLOWED_MS, has(ada, `click ${LINES_MAX + 49}.`))));
  check('and no more', (await timeline(page, ada).locator('li').count()) === LINES_MAX && (await has(ada, `The last ${LINES_MAX} events`)()) && !(await has(ada, 'click 0.')()));

  await unfold(page, bob);
  await unfold(page, cyd);
  for (const session of [bob, cyd]) await timeline(page, session).locator('li').first().waitFor();
  check(`of more than ${FOLLOWED_MAX} the one that was unfolded first waits`, await has(ada, 'It goes on: fold and unfold')());
  for (const session of sessions) await visited(server, session, [`${SHOP}/all`]);
  for (const session of [bob, cyd]) check('the others go on', ...(await within(FOLLOWED_MS, has(session, '/all'))));
  check('it does not', !(await has(ada, '/all')()));
  await unfold(page, bob);
  await unfold(page, ada);
  await unfold(page, ada);
  check('until it is unfolded again', ...(await within(FOLLOWED_MS, has(ada, '/all'))));
  check('nothing fails', seen.errors);

  await exactLinks(server, page, cyd);
  await close();
  await server.stop();
}

/** A link of a timeline leads to what it stands for, although the session has begun before its first line. */
async function exactLinks(server, page, other) {
  const session = String(BigInt(other) + 1_000n);
  const beganMs = Date.now() - 1_200_000;
  const TEXT = 10;
  const clock = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1_000) % 60).padStart(2, '0')} `;
  // The page is another one 60 ms before and after each.
  const told = [['early', 7_300], ['later', 12_450], ['much later', 900_250]];
  await recordBatch(server, session, batch(beganMs, '', [
    message('Timestamp', beganMs),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    message('CreateElementNode', 2, 0, 0, 'head', false),
    message('CreateElementNode', 3, 0, 1, 'body', false),
    message('CreateTextNode', TEXT, 3, 0),
    message('SetNodeData', TEXT, 'before'),
    message('Timestamp', beganMs + 100),
    message('MouseMove', 5, 5),
    ...told.flatMap(([name, ms]) => [
      message('Timestamp', beganMs + ms - 60),
      message('SetNodeData', TEXT, `just before ${name}`),
      message('Timestamp', beganMs + ms),
      message('SetNodeData', TEXT, `it is ${name}`),
      message('MouseClick', 3, 0, name, 'body', 0, 0),
      message('Timestamp', beganMs + ms + 60),
      message('SetNodeData', TEXT, `after ${name}`),
    ]),
  ]));
  for (const [name, ms] of told) {
    await page.goto('about:blank');
    await page.goto(home(server));
    await row(page, session).waitFor();
    await unfold(page, session);
    await timeline(page, session).locator('li', { hasText: new RegExp(`click${name}$`) }).locator('a').click();
    await loaded(page);
    const isShown = (at) => document.getElementById('waiting').textContent === '' && document.getElementById('time').textContent.startsWith(at);
    await page.waitForFunction(isShown, clock(ms));
    await sleep(300);
    check(`a link leads to its moment: ${name}`, (await shownText(page)).trim() === `it is ${name}`, await shownText(page));
  }
}

/** The numbers move while something is recorded; who finds no place waits for one, and says why. */
async function statusMoves(browser, server, session) {
  const { page, seen, close } = await watchedPage(browser);
  await page.goto(home(server, '#status'));
  const stored = page.locator('.tile', { hasText: 'Requests per second' }).locator('b');
  await stored.waitFor();
  const values = new Set();
  for (let second = 0; second < 12 && values.size < 3; second++) {
    for (let number = 0; number <= second; number++) await visited(server, session, [SHOP]);
    values.add(await stored.textContent());
    await sleep(500);
  }
  check('the numbers of the status move', values.size >= 3, [...values].join(', '));
  const text = await page.locator('#status').textContent();
  check('retention and quarantine are told', ['Files that a start set aside', 'Batches that cannot be used', 'Looks at the log that failed', 'await'].filter((part) => !text.includes(part)));
  await page.goto('about:blank');
  const others = await takePlaces(server, 8);
  await page.goto(home(server, '#status'));
  await page.waitForFunction(() => /8 pages follow.*Trying again/.test(document.getElementById('trouble').textContent));
  check('who finds no place is told why', true);
  for (const other of others) other.abort();
  await stored.waitFor({ timeout: 20_000 });
  await page.waitForFunction(() => document.getElementById('trouble').hidden);
  check('and gets one when there is one', true);
  check('nothing fails', seen.errors);
  await close();
}

/** Follows the status so many times; who followed it before may not be gone yet. */
async function takePlaces(server, count) {
  const places = [];
  while (places.length < count) {
    const place = new AbortController();
    const answer = await fetch(home(server, 'api/stream'), { signal: place.signal });
    if (answer.status === 200) places.push(place);
    else await sleep(100);
  }
  return places;
}

/** With a token: the page asks for it, and changes something for those who have it. */
export async function acts(browser, root) {
  const server = await served(root, 'acts', [`admin_token=${TOKEN}`]);
  const gone = await visitor(server, { user: 'gone@example.com' }, [SHOP]);
  const stays = await visitor(server, { user: 'stays@example.com' }, [SHOP]);
  const { page, seen, close } = await watchedPage(browser);
  await page.goto(home(server));
  await page.locator('#login').waitFor();
  check('without the token nothing is listed', (await page.locator('#list > li').count()) === 0);
  await page.fill('[name=token]', 'something else entirely');
  await page.click('#login button');
  await page.waitForFunction(() => document.getElementById('login-why').textContent === 'That is not the token.');
  await page.fill('[name=token]', TOKEN);
  await page.click('#login button');
  await shows(page, 'with it the sessions are', [gone, stays]);
  check('the token is in no address', !page.url().includes('token'));

  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.click('#tab-actions');
  await page.click('#run-retention');
  await page.locator('#job', { hasText: 'Nothing would be deleted now' }).waitFor();
  check('what retention would delete is told', true);
  await page.selectOption('[name=whose]', 'session');
  await page.fill('#erase-form [name=value]', gone);
  await page.click('#erase-form button');
  await page.locator('#job', { hasText: '1 session would be erased' }).waitFor();
  check('what an erasure would erase is told', true);
  const looked = asked.filter((where) => where === '/api/actions').length;
  await sleep(3_000);
  check('a job that is over is not asked for', asked.filter((where) => where === '/api/actions').length === looked);
  await page.fill('[name=confirm]', stays);
  await page.click('#erase-confirm button');
  await page.waitForFunction(() => document.getElementById('actions-told').textContent.includes('confirm'));
  check('it is not begun with another number', true);
  await page.fill('[name=confirm]', gone);
  await page.click('#erase-confirm button');
  await page.locator('#job', { hasText: '1 session erased' }).waitFor();
  await page.click('#tab-sessions');
  await shows(page, 'what was confirmed is erased, and nothing else', [stays]);
  // The browser prints that a question was refused; that is no failure of the page.
  check('nothing fails', seen.errors);
  await close();
  await server.stop();
}

/** Whoever is recorded does nothing to whoever looks at the list. */
export async function hostileLists(browser, root, trap) {
  const server = await served(root, 'hostile-list');
  const sessions = [];
  const vectors = [...texts(trap.url), `${'W'.repeat(5000)}`, `\u202e${'\u0301'.repeat(400)}\nright to left`, '\n\n\n\t '];
  for (const text of vectors) {
    const agent = text.replace(/[^\x20-\x7e]/g, '').trim() || undefined;
    const session = await visitor(server, { user: text, agent }, [`${SHOP}/${text}`, text], { errors: [text], clicks: [text], user: text });
    sessions.push(session);
  }
  for (const viewport of [{ width: 1280, height: 800 }, { width: 360, height: 740 }]) {
    const { page, seen, close } = await watchedPage(browser, { viewport });
    await page.goto(home(server));
    await shows(page, `hostile sessions are listed, ${viewport.width} pixels wide`, sessions);
    for (const session of sessions) {
      await row(page, session).locator('button.fold').click();
      await row(page, session).locator('.timeline li').first().waitFor();
    }
    await page.locator('#list').hover();
    const told = await page.evaluate(() => ({
      ran: window.ran ?? null,
      made: [...document.querySelectorAll('#list *')].map((one) => one.localName).filter((name) => !/^(li|a|button|div|ol|span|bdi|p)$/.test(name)),
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      high: Math.max(...[...document.querySelectorAll('#list > li > a')].map((one) => one.getBoundingClientRect().height)),
      links: [...document.querySelectorAll('#list a')].map((one) => one.getAttribute('href')).filter((href) => !/^play\/\d+(#at=-?\d+)?$/.test(href)),
      text: document.getElementById('list').textContent,
    }));
    check('no script ran', told.ran === null ? [] : [told.ran]);
    check('no text became an element', told.made);
    check('no link leads elsewhere', told.links);
    check('what was recorded is shown as text', told.text.includes('<img src=x onerror='));
    check('the page is as wide as its window', told.wide === 0, `${told.wide} pixels more`);
    check('each row is as high as others', told.high < 140, `${told.high} pixels`);
    check('nothing was asked for', [...[...seen.requests, ...seen.refused].filter((url) => !url.startsWith(home(server))), ...trap.hits]);
    check('nothing was opened', seen.opened);
    check('nothing fails', seen.errors);
    await close();
  }
  await server.stop();
}
