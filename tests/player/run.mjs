// The player in a real browser: exported files, without a network, and the pages of a server.
//
//   node run.mjs [--generations 12,15,18,19] [--keep]
//
// The generations are those of the trackers whose recorded page is compared with what the player shows (default: 19).
// It uses what tests/e2e has installed, too. TAKEUP_BIN names the binary, built after scripts/player (default: the release build of this repository);
// CHROMIUM the browser (default: /usr/bin/chromium); TMPDIR where the data goes. The folder of a failed run is kept, and its name printed.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { check, tally } from '../e2e/checks.mjs';
import { endAll } from '../e2e/process.mjs';
import { Server } from '../e2e/server.mjs';
import { openBrowser } from './browser.mjs';
import { hostile, rawHostile, trapWorks } from './attacked.mjs';
import { changes, shows, timesOf } from './compared.mjs';
import { recordFixtures } from './fixtures.mjs';
import { SECRET, startGallery } from './gallery.mjs';
import { plays, reads } from './plays.mjs';
import { recordBatch, recordCapture } from './record.mjs';
import { hostileBatch } from './hostile.mjs';
import { containedKept, recordKept, servedKept } from './kept.mjs';
import { followed, served } from './served.mjs';
import { idles, manyTabs, tabs } from './tabs.mjs';
import { startTrap } from './trap.mjs';
import { allTyped } from './typed.mjs';
import { visitGallery } from './visit.mjs';

const CAPTURE = new URL('../fixtures/captures/19.0.1-journey.jsonl', import.meta.url);
const JOURNEY = '2691351900602760960';
const HOSTILE = '2691351900602760961';
const LIVE = '2691351900602760962';
const TABS = '2691351900602760963';

const { values: options } = parseArgs({ options: { generations: { type: 'string', default: '19' }, keep: { type: 'boolean' } } });
const generations = options.generations.split(',');
const DEADLINE_MS = 360_000 + 150_000 * generations.length;
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'takeup-player-'));
const deadline = setTimeout(() => {
  console.error(`not done after ${DEADLINE_MS} ms`);
  endAll();
  process.exit(1);
}, DEADLINE_MS);

async function scenario(name, body) {
  console.log(name);
  try {
    await body();
  } catch (error) {
    check(`${name} runs to its end`, [error.stack ?? String(error)]);
  }
}

/** What an export prints. */
async function printed(server, session, form) {
  const { code, out, err } = await server.run('export', session, form);
  if (code !== 0) throw new Error(`export ${form} ended with ${code}: ${err}`);
  return out;
}

/** Exports a session as a file that plays it. */
async function exported(server, session) {
  const file = path.join(root, `${session}.html`);
  fs.writeFileSync(file, await printed(server, session, '--html'));
  return file;
}

/** Where pictures go that are not those of the page. */
function picturesOf(name) {
  const folder = path.join(root, name);
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

const trap = await startTrap();
const server = await Server.prepare(root, { settings: ['canvas_fps=4'] });
await server.start();
await recordCapture(server, JOURNEY, CAPTURE);
await recordBatch(server, HOSTILE, hostileBatch(trap.url, Date.now() - 60_000));
const browser = await openBrowser();

await scenario('a server shows a session', () => served(browser, server, JOURNEY));
await scenario('a server shows a session that goes on', () => followed(browser, server, LIVE, trap));
await scenario('several tabs can be looked at', async () => {
  idles();
  manyTabs();
  await tabs(browser, server, TABS, JOURNEY, () => exported(server, TABS));
});
let kept;
await scenario('a server shows what it has kept of a site', async () => {
  kept = await recordKept(server, root, trap.url);
  await servedKept(browser, server, kept, trap);
});
const gallery = await startGallery();
const galleries = [];
for (const number of generations) {
  const tracker = `tracker-${number}`;
  await scenario(`a server shows the page as ${tracker} recorded it`, async () => {
    const visited = await visitGallery(browser, gallery, server, tracker);
    changes(visited);
    const events = await printed(server, visited.session, '--rrweb');
    check('what is masked is not in the events', events.includes(SECRET) ? [SECRET] : []);
    const times = timesOf(visited, JSON.parse(events));
    galleries.push({ tracker, visited, times, events });
    await shows(browser, `http://${server.admin}/play/${visited.session}`, visited, times, picturesOf(`${tracker}-served`));
  });
}
const fixtures = await recordFixtures(server);
await server.stop();

await scenario('a file has in itself what is kept of a site', async () => containedKept(browser, await exported(server, kept), trap));
for (const { tracker, visited, times } of galleries) {
  await scenario(`so does the file, of ${tracker}`, async () =>
    shows(browser, pathToFileURL(await exported(server, visited.session)).href, visited, times, picturesOf(`${tracker}-file`)));
}
await scenario('exports are what rrweb takes', async () => {
  const exports = galleries.map(({ tracker, events }) => [tracker, events]);
  for (const [name, session] of fixtures) exports.push([name, await printed(server, session, '--rrweb')]);
  allTyped(exports);
});
await scenario('a session plays from one file', async () => plays(browser, server, JOURNEY, await exported(server, JOURNEY)));
await scenario('a session can be read without JavaScript', async () => reads(browser, await exported(server, JOURNEY)));
await scenario('the trap notices who is not protected', () => trapWorks(browser, trap, root));
await scenario('a hostile session does nothing', async () => hostile(browser, trap, await exported(server, HOSTILE)));
await scenario('nor does it if the server had let everything through', async () =>
  rawHostile(browser, trap, await exported(server, JOURNEY), root));

await browser.close();
gallery.close();
trap.close();
endAll();
clearTimeout(deadline);
if (tally.failed === 0 && !options.keep) fs.rmSync(root, { recursive: true, force: true });
else console.log(`the run's files are in ${root}`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
