// What the player shows of a moment is what the page looked like then.

import fs from 'node:fs';
import path from 'node:path';

import { check } from '../e2e/checks.mjs';
import { until } from '../e2e/process.mjs';
import { difference, read, shownDifference } from './alike.mjs';
import { loaded, shownTime, watchedPage } from './browser.mjs';
import { STILL_MS, WINDOW } from './visit.mjs';

/** The part of the pixels that may differ: of the picture, and of each box in it. */
const MOST = 0.02;

/** How far the pointer may be from where it was, in pixels. */
const POINTER_OFF = 2;

/** Each moment looks other than the one before, or a comparison would prove nothing. */
export function changes(visited) {
  const pictures = visited.moments.map(({ picture, masks }) => read(picture, masks));
  const same = visited.moments.filter((_, at) => at > 0 && difference(pictures[at], pictures[at - 1]) <= MOST);
  check('each moment changes the picture', same.map(({ name }) => name));
}

/** The times of the moments in ms since the session's beginning, and its length, from its events. */
export function timesOf(visited, events) {
  const at = new Map(events.filter(({ data }) => data.tag === 'CustomEvent').map(({ data, timestamp }) => [data.payload.Name, timestamp]));
  const moments = visited.moments.map(({ mark }) => at.get(mark) - events[0].timestamp);
  check('each moment is in the session', visited.moments.filter((_, number) => !(moments[number] >= 0)).map(({ name }) => name));
  return { moments, length: events.at(-1).timestamp - events[0].timestamp };
}

/** Comes to each moment, and compares: played from the beginning, or sought out of order. */
export const WAYS = {
  played: { order: (list) => list, begin: toPlay, reach: play },
  sought: { order: shuffled, begin: async () => {}, reach: seek },
};

/**
 * Opens the player, and compares in these ways. `folder` gets the pictures that differ. With `site`, the pictures and styles of the site there are
 * switched on.
 */
export async function shows(browser, url, visited, times, folder, { ways = Object.keys(WAYS), site } = {}) {
  const { page, seen, close } = await watchedPage(browser, { viewport: { width: 1280, height: WINDOW.height + 40 } });
  await page.goto(`${url}#t=0`, { timeout: 60_000 });
  await loaded(page);
  if (site) {
    await page.locator('#assets').click();
    await page.waitForURL(/assets=1/);
    await loaded(page);
  }
  // The first picture comes before the rest.
  await until(30_000, 'all of the session', async () => (await shownTime(page))[1] === Math.floor(times.length / 1000));
  await bare(page);
  for (const way of ways) {
    const { order, begin, reach } = WAYS[way];
    const faults = [];
    let [worst, farthest] = [0, 0];
    await begin(page, times.length);
    for (const number of order(visited.moments.map((_, at) => at))) {
      const moment = visited.moments[number];
      const late = (await reach(page, times.moments[number])) - times.moments[number];
      if (late > STILL_MS) faults.push(`${moment.name}: shown ${late} ms later`);
      await settled(page);
      const shown = await page.screenshot({ clip: { x: 0, y: 0, ...WINDOW } });
      const [wanted, found] = [read(moment.picture, moment.masks), read(shown, moment.masks)];
      const parts = [{ name: 'all of it' }, ...moment.boxes].map((box) => [box.name, difference(wanted, found, box.width && box) ?? 0]);
      worst = Math.max(worst, ...parts.map(([, part]) => part));
      const other = parts.filter(([, part]) => part > MOST).map(([name, part]) => `${name} ${(part * 100).toFixed(1)} %`);
      const pointer = await pointerOf(page);
      const off = Math.max(Math.abs(pointer.x - moment.pointer.x), Math.abs(pointer.y - moment.pointer.y));
      farthest = Math.max(farthest, off);
      if (!(off <= POINTER_OFF && pointer.drawn)) other.push(`the pointer ${JSON.stringify(pointer)}, not ${JSON.stringify(moment.pointer)}`);
      if (other.length === 0) continue;
      faults.push(`${moment.name}: ${other.join(', ')}`);
      const file = path.join(folder, `${way}-${number}`);
      fs.writeFileSync(`${file}-page.png`, moment.picture);
      fs.writeFileSync(`${file}-shown.png`, shown);
      fs.writeFileSync(`${file}-differs.png`, shownDifference(wanted, found));
    }
    check(`the player stands still, ${way}`, (await page.locator('#play').getAttribute('aria-label')) === 'Play');
    const told = `${visited.moments.length} moments, ${(worst * 100).toFixed(2)} % of a part at most, the pointer ${farthest.toFixed(1)} pixels off at most`;
    check(`the pictures are those of the page, ${way}`, faults, told);
  }
  const strange = [...seen.requests, ...seen.refused].filter((asked) => !asked.startsWith(new URL('/', url).href) && !(site && asked.startsWith(site)));
  check('nobody else is asked', strange);
  check('nothing fails', seen.errors);
  await close();
}

