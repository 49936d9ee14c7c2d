// The pages in Firefox: sessions of a page and of a phone, one that goes on, a hostile one, one from a file, and the list.

import { pathToFileURL } from 'node:url';

import { PNG } from 'pngjs';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { forget, noPolicy, startRaw, withPolicy } from './attacked.mjs';
import { batch, message } from './batch.mjs';
import { openFirefox } from './bidi.mjs';
import { recordBatch } from './record.mjs';

const WAIT_MS = 20_000;

const isLoaded = () => !document.getElementById('play').disabled && document.getElementById('message').hidden;
const isAt = (from, to = from) => {
  const [minutes, seconds] = document.getElementById('time').textContent.split(' / ')[0].split(':');
  const now = Number(minutes) * 60 + Number(seconds);
  return document.getElementById('waiting').textContent !== 'Loading…' && now >= from && now <= to;
};
const isShown = (words) => {
  const text = (frame) => {
    const held = frame.contentDocument;
    return held?.body ? [held.body.innerText, ...[...held.querySelectorAll('iframe')].map(text)].join('\n') : '';
  };
  return text(document.querySelector('#screen iframe')).includes(words);
};

/** The colours of the stage: of its middle, and how many there are. */
async function colours(page) {
  const box = await page.evaluate(() => document.querySelector('#screen').getBoundingClientRect().toJSON());
  const { width, data } = PNG.sync.read(await page.screenshot());
  const at = (x, y) => [...data.subarray((Math.floor(y) * width + Math.floor(x)) * 4).subarray(0, 3)];
  const all = new Set();
  for (let y = box.top + 1; y < box.bottom - 1; y += 3) for (let x = box.left + 1; x < box.right - 1; x += 3) all.add(at(x, y).join());
  return { middle: at((box.left + box.right) / 2, (box.top + box.bottom) / 2), count: all.size };
}

/** A session of a page plays, is sought and has its lists; from wherever it comes. */
async function plays(page, url, from) {
  await page.goto(`${url}#t=20.5`);
  check(`it is shown ${from}`, (await page.until(WAIT_MS, isLoaded)) && (await page.until(WAIT_MS, isAt, 20)));
  check('with what is in a frame of the page', await page.until(WAIT_MS, isShown, 'Copper kettle'));
  const { count } = await colours(page);
  check('the picture is more than a surface', count > 20, `${count} colours`);
  await page.press(' ');
  check('it plays', await page.until(5_000, isAt, 22, 30));
  await page.press('k');
  await page.press('\uE011');
  await page.press('l');
  check('keys seek', await page.until(WAIT_MS, isAt, 10));
  await page.click('#timeline', 0.5);
  check('a click on the time line seeks', await page.until(WAIT_MS, isAt, 34, 37));
  check('the lists are there', await page.until(WAIT_MS, () => [...document.querySelectorAll('#panels button')].every((button) => /\d/.test(button.textContent))));
  await page.evaluate(() => {
    const filter = document.getElementById('filter');
    filter.value = 'buy 4';
    filter.dispatchEvent(new Event('input', { bubbles: true }));
  });
  const isFiltered = () => [...document.querySelectorAll('.row')].every((row) => row.textContent.includes('buy 4')) && document.querySelector('.row') !== null;
  check('a filter leaves what has its text', await page.until(WAIT_MS, isFiltered));
  await page.click('.row');
  check('a row tells its fields', await page.until(WAIT_MS, () => document.getElementById('detail-fields').textContent.includes('buy 4')));
}

/** What a phone's screen was is shown. */
async function showsPhone(page, url, screens) {
  await page.goto(`${url}#t=0`);
  check('a phone is shown', await page.until(WAIT_MS, isLoaded));
  const faults = [];
  for (const [second, colour] of screens) {
    await page.evaluate((to) => (location.hash = `#t=${to}`), second);
    await page.until(WAIT_MS, isAt, second);
    await page.until(WAIT_MS, async () => {
      const [screen] = document.querySelector('#screen iframe').contentDocument.images;
      await screen?.decode();
      for (let frames = 0; frames < 2; frames++) await new Promise((done) => requestAnimationFrame(done));
      return true;
    });
    const { middle } = await colours(page);
    if (middle.some((value, at) => Math.abs(value - parseInt(colour.slice(1 + at * 2, 3 + at * 2), 16)) > 8)) faults.push(`at ${second} s: ${middle}, not ${colour}`);
  }
  check('its screen is what it was', faults);
}

const text = (id, words) => [message('CreateTextNode', id, 3, 0), message('SetNodeData', id, words), message('MouseMove', id, id)];

