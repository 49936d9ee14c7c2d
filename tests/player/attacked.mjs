// Whoever is recorded does nothing to whoever watches.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { loaded, shownText, shownTime, watchedPage } from './browser.mjs';
import { elements, rawEvents, texts } from './hostile.mjs';

/** In a page without any of the player's precautions the vectors do run and fetch, or the tests below would prove nothing. */
export async function trapWorks(browser, trap, root) {
  const file = path.join(root, 'unprotected.html');
  const markup = elements(trap.url)
    .filter(([tag]) => !['meta', 'base'].includes(tag))
    .map(([tag, attributes, , text = '']) => `<${tag} ${Object.entries(attributes).map(([name, value]) => `${name}="${value.replaceAll('"', '&quot;')}"`).join(' ')}>${text}</${tag}>`);
  fs.writeFileSync(file, `<!doctype html><body>${markup.join('\n')}${texts(trap.url).join('')}`);
  const { page, close } = await watchedPage(browser);
  await page.goto(pathToFileURL(file).href, { waitUntil: 'commit' });
  await sleep(2_000);
  check('without precautions they ask and run', trap.hits.length > 10 && trap.hits.some((hit) => hit.includes('/ran?')), `${trap.hits.length} requests`);
  await close();
  trap.hits.length = 0;
}

/** A hostile session that came through the server. */
export async function hostile(browser, trap, file) {
  const { page, seen, close } = await watchedPage(browser);
  await watch(page, file);
  const left = await page.evaluate(() => {
    const faults = [];
    let elements = 0;
    const look = (root) => {
      for (const element of root.querySelectorAll('*')) {
        elements++;
        // The Replayer's own style is in its frame, too.
        if (/^(script|base|object|embed|applet|portal)$/i.test(element.localName)) faults.push(element.localName);
        for (const { name, value } of element.attributes) {
          if (/^on|srcdoc|^action$|formaction|http-equiv|^ping$/i.test(name)) faults.push(`${element.localName} ${name}`);
          if (/^(href|src|xlink:href|data|poster|srcset|background|style)$/i.test(name) && /javascript:|127\.0\.0\.1/i.test(name === 'style' ? element.style.cssText : value)) {
            faults.push(`${element.localName} ${name}=${value}`);
          }
        }
        if (element.contentDocument) look(element.contentDocument);
        if (element.shadowRoot) look(element.shadowRoot);
      }
    };
    look(document.querySelector('#screen iframe').contentDocument);
    return { faults, elements };
  });
  check('the page is shown, and has nothing that runs, fetches or leads elsewhere', left.elements > 100 ? left.faults : [`${left.elements} elements`], `${left.elements} elements`);
  check('its time line ends where it does', (await shownTime(page))[1] < 60);
  check('the end is shown', (await shownText(page)).includes('in another age'));
  check('nothing fails', seen.errors);
  await listsAreText(page, texts(trap.url));
  check('nothing had to be refused', seen.refused);
  await nothingHappened(page, seen, trap, file);
  await close();
}

/** The same as events, put into a file in the place of a harmless session's. */
export async function rawHostile(browser, trap, harmless, root) {
  const html = fs.readFileSync(harmless, 'utf8');
  const json = rawEvents(trap.url, 1_700_000_000_000).map((event) => JSON.stringify(event).replaceAll('<', '\\u003c')).join('\n');
  const begin = html.indexOf('<script type="application/x-ndjson"');
  const end = html.indexOf('<noscript>', begin);
  const file = path.join(root, 'raw.html');
  fs.writeFileSync(file, `${html.slice(0, begin)}<script type="application/x-ndjson" class="events">\n${json}\n</script>\n${html.slice(end)}`);
  const { page, seen, close } = await watchedPage(browser);
  await watch(page, file);
  check('much had to be refused', seen.refused.length > 20, `${seen.refused.length} requests`);
  await nothingHappened(page, seen, trap, file);
  await close();
}

/** Watches a session as a person does: plays it, seeks, opens each row, points, clicks and types everywhere. */
async function watch(page, file) {
  await page.goto(pathToFileURL(file).href);
  await loaded(page);
  await page.keyboard.press('8');
  await page.keyboard.press('Space');
  await sleep(1_500);
  await page.keyboard.press('Home');
  await page.keyboard.press('End');
  for (const tab of await page.locator('#panels button').all()) {
    await tab.click();
    for (const row of (await page.locator('.row').all()).slice(0, 12)) await row.click({ timeout: 10_000 });
  }
  const line = await page.locator('#timeline').boundingBox();
  for (let part = 0; part <= 10; part++) await page.mouse.move(line.x + (line.width * part) / 10, line.y + 5);
  const stage = await page.locator('#stage').boundingBox();
  for (let part = 1; part < 10; part++) await page.mouse.click(stage.x + (stage.width * part) / 10, stage.y + (stage.height * part) / 10);
  for (let press = 0; press < 30; press++) await page.keyboard.press(press % 3 === 2 ? 'Enter' : 'Tab');
  await sleep(500);
}

/** What was recorded stands in the lists as it was sent. */
async function listsAreText(page, wanted) {
  await page.getByRole('tab', { name: 'Console' }).click();
  const rows = (await page.locator('.row .text').allTextContents()).join('\n');
  check('hostile texts are shown as texts', wanted.filter((text) => !rows.includes(text.replace(/[\u0000-\u001f\u2028\u2029\s]+/g, ' ').trim().slice(0, 30))));
  const made = await page.locator('#side img, #side iframe, #side script, #side svg, header img, #hint img').count();
  check('no text became an element', made === 0);
}

async function nothingHappened(page, seen, trap, file) {
  const own = pathToFileURL(file).href;
  const ran = await page.evaluate(() => window.ran ?? null);
  check('no script ran', ran === null ? [] : [ran]);
  check('nothing was asked for', [...seen.requests.filter((url) => !url.startsWith(own)), ...trap.hits]);
  check('nothing was opened', seen.opened);
  // A frame whose address the policy forbids has the browser's error page in it.
  const harmless = /^(about:(blank|srcdoc)|chrome-error:.*)$/;
  check('nothing was led elsewhere', [page.url(), ...seen.navigated].filter((url) => !url.startsWith(own) && !harmless.test(url)));
  const open = await page.evaluate(() => {
    const frame = document.querySelector('#screen iframe');
    return [frame.sandbox.value, frame.contentWindow.location.href];
  });
  check('the frame is a sandbox, and where it was', open[0] === 'allow-same-origin' && open[1].startsWith(own), open.join(' '));
  trap.hits.length = 0;
}
