// The player in a real browser: exported files, without a network, and the pages of a server.
//
//   node run.mjs [--generations 12,15,18,19] [--keep]
//
// The generations are those of the trackers whose recorded page is compared with what the player shows (default: all of them). The last one is compared
// in every way, the others in a shorter form.
// It uses what tests/e2e has installed, too. TAKEUP_BIN names the binary, built after scripts/player (default: the release build of this repository);
// CHROMIUM the browser (default: /usr/bin/chromium), FIREFOX the other one (default: firefox-esr); TMPDIR where the data goes. The folder of a failed run is kept, and its name printed.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { check, tally } from '../e2e/checks.mjs';
import { endAll } from '../e2e/process.mjs';
import { Server } from '../e2e/server.mjs';
import { acts, hostileLists, lists, timelines } from './admin.mjs';
import { openBrowser } from './browser.mjs';
import { allPlay } from './allplay.mjs';
import { hostile, rawHostile, servedHostile, servedHostileWithAssets, servedRaw, trapWorks, withoutPolicy } from './attacked.mjs';
import { changes, shows, timesOf } from './compared.mjs';
import { recordFixtures } from './fixtures.mjs';
import { SECRET, startGallery } from './gallery.mjs';
import { inFirefox } from './firefox.mjs';
import { colourAt, recordColours, showsColours } from './phone.mjs';
import { plays, reads } from './plays.mjs';
import { recordBatch, recordCapture } from './record.mjs';
import { hostileBatch } from './hostile.mjs';
import { containedKept, recordKept, servedKept } from './kept.mjs';
import { followed, served } from './served.mjs';
import { pushFiles } from './site.mjs';
import { beyond, cut, goesOn, many, soon } from './streamed.mjs';
import { idles, manyTabs, tabs } from './tabs.mjs';
import { startTrap } from './trap.mjs';
import { allTyped } from './typed.mjs';
import { visitGallery } from './visit.mjs';

const CAPTURE = new URL('../fixtures/captures/19.0.1-journey.jsonl', import.meta.url);
const JOURNEY = '2691351900602760960';
const HOSTILE = '2691351900602760961';
const LIVE = '2691351900602760962';
const [SOON, MANY, GOES_ON, ERASED, CUT] = [3, 4, 5, 6, 7].map((number) => `269135190060276096${number}`);
const PHONE = '2691351900602760968';
const TABS = '2691351900602760969';
const LIVE_IN_FIREFOX = '2691351900602760974';
const BEYOND = '2691351900602760975';

const { values: options } = parseArgs({ options: { generations: { type: 'string', default: '12,15,18,19' }, keep: { type: 'boolean' } } });
const generations = options.generations.split(',');
const DEADLINE_MS = 540_000 + 150_000 * generations.length;
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

const gallery = await startGallery();
// Visitors mostly wait: for trackers, which look at a page now and then. What is tested meanwhile waits, too.
const visits = new Map(generations.map((number) => [`tracker-${number}`, visitGallery(browser, gallery, server, `tracker-${number}`)]));
for (const visit of visits.values()) visit.catch(() => {});

await scenario('a server shows a session', () => served(browser, server, JOURNEY));
await scenario('a server shows a session that goes on', () => followed(browser, server, LIVE, trap));
await scenario('the admin page lists sessions as they are recorded', () => lists(browser, root));
await scenario('the admin page follows what happens in a session', () => timelines(browser, root));
await scenario('the admin page changes something for those who have the token', () => acts(browser, root));
await scenario('a hostile session does nothing to the list', () => hostileLists(browser, root, trap));
await scenario('a live session is two seconds behind', () => soon(browser, server, SOON));
await scenario('a session with more than a page keeps is live', () => many(browser, server, MANY));
await scenario('a link behind the end shows the end', () => beyond(browser, server, BEYOND));
await scenario('who watches goes on', () => goesOn(browser, server, GOES_ON, ERASED));
await scenario('a session that cannot be shown says why', () => cut(browser, server, CUT));
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

