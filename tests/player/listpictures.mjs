// Pictures of the admin page that a person should look at after a change, in the folder PICTURES: without a session, with one, with ten thousand; on a phone
// and on a desktop, light and dark.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { endAll } from '../e2e/process.mjs';
import { Server } from '../e2e/server.mjs';
import { batch, message } from './batch.mjs';
import { openBrowser, watchedPage } from './browser.mjs';
import { FIREFOX, visitor } from './crowd.mjs';
import { recordBatch } from './record.mjs';

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const TOKEN = 'a token of more than sixteen characters';
const MANY = 10_000;
const AT_ONCE = 32;

const folder = process.env.PICTURES;
if (!folder) throw new Error('PICTURES names the folder');
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'takeup-pictures-'));
const server = await Server.prepare(root, { settings: [`admin_token=${TOKEN}`] });
await server.start();
const browser = await openBrowser();

/** Pictures of a view in each size and scheme, once `ready` has happened. */
async function pictures(name, hash, ready) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['light', 'dark']) {
      const { page, close } = await watchedPage(browser, { viewport, colorScheme, locale: 'en-GB', timezoneId: 'UTC', extraHTTPHeaders: { Authorization: `Bearer ${TOKEN}` } });
      await page.goto(`http://${server.admin}/${hash}`);
      await ready(page);
      const to = path.join(folder, `${name}-${size}-${colorScheme}.png`);
      await page.screenshot({ path: to });
      console.log(to);
      await close();
    }
  }
}

const told = (text) => (page) => page.waitForFunction((part) => document.getElementById('told').textContent.includes(part), text);

await pictures('none', '', told('No sessions yet'));
await visitor(server, { user: 'ada@example.com', agent: FIREFOX }, ['https://shop.example/', 'https://shop.example/basket?id=7'], { errors: ["TypeError: basket is undefined"], clicks: ['Basket', 'Pay now'] });
await pictures('one', '', async (page) => {
  await page.click('#list button.fold');
  await page.locator('.timeline li').first().waitFor();
});
const first = 2691351900602760960n;
for (let done = 0; done < MANY; done += AT_ONCE) {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => {
    const began = Date.now() - 500;
    const who = `visitor-${done + at}@${'a-long-name.'.repeat((done + at) % 7)}example.com`;
    const page = `https://shop.example/${'department/'.repeat((done + at) % 9)}${done + at}`;
    const bytes = batch(began, page, [message('Timestamp', began), message('UserID', who), message('SetPageLocation', page, '', 0, ''), ...((done + at) % 3 ? [] : [message('JSException', 'E', 'it broke', '[]', '{}')])]);
    return recordBatch(server, String(first + BigInt(done + at)), bytes);
  }));
}
await pictures('many', '', told('10,0'));
await pictures('filtered', '#sessions?user=nobody&when=between&from=1780000000000', told('No sessions that match'));
await pictures('status', '#status', (page) => page.locator('#quarantine td').first().waitFor());
await pictures('actions', '#actions', (page) => page.locator('#run-retention').waitFor());

await browser.close();
endAll();
fs.rmSync(root, { recursive: true, force: true });
process.exit(0);