/** A session that goes on is followed, by the player and by the list. */
async function follows(page, server, session) {
  const at = Date.now() - 3_000;
  await recordBatch(server, session, batch(at, 'https://shop.example/', [
    message('Timestamp', at),
    message('SetPageLocation', 'https://shop.example/', '', 0, 'Shop'),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    message('CreateElementNode', 2, 0, 0, 'head', false),
    message('CreateElementNode', 3, 0, 1, 'body', false),
    ...text(10, 'first words'),
  ]));
  await page.goto(`http://${server.admin}/play/${session}`);
  check('a session that goes on is live', await page.until(WAIT_MS, () => document.getElementById('go-live').ariaPressed === 'true'));
  const say = (id, words) => recordBatch(server, session, batch(Date.now(), 'https://shop.example/', [message('Timestamp', Date.now()), ...text(id, words), message('MouseClick', 3, 0, words, 'body', 0, 0)]));
  for (const [id, words] of [[11, 'second words'], [12, 'third words']]) {
    await say(id, words);
    check(`what is recorded meanwhile is shown: ${words}`, await page.until(WAIT_MS, isShown, words));
  }
  await page.goto(`http://${server.admin}/`);
  const row = `#list > li[data-session="${session}"]`;
  check('the list has it', await page.until(WAIT_MS, (row) => document.querySelector(row) !== null, row));
  await page.click(`${row} > button.fold`);
  const has = (row, words) => document.querySelector(`${row} .timeline`).textContent.includes(words);
  check('its row unfolds', await page.until(WAIT_MS, has, row, 'third words'));
  await say(13, 'fourth words');
  check('and goes on', await page.until(WAIT_MS, has, row, 'fourth words'));
}

/** A hostile session does nothing, also if everything had been let through; without the policy it would. */
async function attacked(page, server, trap, { hostile, session }) {
  const ran = async (url) => {
    await page.goto(url);
    check('a hostile session is shown', await page.until(WAIT_MS, isLoaded));
    await page.press(' ');
    await sleep(1_000);
    return page.evaluate(() => window.ran ?? null);
  };
  check('nothing runs', (await ran(`http://${server.admin}/play/${hostile}`)) === null);
  check('nothing is asked for', trap.hits);
  await page.click('#assets');
  check('its pictures and styles are, when its viewer says so', await page.until(WAIT_MS, () => /assets=1/.test(location.search) && document.getElementById('assets').checked));
  await page.until(WAIT_MS, isLoaded);
  await sleep(1_000);
  check('they are asked for', trap.hits.length > 0, `${trap.hits.length} requests`);
  // What docs/player.md says of Firefox: these tell the origin, and no path.
  const tellsOrigin = (told) => /^\/(svg-image|filter|set|escaped) from /.test(told) && told.endsWith(` from http://${server.admin}/`);
  check('nobody else is told where from', trap.referrers.filter((told) => !told.includes(`from ${trap.url}/`) && !tellsOrigin(told)));
  check('nothing runs', (await page.evaluate(() => window.ran ?? null)) === null);
  forget(trap);
  for (const headers of [withPolicy, noPolicy]) {
    const proxy = await startRaw(trap, server, session, headers);
    const found = await ran(`http://${proxy.admin}/play/${session}`);
    check('nothing runs that was let through', found === null);
    if (headers === withPolicy) check('nothing is asked for that was let through', trap.hits);
    else check('without the policy the site is asked', trap.hits.length > 10, `${trap.hits.length} requests`);
    await page.goto('about:blank');
    proxy.close();
    forget(trap);
  }
}

/** Does all of it. `screens` are moments of the phone's session, in seconds, and the colour that its screen had then. */
export async function inFirefox(root, server, trap, { session, file, hostile, phone, screens, live }) {
  const browser = await openFirefox(root);
  console.log(`  ${browser.version}`);
  const own = `http://${server.admin}/`;
  const page = await browser.newPage();
  await plays(page, `${own}play/${session}`, 'by a server');
  await showsPhone(page, `${own}play/${phone}`, screens);
  await follows(page, server, live);
  check('nobody else is asked', page.requests.filter((url) => !url.startsWith(own)));
  check('nothing fails', page.errors);
  const alone = await browser.newPage();
  await plays(alone, pathToFileURL(file).href, 'from a file');
  check('nobody is asked', alone.requests.filter((url) => !url.startsWith('file:')));
  check('nothing fails', alone.errors);
  await attacked(await browser.newPage(), server, trap, { hostile, session });
  await browser.close();
}
