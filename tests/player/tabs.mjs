// Sessions of several tabs, and what nobody does anything in: as the page knows them, and as it shows them.

import { pathToFileURL } from 'node:url';

import { check } from '../e2e/checks.mjs';
import { Session } from '../../src/player/page/session.js';
import { nameOf } from '../../src/player/page/tabs.js';
import { batch, message } from './batch.mjs';
import { loaded, shownTime, watchedPage } from './browser.mjs';
import { recordBatch } from './record.mjs';

const moved = (timestamp) => ({ type: 3, data: { source: 1, positions: [] }, timestamp });
const custom = (tag, payload, timestamp) => ({ type: 5, data: { tag, payload }, timestamp });
const said = (timestamp) => custom('ConsoleLog', { Level: 'log', Value: 'tick' }, timestamp);

/** A session of these events. */
function sessionOf(events) {
  const session = new Session();
  for (const event of events) session.take(JSON.stringify(event));
  return session;
}

/** What nobody does anything in is known to the end of a session, and while it goes on. */
export function idles() {
  const ticks = (from, to) => Array.from({ length: (to - from) / 1000 }, (_, number) => said(from + (number + 1) * 1000));
  const quiet = sessionOf([moved(1_000), ...ticks(1_000, 301_000)]);
  check('inactivity at the end of a session is known', JSON.stringify(quiet.idle) === '[[1000,301000]]', JSON.stringify(quiet.idle));
  check('it is skipped to the end', quiet.idleUntil(2_000) === 301_000 && quiet.idleUntil(301_000) === null);
  for (const event of [...ticks(301_000, 310_000), moved(310_000), ...ticks(310_000, 314_000)]) quiet.take(JSON.stringify(event));
  check('it ends when the visitor does something', JSON.stringify(quiet.idle) === '[[1000,310000]]', JSON.stringify(quiet.idle));
  check('a short pause at the end is none', quiet.idleUntil(311_000) === null && quiet.idleUntil(5_000) === 310_000);
  check('a session of nothing has none', sessionOf([]).idle.length === 0 && sessionOf([moved(1)]).idle.length === 0);
  const tabs = sessionOf([moved(0), ...ticks(0, 20_000), custom('tab', { tab: 'a', shown: true }, 20_000), custom('TabChange', { TabId: 'b' }, 21_000)]);
  check('a change of tabs is something that the visitor does', JSON.stringify(tabs.idle) === '[[0,21000]]', JSON.stringify(tabs.idle));
}

/** However many tabs a session has, and whatever they are called. */
export function manyTabs() {
  const events = [custom('tab', { tab: '__proto__', shown: true }, 0)];
  for (let number = 0; number < 10_000; number++) {
    events.push(custom('tab', { tab: `tab ${number}`, url: 'https://shop.example', title: `<b>${number}` }, number), custom('TabChange', { TabId: `tab ${number}` }, number));
  }
  events.push(custom('tab', null, 10_000), custom('tab', { tab: 7, shown: true }, 10_000), custom('TabChange', {}, 10_000));
  const { tabs, rows, broken } = sessionOf(events);
  check('ten thousand tabs are a few, and nothing breaks', tabs.list.length <= 200 && rows.length < 1_000 && broken === 0, `${tabs.list.length} tabs, ${rows.length} rows`);
  check('tabs are numbered, and named by their page', nameOf(tabs.list[1], 0) === 'Tab 2: <b>0' && nameOf(tabs.list[0], 0) === 'Tab 1');
}

const words = (tab, text) => [
  message('TabData', tab),
  message('SetPageLocation', `https://shop.example/${tab}`, '', 0, `Shop ${tab}`),
  message('SetViewportSize', 800, 600),
  message('CreateDocument'),
  message('CreateElementNode', 2, 0, 0, 'head', false),
  message('CreateElementNode', 3, 0, 1, 'body', false),
  message('CreateTextNode', 4, 3, 0),
  message('SetNodeData', 4, text),
];

/** A visitor who opens a second tab after 10 s, comes back after 20 s, and does nothing in the last minute. */
function twoTabs(at) {
  const after = (ms, ...messages) => [message('Timestamp', at + ms), ...messages];
  return batch(at, '', [
    ...after(0, ...words('first', 'words of the first'), message('TabChange', 'first'), message('MouseMove', 1, 1)),
    ...after(10_000, ...words('second', 'words of the second'), message('TabChange', 'second'), message('MouseMove', 2, 2)),
    ...after(15_000, message('TabData', 'first'), message('SetNodeData', 4, 'changed behind the front')),
    ...after(20_000, message('TabChange', 'first'), message('MouseMove', 3, 3)),
    ...Array.from({ length: 60 }, (_, second) => after(21_000 + second * 1_000, message('ConsoleLog', 'log', 'tick'))).flat(),
  ]);
}

