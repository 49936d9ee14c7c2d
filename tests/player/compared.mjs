// What the player shows of a moment is what the page looked like then.

import fs from 'node:fs';
import path from 'node:path';

import { check } from '../e2e/checks.mjs';
import { difference, read, shownDifference } from './alike.mjs';
import { loaded, watchedPage } from './browser.mjs';
import { WINDOW } from './visit.mjs';

/** The part of the pixels that may differ: of the picture, and of each box in it. */
const MOST = 0.02;

/** Each moment looks other than the one before, or a comparison would prove nothing. */
export function changes(visited) {
  const pictures = visited.moments.map(({ picture, masks }) => read(picture, masks));
  const same = visited.moments.filter((_, at) => at > 0 && difference(pictures[at], pictures[at - 1]) <= MOST);
  check('each moment changes the picture', same.map(({ name }) => name));
}

/** The times of the moments in ms since the session's beginning, from its events. */
export function timesOf(visited, events) {
  const at = new Map(events.filter(({ data }) => data.tag === 'CustomEvent').map(({ data, timestamp }) => [data.payload.Name, timestamp]));
  const times = visited.moments.map(({ mark }) => at.get(mark) - events[0].timestamp);
  check('each moment is in the session', visited.moments.filter((_, number) => !(times[number] >= 0)).map(({ name }) => name));
  return times;
}

/** Seeks to each moment, in order and out of order, and compares. `folder` gets the pictures that differ. */
export async function shows(browser, url, visited, times, folder) {
  const { page, seen, close } = await watchedPage(browser);
  await page.goto(`${url}#t=0`, { timeout: 60_000 });
  await loaded(page);
  await bare(page);
  const forward = visited.moments.map((_, at) => at);
  for (const [order, list] of [['in order', forward], ['out of order', shuffled(forward)]]) {
    const faults = [];
    let worst = 0;
    for (const number of list) {
      const moment = visited.moments[number];
      await seek(page, times[number]);
      const shown = read(await page.screenshot({ clip: { x: 0, y: 0, ...WINDOW } }), moment.masks);
      const wanted = read(moment.picture, moment.masks);
      const parts = [{ name: 'all of it' }, ...moment.boxes].map((box) => [box.name, difference(wanted, shown, box.width && box) ?? 0]);
      worst = Math.max(worst, ...parts.map(([, part]) => part));
      const other = parts.filter(([, part]) => part > MOST).map(([name, part]) => `${name} ${(part * 100).toFixed(1)} %`);
      if (other.length === 0) continue;
      faults.push(`${moment.name}: ${other.join(', ')}`);
      const file = path.join(folder, `${order.replaceAll(' ', '-')}-${number}`);
      fs.writeFileSync(`${file}-page.png`, moment.picture);
      fs.writeFileSync(`${file}-shown.png`, await page.screenshot({ clip: { x: 0, y: 0, ...WINDOW } }));
      fs.writeFileSync(`${file}-differs.png`, shownDifference(wanted, shown));
    }
    check(`the player stands still, ${order}`, (await page.locator('#play').getAttribute('aria-label')) === 'Play');
    check(`the pictures are those of the page, ${order}`, faults, `${list.length} moments, ${(worst * 100).toFixed(2)} % of a part at most`);
  }
  check('nothing fails', seen.errors);
  await close();
}

/** Shows the recorded page alone, in its own size, without the pointer that the Replayer draws. */
async function bare(page) {
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`#screen { position: fixed !important; inset: 0 auto auto 0 !important; transform: none !important; z-index: 1000000 !important }
      .replayer-mouse, .replayer-mouse-tail { display: none !important }`);
    document.adoptedStyleSheets = [sheet];
    for (let element = document.getElementById('screen').parentElement; element; element = element.parentElement) {
      element.style.transform = 'none';
      element.style.overflow = 'visible';
      element.style.contain = 'none';
    }
  });
}

async function seek(page, ms) {
  await page.evaluate((seconds) => (location.hash = `#t=${seconds}`), ms / 1000);
  await page.waitForFunction(
    (wanted) => document.getElementById('timeline').ariaValueNow === String(Math.floor(wanted / 1000)),
    ms,
    { timeout: 20_000 },
  );
  // What is decoded and laid out afterwards.
  await page.evaluate(async () => {
    const held = document.querySelector('#screen iframe').contentDocument;
    await Promise.all([...held.images].map((image) => image.decode().catch(() => {})));
    for (let frames = 0; frames < 3; frames++) await new Promise((done) => requestAnimationFrame(done));
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
