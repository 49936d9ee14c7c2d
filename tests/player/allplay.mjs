// Each session that the repository keeps plays on the server's page: without an error, without a request to anybody else, with a picture, and with all
// texts of its last document. These texts come from the tracker's messages, not from what the player is given.

import { PNG } from 'pngjs';

import { check } from '../e2e/checks.mjs';
import { sleep, until } from '../e2e/process.mjs';
import { loaded, shownTime, watchedPage } from './browser.mjs';

/** How many are watched at once. */
const WATCHED_AT_ONCE = 3;

/** Less of a picture than this in another colour than the rest is nothing: the pointer alone has a tenth of it. */
const BLANK = 0.005;

/** Texts in these are not shown as such. */
const SILENT = /^(script|style|noscript|template|title)$/i;

/** Plays all: `[name, session, events]` each. */
export async function allPlay(browser, server, sessions) {
  const waiting = [...sessions];
  const [faults, texts, pictures] = [[], [], []];
  const others = [];
  const one = async () => {
    const { page, seen, close } = await watchedPage(browser);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, session, events] = next;
      const wanted = lastTexts(await server.lines('events', session, '--json'));
      const shown = await watch(page, `http://${server.admin}/play/${session}`, events, wanted).catch((error) => ({ fault: String(error) }));
      faults.push(...[...seen.errors.splice(0), shown.fault ?? []].flat().map((fault) => `${name}: ${fault}`));
      // What phones sent has no pages in it.
      if (shown.fault || name.endsWith('.json')) continue;
      const missing = wanted.filter((text) => !shown.text.includes(text));
      texts.push({ name, count: wanted.length, missing });
      pictures.push({ name, drawn: shown.drawn });
    }
    others.push(...[...seen.requests, ...seen.refused].filter((url) => !url.startsWith(`http://${server.admin}/`)), ...seen.opened);
    await close();
  };
  await Promise.all(Array.from({ length: WATCHED_AT_ONCE }, one));
  check('nothing fails', faults, `${sessions.length} sessions`);
  check('nobody else is asked', others);
  const lacking = texts.filter(({ missing }) => missing.length > 0);
  const count = texts.reduce((sum, one) => sum + one.count, 0);
  check('the last document has its texts', lacking.map(({ name, count: all, missing }) => `${name}: ${missing.length} of ${all} are missing: ${missing.slice(0, 3).join(' | ')}`), `${count} texts`);
  check('each has texts', texts.filter((one) => one.count < 3).map((one) => one.name));
  check('no picture is blank', pictures.filter(({ drawn }) => drawn < BLANK).map(({ name, drawn }) => `${name} ${(drawn * 100).toFixed(2)} %`), `${(Math.min(...pictures.map(({ drawn }) => drawn)) * 100).toFixed(2)} % is drawn at least`);
}

/** Plays a session for a moment, and goes to its end: the texts there, and how much of the picture has another colour than the rest. */
async function watch(page, address, events, wanted) {
  const length = events.reduce((most, { timestamp }) => Math.max(most, timestamp), 0) - events[0].timestamp;
  const end = Math.floor(length / 1000);
  await page.goto(`${address}#t=0`);
  await loaded(page);
  await until(20_000, 'all of it to be loaded', async () => (await shownTime(page))[1] === end);
  // The page says so while it has a part alone.
  const told = async () => (await page.locator('.note:visible').allTextContents()).join(' ').trim();
  await until(20_000, 'nothing to be said', async () => (await told()) === '');
  await page.keyboard.press('8');
  await page.keyboard.press('Space');
  if (length > 0) await until(20_000, 'it to play', () => page.evaluate(() => parseFloat(document.getElementById('hand').style.left) > 0));
  await page.keyboard.press('Space');
  await page.keyboard.press('End');
  await until(20_000, 'its end', async () => (await shownTime(page))[0] === end);
  let text = await textOf(page);
  for (let tries = 0; tries < 20 && wanted.some((one) => !text.includes(one)); tries++) {
    await sleep(100);
    text = await textOf(page);
  }
  // What is said twice a second may be of a moment when not all was there.
  const isSilent = await until(5_000, 'nothing to be said', async () => (await told()) === '').then(() => true, () => false);
  if (!isSilent) return { fault: await told() };
  const picture = PNG.sync.read(await page.locator('#screen').screenshot());
  return { text, drawn: drawnPart(picture) };
}

/** All texts of the recorded page, with those of its frames and shadow roots. */
function textOf(page) {
  return page.evaluate(() => {
    const words = [];
    const read = (node) => {
      if (node.nodeType === Node.TEXT_NODE) words.push(node.data);
      for (const root of [node.contentDocument, node.shadowRoot]) if (root) read(root);
      node.childNodes.forEach(read);
    };
    read(document.querySelector('#screen iframe').contentDocument);
    return words.join('\n');
  });
}

function drawnPart({ width, height, data }) {
  const counts = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUInt32BE(at);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return 1 - Math.max(...counts.values()) / (width * height);
}

/** The texts of the document that is shown at the end, by the tracker's messages. */
function lastTexts(messages) {
  const tabs = new Map();
  let tab = { nodes: new Map(), at: 0 };
  // The tab whose page was last made, or last shown.
  let shown = tab;
  const byTime = messages.filter(({ name }) => name !== undefined).sort((one, other) => one.timestamp_ms - other.timestamp_ms);
  for (const { name, fields } of byTime) {
    const { nodes } = tab;
    if (name === 'TabData' || name === 'TabChange') {
      tab = tabs.get(fields.TabId) ?? { nodes: new Map() };
      tabs.set(fields.TabId, tab);
      if (name === 'TabChange') shown = tab;
    } else if (name === 'CreateDocument') {
      nodes.clear();
      shown = tab;
    } else if (name === 'SetPageVisibility') {
      if (!fields.hidden) shown = tab;
    } else if (name === 'CreateElementNode') {
      nodes.set(fields.ID, { parent: fields.ParentID, tag: fields.Tag });
    } else if (name === 'CreateTextNode') {
      nodes.set(fields.ID, { parent: fields.ParentID, text: '' });
    } else if (name === 'CreateIFrameDocument') {
      nodes.set(fields.ID, { parent: fields.FrameID });
    } else if (name === 'MoveNode') {
      if (nodes.has(fields.ID)) nodes.get(fields.ID).parent = fields.ParentID;
    } else if (name === 'RemoveNode') {
      nodes.delete(fields.ID);
    } else if (name === 'SetNodeData') {
      if (nodes.has(fields.ID)) nodes.get(fields.ID).text = fields.Data;
    }
  }
  const isShown = ({ parent, tag }) => !SILENT.test(tag ?? '') && (parent === 0 || (shown.nodes.has(parent) && isShown(shown.nodes.get(parent))));
  return [...shown.nodes.values()].filter((node) => node.text?.trim() && isShown(node)).map(({ text }) => text);
}
