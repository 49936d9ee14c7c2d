// A browser whose pages are watched: what they ask for, open and print.

import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../e2e/package.json', import.meta.url))('playwright-core');

/** Starts Chromium. */
export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
}

/** A page in a profile of its own: the page, and lists of what it has done. */
export async function watchedPage(browser, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...settings });
  const seen = { requests: [], refused: [], opened: [], navigated: [], errors: [] };
  // `about:invalid`, `data:` and `blob:` ask nobody.
  const add = (list) => (request) => /^(about|data|blob):/.test(request.url()) || list.push(request.url());
  context.on('requestfinished', add(seen.requests));
  // What the policy forbids, and what the browser does not do across origins: nobody was asked.
  context.on('requestfailed', add(seen.refused));
  const page = await context.newPage();
  // A net, for busy machines.
  page.setDefaultTimeout(90_000);
  context.on('page', (other) => seen.opened.push(other.url()));
  page.on('framenavigated', (frame) => seen.navigated.push(frame.url()));
  page.on('dialog', (dialog) => {
    seen.opened.push(`a dialog: ${dialog.message()}`);
    // The page may have gone meanwhile, and its dialog with it.
    dialog.dismiss().catch(() => {});
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  return { page, seen, close: () => context.close() };
}

/** The time that the player shows, in seconds, and its end. */
export async function shownTime(page) {
  const text = await page.textContent('#time');
  return text.split(' / ').map((clock) => clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0));
}

/** Waits until the player has loaded all. */
export async function loaded(page) {
  await page.waitForFunction(() => !document.getElementById('play').disabled && document.getElementById('message').hidden, null, { timeout: 60_000 });
}

/** The text of the recorded page, with that of its frames. */
export function shownText(page) {
  return page.evaluate(() => {
    const text = (frame) => {
      const held = frame.contentDocument;
      if (!held?.body) return '';
      return [held.body.innerText, ...[...held.querySelectorAll('iframe')].map(text)].join('\n');
    };
    return text(document.querySelector('#screen iframe'));
  });
}
