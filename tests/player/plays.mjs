// A session of a real tracker, from a file.

import { pathToFileURL } from 'node:url';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { loaded, shownText, shownTime, watchedPage } from './browser.mjs';

/** Waits until so many seconds have been played. */
const comesTo = (page, seconds) =>
  page.waitForFunction(
    (least) => {
      const [minutes, rest] = document.getElementById('time').textContent.split(' / ')[0].split(':');
      return Number(minutes) * 60 + Number(rest) >= least;
    },
    seconds,
    { timeout: 30_000 },
  );

/** Plays, seeks, marks and lists, offline. */
export async function plays(browser, server, session, file) {
  const url = pathToFileURL(file).href;
  const { page, seen, close } = await watchedPage(browser, { offline: true });
  await page.goto(url);
  await loaded(page);
  // The first picture comes before the rest.
  for (let tries = 0; (await shownTime(page))[1] < 71 && tries < 600; tries++) await sleep(100);
  const [at, end] = await shownTime(page);
  check('it is there from its beginning to its end', at === 0 && end === 71, `${at} to ${end} s`);
  check('the session is named', (await page.textContent('#title')) === `Session ${session}`);
  check('the picture is there before it plays', (await shownText(page)).includes('Tern & Tide'));

  await page.keyboard.press('Space');
  await comesTo(page, 2);
  check('it plays', true);
  await page.keyboard.press('4');
  const [before] = await shownTime(page);
  const began = performance.now();
  await comesTo(page, before + 6);
  const took = (performance.now() - began) / 1000;
  check('it plays faster', took < 6, `${took} s for 6 s`);
  await page.keyboard.press('k');
  const [faster] = await shownTime(page);
  await sleep(400);
  check('it pauses', (await shownTime(page))[0] === faster);

  await page.keyboard.press('Home');
  await page.keyboard.press('l');
  await page.keyboard.press('l');
  await page.keyboard.press('ArrowRight');
  check('keys seek', (await seconds(page)) === 25, await page.evaluate(() => location.hash));
  const box = await page.locator('#timeline').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + 10);
  check('a click on the time line seeks', Math.abs((await seconds(page)) - 35.5) < 1);
  check('what is in a frame of the page is shown', (await shownText(page)).includes('Copper kettle'));

  await marks(page);
  await lists(page, server, session);

  await link(page);
  await page.goto(`${url}#t=12.3&list=console`);
  await page.reload();
  await loaded(page);
  await page.waitForFunction(() => document.getElementById('time').textContent.startsWith('0:12'), null, { timeout: 30_000 });
  check('a link opens at a moment', (await page.locator('#panels [aria-selected=true]').textContent()).startsWith('Console'));
  await skips(page);

  check('no address is fetched', [...seen.requests, ...seen.refused].filter((request) => !request.startsWith('file:')));
  check('nothing fails', seen.errors);
  await close();
}

const seconds = (page) => page.evaluate(() => Number(new URLSearchParams(location.hash.slice(1)).get('t')));

/** A link that the viewer puts into the address is not lost to what the page writes there, and never half of it is there. */
async function link(page) {
  const hash = '#t=20.5&list=errors';
  const written = await page.evaluate(async (hash) => {
    const written = [];
    const replace = history.replaceState;
    history.replaceState = (...said) => {
      written.push(said[2]);
      replace.apply(history, said);
    };
    location.hash = hash;
    // Before the page has heard of it, it wants to write where it is.
    document.getElementById('earlier').click();
    await new Promise((resolve) => addEventListener('hashchange', resolve, { once: true }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    history.replaceState = replace;
    return written;
  }, hash);
  check('a link is not lost to what the page writes', (await page.evaluate(() => location.hash)) === hash && (await seconds(page)) === 20.5, await page.evaluate(() => location.hash));
  check('never half of it is in the address', written.filter((said) => said !== hash));
}

/** The colours of the marks are on the time line. */
async function marks(page) {
  const found = await page.evaluate(() => {
    const canvas = document.getElementById('marks');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) colours.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    const style = getComputedStyle(document.getElementById('timeline'));
    const wanted = ['page', 'click', 'error', 'idle'];
    const plain = (name) => {
      const hex = style.getPropertyValue(`--${name}`).trim();
      return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join();
    };
    return wanted.filter((name) => !colours.has(plain(name)));
  });
  check('pages, clicks, errors and idle times are marked', found);
}

/** The lists have what the timeline has; rows seek; a filter narrows. */
async function lists(page, server, session) {
  const { out } = await server.run('export', session, '--timeline', 'json');
  const lines = out.trim().split('\n').map((line) => JSON.parse(line));
  const counts = async () => Object.fromEntries((await page.locator('#panels button').allTextContents()).map((text) => text.trim().split(' ')));
  const shown = await counts();
  const sockets = (await server.run('export', session, '--rrweb')).out.split('"tag":"WSChannel"').length - 1;
  for (const [name, kinds] of Object.entries({ Console: ['console'], Network: ['request'], Errors: ['error', 'issue'] })) {
    // The timeline leaves out what sockets say.
    const told = lines.filter((line) => kinds.includes(line.kind)).length + (name === 'Network' ? sockets : 0);
    check(`the list ${name} has what the timeline has`, told > 0 && Number(shown[name]) === told, `${shown[name]} of ${told}`);
  }
  const error = lines.find((line) => line.kind === 'error');
  await page.getByRole('tab', { name: 'Errors' }).click();
  await page.locator('.row', { hasText: error.text.slice(0, 40) }).first().click();
  const began = lines[0].at_ms;
  check('a row seeks', Math.abs((await seconds(page)) - (error.at_ms - began) / 1000) < 2, `${await seconds(page)} s`);
  check('a row tells its fields', (await page.textContent('#detail-fields')).includes('Message'));
  await page.getByRole('tab', { name: 'All' }).click();
  await page.fill('#filter', 'buy 4');
  const left = await page.locator('.row').allTextContents();
  check('a filter leaves what has the text', left.length > 0 && left.every((text) => text.includes('buy 4')), `${left.length} rows: ${left.join('; ').slice(0, 300)}`);
}

/** Inactivity is skipped. */
async function skips(page) {
  await page.locator('#skip').check();
  const idle = 32;
  await page.evaluate((at) => (location.hash = `#t=${at}`), idle);
  await page.waitForFunction((at) => document.getElementById('time').textContent.startsWith(`0:${at}`), idle);
  await page.locator('#play').click();
  const began = performance.now();
  await comesTo(page, 41);
  const took = (performance.now() - began) / 1000;
  check('inactivity is skipped', took < 6, `from ${idle} to 41 s in ${took} s`);
}

/** The timeline is there for a reader without JavaScript. */
export async function reads(browser, file) {
  const { page, seen, close } = await watchedPage(browser, { offline: true, javaScriptEnabled: false });
  await page.goto(pathToFileURL(file).href);
  const text = await page.locator('noscript').innerText();
  check('what happened is there as text', ['click: buy 4', 'page: http://shop.localhost', 'error: '].filter((part) => !text.includes(part)));
  check('no address is fetched', [...seen.requests, ...seen.refused].filter((request) => !request.startsWith('file:')));
  await close();
}
