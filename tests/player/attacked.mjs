// Whoever is recorded does nothing to whoever watches.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { loaded, shownText, shownTime, watchedPage } from './browser.mjs';
import { elements, rawEvents, texts } from './hostile.mjs';
import { startProxy } from './proxy.mjs';

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
  forget(trap);
}

/** A hostile session that came through the server, in an exported file. */
export async function hostile(browser, trap, file) {
  const { page, seen, close } = await watchedPage(browser);
  await watch(page, pathToFileURL(file).href);
  await nothingIsLeft(page);
  check('its time line ends where it does', (await shownTime(page))[1] < 60);
  check('the end is shown', (await shownText(page)).includes('in another age'));
  check('nothing fails', seen.errors);
  await listsAreText(page, texts(trap.url));
  check('nothing had to be refused', seen.refused);
  await nothingHappened(page, seen, trap, ofFile(file));
  await close();
}

/** The same on the server's page. */
export async function servedHostile(browser, trap, server, session) {
  const { page, seen, close } = await watchedPage(browser);
  await watch(page, `http://${server.admin}/play/${session}`);
  await nothingIsLeft(page);
  check('nothing fails', [...seen.errors, ...(await page.locator('.note:visible').allTextContents()).filter((text) => text !== '')]);
  await listsAreText(page, texts(trap.url));
  // What the page itself breaks off is none of it.
  check('nothing had to be refused', seen.refused.filter((url) => !ofServer(server, session)(url)));
  await nothingHappened(page, seen, trap, ofServer(server, session));
  await close();
}

/** The same when its viewer lets the site be asked for its pictures and styles: for these alone, and without a word of who asks. */
export async function servedHostileWithAssets(browser, trap, server, session) {
  const { page, seen, close } = await watchedPage(browser);
  const asked = kindsAsked(page);
  await switchOn(page, `http://${server.admin}/play/${session}`);
  await watch(page);
  check('nothing fails', seen.errors);
  onlyLooksAreAskedFor(asked, trap);
  check('nobody is told where from', trap.referrers.filter((told) => !told.includes(`from ${trap.url}/`)));
  await nothingHappened(page, seen, trap, ofServer(server, session), [trap.url]);
  await close();
}

/** A page of the server whose events are hostile ones, with nothing taken out: its policy and its frame stand alone. */
export async function servedRaw(browser, trap, server, session, assets) {
  const { page, seen, close } = await watchedPage(browser);
  const asked = kindsAsked(page);
  await page.route(`**/api/sessions/${session}/events*`, (route) => route.fulfill({ body: rawLines(trap) }));
  const address = `http://${server.admin}/play/${session}`;
  if (assets) await switchOn(page, address);
  await watch(page, assets ? undefined : address);
  check('much had to be refused', seen.refused.length > 20, `${seen.refused.length} requests`);
  if (assets) onlyLooksAreAskedFor(asked, trap);
  // A picture of its own server is no secret, and its policy allows it.
  const own = new URL('x', address).href;
  await nothingHappened(page, seen, trap, ofServer(server, session), [own, ...(assets ? [trap.url] : [])]);
  await close();
}

/** A server whose session is the hostile one, with nothing taken out; the headers of its answers go through `headers`. */
export function startRaw(trap, server, session, headers) {
  return startProxy(server, { headers, answer: (url) => (url.startsWith(`/api/sessions/${session}/events`) ? rawLines(trap) : undefined) });
}

export const withPolicy = (headers) => headers;
export const noPolicy = ({ 'content-security-policy': _, ...others }) => others;

/** The same without the policy: what the tests above watch does notice. */
export async function withoutPolicy(browser, trap, server, session) {
  const proxy = await startRaw(trap, server, session, noPolicy);
  const { page, close } = await watchedPage(browser);
  await page.goto(`http://${proxy.admin}/play/${session}`);
  await loaded(page);
  await sleep(1_000);
  check('without the policy the site is asked', trap.hits.length > 10, `${trap.hits.length} requests`);
  await close();
  proxy.close();
  forget(trap);
}

/** What is left of the hostile page has nothing that runs, fetches or leads elsewhere. */
async function nothingIsLeft(page) {
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
}