const pressed = (page) => page.locator('#tabs [aria-pressed=true]').allTextContents();
const goTo = (page, seconds) => page.evaluate((at) => (location.hash = `#t=${at}`), seconds);
const hasText = (page, text) => page.waitForFunction((wanted) => document.querySelector('#screen iframe')?.contentDocument?.body?.innerText.includes(wanted), text, { timeout: 30_000 });

/** Tabs are named and marked; each can be looked at; inactivity at the end is skipped. */
export async function tabs(browser, server, session, one, exported) {
  await recordBatch(server, session, twoTabs(Date.now() - 3_600_000));
  const { page, seen, close } = await watchedPage(browser);
  const address = `http://${server.admin}/play/${session}`;
  await page.goto(`${address}#t=5`);
  await loaded(page);
  await hasText(page, 'words of the first');
  const names = await page.locator('#tabs button').allTextContents();
  check('tabs are numbered and have the titles of their pages', names.join() === 'Tab 1: Shop first,Tab 2: Shop second', names.join());
  check('the one that is seen is shown', (await pressed(page)).join() === 'Tab 1: Shop first', (await pressed(page)).join());
  await goTo(page, 12);
  await hasText(page, 'words of the second');
  check('also after a change of tabs', (await pressed(page)).join() === 'Tab 2: Shop second', (await pressed(page)).join());
  const rows = (await page.locator('.row', { hasText: 'comes to the front' }).allTextContents()).map((text) => text.replace(/^[\d:]+/, ''));
  check('changes of tabs are rows with names', rows.length === 2 && rows[0].includes('Tab 2: Shop second') && rows[1].includes('Tab 1: Shop first'), rows.join('; '));
  await page.waitForTimeout(600);
  check('and marks on the time line', await marked(page));
  await page.locator('.row', { hasText: 'Tab 1: Shop first comes' }).click();
  await hasText(page, 'changed behind the front');
  check('a row leads to its change', (await shownTime(page))[0] === 20, String(await shownTime(page)));

  await goTo(page, 16);
  await hasText(page, 'words of the second');
  await page.locator('#tabs button', { hasText: 'Tab 1' }).click();
  await page.waitForURL(/tab=first/);
  await loaded(page);
  await hasText(page, 'changed behind the front');
  check('another tab than the one in front can be looked at', (await pressed(page)).join() === 'Tab 1: Shop first', (await pressed(page)).join());
  check('the moment stays', (await shownTime(page))[0] === 16, String(await shownTime(page)));
  check('what the visitor looks at is still told', (await page.locator('#tabs .front').textContent()) === 'Tab 2: Shop second');
  await page.locator('#tabs button', { hasText: 'As the visitor saw them' }).click();
  await page.waitForURL((url) => !url.search.includes('tab='));
  await loaded(page);
  await hasText(page, 'words of the second');
  check('and back', true);

  await skipsToEnd(page);
  await page.goto(`${address}?tab=nobody`);
  await page.waitForFunction(() => document.getElementById('message-text').textContent.includes('no picture of this tab'), null, { timeout: 60_000 });
  check('a tab that is not there is told in words', true);
  await page.goto(`http://${server.admin}/play/${one}`);
  await loaded(page);
  check('a session of one tab has no row of tabs', await page.locator('#tabs').isHidden());
  check('nothing fails', seen.errors);
  await close();
  await inFile(browser, server, session, exported);
}

/** In a file a tab leads to the next moment at which it is in front; one can be exported by itself. */
async function inFile(browser, server, session, exported) {
  const { page, seen, close } = await watchedPage(browser, { offline: true });
  await page.goto(`${pathToFileURL(await exported()).href}#t=2`);
  await loaded(page);
  await page.locator('#tabs button', { hasText: 'Tab 2' }).click();
  await hasText(page, 'words of the second');
  check('in a file a tab leads to where it comes to the front', (await shownTime(page))[0] === 10, String(await shownTime(page)));
  check('nothing fails', seen.errors);
  await close();
  const { code, out } = await server.run('export', session, '--rrweb', '--tab', 'second');
  check('one tab is exported by itself', code === 0 && out.includes('words of the second') && !out.includes('words of the first'));
}

/** "Skip inactivity" plays the last minute, in which nobody does anything, in a moment. */
async function skipsToEnd(page) {
  await page.locator('#skip').check();
  await goTo(page, 19);
  await page.waitForFunction(() => document.getElementById('time').textContent.startsWith('0:19'));
  const began = performance.now();
  await page.locator('#play').click();
  await page.waitForFunction(() => document.getElementById('time').textContent.startsWith('1:20 '), null, { timeout: 30_000 });
  const took = (performance.now() - began) / 1000;
  check('inactivity at the end is skipped', took < 12, `${took} s`);
}

/** Whether the colour of changes of tabs is on the time line. */
function marked(page) {
  return page.evaluate(() => {
    const seen = new Set();
    const canvas = document.getElementById('marks');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const hex = getComputedStyle(document.getElementById('timeline')).getPropertyValue('--tab').trim();
    const wanted = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    return seen.has(wanted) ? [] : [`${wanted} is not among ${[...seen].slice(0, 20).join(' ')}`];
  });
}
