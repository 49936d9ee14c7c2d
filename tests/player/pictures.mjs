// Pictures of the player: the one in the documents, or with PICTURES all that a person should look at after a change.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { endAll } from '../e2e/process.mjs';
import { Server } from '../e2e/server.mjs';
import { loaded, openBrowser, watchedPage } from './browser.mjs';
import { recordCapture } from './record.mjs';

const CAPTURE = new URL('../fixtures/captures/19.0.1-journey.jsonl', import.meta.url);
const SESSION = '2691351900602760960';
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'takeup-pictures-'));
const server = await Server.prepare(root);
await server.start();
await recordCapture(server, SESSION, CAPTURE);
await server.stop();
const { code, out, err } = await server.run('export', SESSION, '--html');
if (code !== 0) throw new Error(err);
const file = path.join(root, 'session.html');
fs.writeFileSync(file, out);

const browser = await openBrowser();
const folder = process.env.PICTURES;
const wanted = folder
  ? ['light', 'dark'].flatMap((scheme) => [[`desktop-${scheme}`, DESKTOP, scheme], [`phone-${scheme}`, PHONE, scheme]])
  : [['player', DESKTOP, 'light']];
for (const [name, viewport, colorScheme] of wanted) {
  const { page, close } = await watchedPage(browser, { viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC' });
  await page.goto(`${pathToFileURL(file).href}#t=28`);
  await loaded(page);
  await page.waitForFunction(() => document.getElementById('time').textContent.startsWith('0:28'));
  const to = folder ? path.join(folder, `${name}.png`) : fileURLToPath(new URL(`../../docs/pictures/${name}.png`, import.meta.url));
  await page.screenshot({ path: to, fullPage: viewport === PHONE });
  console.log(to);
  await close();
}
await browser.close();
endAll();
fs.rmSync(root, { recursive: true, force: true });
process.exit(0);