const galleries = [];
for (const [tracker, visit] of visits) {
  await scenario(`${tracker} records a page that has everything`, async () => {
    const visited = await visit;
    changes(visited);
    const events = await printed(server, visited.session, '--rrweb');
    check('what is masked is not in the events', events.includes(SECRET) ? [SECRET] : []);
    const times = timesOf(visited, JSON.parse(events));
    galleries.push({ tracker, visited, times, events, page: `http://${server.admin}/play/${visited.session}` });
  });
}
const newest = galleries.at(-1);
await scenario(`a server shows it with the site's own files, of ${newest?.tracker}`, async () =>
  shows(browser, newest.page, newest.visited, newest.times, picturesOf('site'), { ways: ['sought'], site: gallery.origin }));
await scenario('the files are kept, and the site is gone', async () => {
  await pushFiles(server, root, gallery.origin);
  gallery.close();
});
for (const { tracker, visited, times, page } of galleries) {
  await scenario(`a server shows the page as ${tracker} recorded it`, async () => shows(browser, page, visited, times, picturesOf(`${tracker}-served`)));
}

await scenario('a server shows a hostile session, which does nothing', async () => servedHostile(browser, trap, server, HOSTILE));
await scenario('nor with the pictures and styles of its site', async () => servedHostileWithAssets(browser, trap, server, HOSTILE));
await scenario('nor if everything had been let through', async () => servedRaw(browser, trap, server, JOURNEY, false));
await scenario('nor with pictures and styles then', async () => servedRaw(browser, trap, server, JOURNEY, true));
await scenario('the policy is part of that', async () => withoutPolicy(browser, trap, server, JOURNEY));
await scenario("a server shows a phone's screen", async () => {
  await recordColours(browser, server, PHONE);
  await showsColours(browser, server, PHONE);
});
await scenario('Firefox shows what Chromium does', async () => {
  const screens = [15, 25, 5].map((second) => [second, colourAt(second)]);
  const file = await exported(server, JOURNEY);
  await inFirefox(root, server, trap, { session: JOURNEY, file, hostile: HOSTILE, phone: PHONE, screens, live: LIVE_IN_FIREFOX });
});
const exports = [];
await scenario('a server shows each session that is kept for tests', async () => {
  for (const [name, session] of await recordFixtures(server)) exports.push([name, session, await printed(server, session, '--rrweb')]);
  await allPlay(browser, server, exports.map(([name, session, events]) => [name, session, JSON.parse(events)]));
});
await server.stop();

await scenario('exports are what rrweb takes', async () =>
  allTyped([...galleries.map(({ tracker, events }) => [tracker, events]), ...exports.map(([name, , events]) => [name, events])]));
await scenario('a file has in itself what is kept of a site', async () => containedKept(browser, await exported(server, kept), trap));
await scenario(`a file shows the page as ${newest?.tracker} recorded it`, async () =>
  shows(browser, pathToFileURL(await exported(server, newest.visited.session)).href, newest.visited, newest.times, picturesOf('file')));
await scenario('a session plays from one file', async () => plays(browser, server, JOURNEY, await exported(server, JOURNEY)));
await scenario('a session can be read without JavaScript', async () => reads(browser, await exported(server, JOURNEY)));
await scenario('the trap notices who is not protected', () => trapWorks(browser, trap, root));
await scenario('a hostile session does nothing', async () => hostile(browser, trap, await exported(server, HOSTILE)));
await scenario('nor does it if the server had let everything through', async () =>
  rawHostile(browser, trap, await exported(server, JOURNEY), root));

await browser.close();
trap.close();
endAll();
clearTimeout(deadline);
if (tally.failed === 0 && !options.keep) fs.rmSync(root, { recursive: true, force: true });
else console.log(`the run's files are in ${root}`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