/** The same as events, put into a file in the place of a harmless session's. */
export async function rawHostile(browser, trap, harmless, root) {
  const html = fs.readFileSync(harmless, 'utf8');
  const json = rawLines(trap).replaceAll('<', '\\u003c');
  const begin = html.indexOf('<script type="application/x-ndjson"');
  const end = html.indexOf('<noscript>', begin);
  const file = path.join(root, 'raw.html');
  fs.writeFileSync(file, `${html.slice(0, begin)}<script type="application/x-ndjson" class="events">\n${json}\n</script>\n${html.slice(end)}`);
  const { page, seen, close } = await watchedPage(browser);
  await watch(page, pathToFileURL(file).href);
  check('much had to be refused', seen.refused.length > 20, `${seen.refused.length} requests`);
  await nothingHappened(page, seen, trap, ofFile(file));
  await close();
}

const rawLines = (trap) => rawEvents(trap.url, 1_700_000_000_000).map((event) => JSON.stringify(event)).join('\n');

/** What a file may ask for: itself. */
const ofFile = (file) => (url) => url.startsWith(pathToFileURL(file).href);

/** What a page of the server may ask for: its own parts, and its session. */
function ofServer(server, session) {
  const own = [`/play/${session}`, `/api/sessions/${session}`, `/api/sessions/${session}/events`];
  return (url) => {
    if (!URL.canParse(url)) return false;
    const { host, pathname } = new URL(url);
    return host === server.admin && (own.includes(pathname) || /^\/player\/\w+\.(js|css)$/.test(pathname));
  };
}

/** Lists what a page asks for, each with its kind. */
function kindsAsked(page) {
  const asked = [];
  page.on('request', (request) => asked.push([request.resourceType(), request.url()]));
  return asked;
}

/** What drawings are painted with: browsers ask for it as for a drawing, which has no kind of its own. */
const PAINT = /^\/(fill|filter|mask|stroke)$/;

function onlyLooksAreAskedFor(asked, trap) {
  const isLook = (kind, url) => ['image', 'stylesheet', 'font'].includes(kind) || (kind === 'other' && PAINT.test(new URL(url).pathname));
  const other = asked.filter(([kind, url]) => url.startsWith(trap.url) && !isLook(kind, url));
  // What was refused was asked of nobody.
  const came = other.filter(([, url]) => trap.hits.includes(`GET ${new URL(url).pathname}${new URL(url).search}`));
  check('the site is asked', trap.hits.length > 10, `${trap.hits.length} requests`);
  check('for pictures, styles and fonts alone', [...came.map((one) => one.join(' ')), ...trap.hits.filter((hit) => !hit.startsWith('GET ') || hit.includes('/ran'))]);
}

/** Opens a page, and lets it ask the site for pictures and styles. */
async function switchOn(page, address) {
  await page.goto(address);
  await loaded(page);
  await page.locator('#assets').click();
  await page.waitForURL(/assets=1/);
}

export function forget(trap) {
  trap.hits.length = 0;
  trap.referrers.length = 0;
}

/** Watches a session as a person does: plays it, seeks, opens each row, points, clicks and types everywhere. Of an address, or of the page that is open. */
async function watch(page, address) {
  if (address !== undefined) await page.goto(address);
  await loaded(page);
  // The player's own links would lead elsewhere by right.
  await page.evaluate(() => document.querySelectorAll('a').forEach((link) => link.remove()));
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

/** Nothing ran, was asked for, opened or led elsewhere; `sites` may be asked. */
async function nothingHappened(page, seen, trap, isOwn, sites = []) {
  const ran = await page.evaluate(() => window.ran ?? null);
  check('no script ran', ran === null ? [] : [ran]);
  const others = seen.requests.filter((url) => !isOwn(url) && !sites.some((site) => url.startsWith(site)));
  check('nothing else was asked for', [...others, ...(sites.includes(trap.url) ? [] : trap.hits)]);
  check('nothing was opened', seen.opened);
  // A frame whose address the policy forbids has the browser's error page in it.
  const harmless = /^(about:(blank|srcdoc)|chrome-error:.*)$/;
  check('nothing was led elsewhere', [page.url(), ...seen.navigated].filter((url) => !harmless.test(url) && !isOwn(url)));
  const open = await page.evaluate(() => {
    const frame = document.querySelector('#screen iframe');
    return [frame.sandbox.value, frame.contentWindow.location.href];
  });
  check('the frame is a sandbox, and where it was', open[0] === 'allow-same-origin' && isOwn(open[1]), open.join(' '));
  forget(trap);
}
