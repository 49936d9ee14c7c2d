// A phone's session shows the pictures of its screen, each from its time on.

import { PNG } from 'pngjs';

import { check } from '../e2e/checks.mjs';
import { loaded, watchedPage } from './browser.mjs';
import { recordPhone, recordScreen } from './record.mjs';

const SENT = new URL('../fixtures/mobile/android-i.json', import.meta.url);

/** When that session began. */
const BEGAN_MS = 1_710_417_074_000;

/** The colours of the screen, ten seconds each. */
const COLOURS = ['#c62828', '#2e7d32', '#1565c0'];
const EACH_MS = 10_000;

/** The one that is there after so many seconds. */
export const colourAt = (second) => COLOURS[Math.floor((second * 1000) / EACH_MS)];

/** Records a phone whose screen changes its colour. */
export async function recordColours(browser, server, session) {
  const page = await browser.newPage({ viewport: { width: 108, height: 240 } });
  const pictures = [];
  for (const [number, colour] of COLOURS.entries()) {
    await page.setContent(`<body style="margin:0;background:${colour}">`);
    const picture = await page.screenshot({ type: 'jpeg', quality: 90 });
    for (let at = 0; at < EACH_MS; at += 1000) pictures.push([BEGAN_MS + number * EACH_MS + at, picture]);
  }
  await page.close();
  await recordScreen(server, session, pictures);
  await recordPhone(server, session, SENT);
}

/** Plays it, and seeks. */
export async function showsColours(browser, server, session) {
  const { page, seen, close } = await watchedPage(browser);
  const own = `http://${server.admin}/`;
  await page.goto(`${own}play/${session}#t=0`);
  await loaded(page);
  const isAt = (second) => page.waitForFunction((wanted) => Number(document.getElementById('timeline').ariaValueNow) >= wanted, second);
  await page.keyboard.press('8');
  await page.keyboard.press('Space');
  const faults = [];
  const compare = async (second, how) => {
    const [shown, wanted] = [await middle(page), colourAt(second)];
    if (shown.some((value, at) => Math.abs(value - parseInt(wanted.slice(1 + at * 2, 3 + at * 2), 16)) > 8)) faults.push(`${how} to ${second} s: ${shown}, not ${wanted}`);
  };
  for (const second of [3, 13, 23]) {
    await isAt(second);
    await compare(second, 'played');
  }
  await page.keyboard.press('k');
  for (const second of [15, 25, 5]) {
    await page.evaluate((to) => (location.hash = `#t=${to}`), second);
    await page.waitForFunction((wanted) => document.getElementById('timeline').ariaValueNow === String(wanted), second);
    await compare(second, 'sought');
  }
  check('the screen is shown as it was', faults);
  check('nobody else is asked', [...seen.requests, ...seen.refused].filter((url) => !url.startsWith(own)));
  check('nothing fails', seen.errors);
  await close();
}

/** The colour of what is in the middle of the screen, once its picture is decoded. */
async function middle(page) {
  await page.evaluate(async () => {
    const [screen] = document.querySelector('#screen iframe').contentDocument.images;
    await screen?.decode().catch(() => {});
    for (let frames = 0; frames < 2; frames++) await new Promise((done) => requestAnimationFrame(done));
  });
  const { width, height, data } = PNG.sync.read(await page.locator('#screen').screenshot());
  const at = (Math.floor(height / 2) * width + Math.floor(width / 2)) * 4;
  return [...data.subarray(at, at + 3)];
}