/** Shows the recorded page alone, in its own size. The pointer stays where it is, but is not drawn. */
async function bare(page) {
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`#screen { position: fixed !important; inset: 0 auto auto 0 !important; transform: none !important; z-index: 1000000 !important }
      .replayer-mouse { opacity: 0 !important }`);
    document.adoptedStyleSheets = [sheet];
    for (let element = document.getElementById('screen').parentElement; element; element = element.parentElement) {
      element.style.transform = 'none';
      element.style.overflow = 'visible';
      element.style.contain = 'none';
    }
  });
}

/** Where the pointer is, and whether there is something that draws it. */
function pointerOf(page) {
  return page.evaluate(() => {
    const mouse = document.querySelector('.replayer-mouse');
    const { x, y } = mouse.getBoundingClientRect();
    const { content, width, display } = getComputedStyle(mouse, '::before');
    return { x, y, drawn: content !== 'none' && display !== 'none' && parseFloat(width) > 5 };
  });
}

/** The player at the beginning, and what tells its time to the millisecond: how far the hand is on the time line. */
async function toPlay(page, length) {
  await page.evaluate((ms) => (window.shownMs = () => (parseFloat(document.getElementById('hand').style.left) / 100) * ms), length);
  await seek(page, 0);
  await page.keyboard.press('8');
}

/** Plays on to a moment, and pauses. Returns the moment that is then shown. */
async function play(page, ms) {
  let shown = await playOn(page, ms);
  // A busy machine may have slept through the moment, at eight times the speed: again, more slowly.
  for (let tries = 0; shown - ms > STILL_MS && tries < 5; tries++) {
    await seek(page, Math.max(ms - 2_000, 0));
    await page.keyboard.press('2');
    shown = await playOn(page, ms);
    await page.keyboard.press('8');
  }
  return shown;
}

function playOn(page, ms) {
  return page.evaluate(async (wanted) => {
    const button = document.getElementById('play');
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const deadline = performance.now() + 60_000;
    button.click();
    while (window.shownMs() < wanted + 50 && performance.now() < deadline) await frame();
    button.click();
    await frame();
    await frame();
    return window.shownMs();
  }, ms);
}

async function seek(page, ms) {
  await page.evaluate((seconds) => (location.hash = `#t=${seconds}`), ms / 1000);
  await page.waitForFunction(
    (wanted) => document.getElementById('timeline').ariaValueNow === String(Math.floor(wanted / 1000)),
    ms,
    { timeout: 20_000 },
  );
  return ms;
}

/** Waits for what is fetched, decoded and laid out afterwards. */
async function settled(page) {
  await page.evaluate(async () => {
    const held = document.querySelector('#screen iframe').contentDocument;
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const deadline = performance.now() + 3_000;
    const isThere = () => [...held.querySelectorAll('link[rel=stylesheet][href]')].every(({ sheet }) => sheet);
    while (!isThere() && performance.now() < deadline) await frame();
    for (let frames = 0; frames < 3; frames++) await frame();
    await held.fonts.ready;
    await Promise.all([...held.images].map((image) => image.decode().catch(() => {})));
    // The pointer takes a twentieth of a second to its place.
    for (const end = performance.now() + 80; performance.now() < end; ) await frame();
  });
}

/** In an order that looks like chance, and is the same in every run. */
function shuffled(list) {
  let state = 20_261_130;
  const next = (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const rest = [...list];
  return list.map(() => rest.splice(next(rest.length), 1)[0]);
}
