// A visit to the gallery that takes a picture of the page at each moment, while a real tracker records it.

import { visit, hideAndShow } from '../e2e/browser.mjs';
import { sleep } from '../e2e/process.mjs';
import { MOMENTS, ONE_TAB, UNTOLD } from './gallery.mjs';

/** The size of the recorded window. */
export const WINDOW = { width: 800, height: 830 };

/** How the custom events begin that tell the moments. */
const MARK = 'moment ';

/** Trackers look at fields, scrolling and canvases several times a second. */
const LOOKED_AT_MS = 1_500;

/** How long nothing happens after a moment: who plays a session can be this late for it. */
export const STILL_MS = 900;

/** Ten pictures of a canvas make an upload. */
const UPLOADED_MS = 4_000;

/** What is typed is recorded as it is, but where the page says otherwise. */
const OPTIONS = { defaultInputMode: 0, obscureTextNumbers: false, obscureTextEmails: false };

/** Visits the page: the session, and of each moment its name, the custom event that tells its time, its picture, its boxes, where the pointer is, and what of it is masked. */
export async function visitGallery(browser, gallery, server, tracker) {
  const context = await browser.newContext({ viewport: WINDOW });
  const tab = await context.newPage();
  const started = await visit(tab, gallery.page(tracker, server.ingest, server.projectKey, OPTIONS));
  if (!started.success) throw new Error(`the tracker did not start: ${JSON.stringify(started)}`);
  const moments = [];
  let shown = tab;
  for (const [number, { name, isOfTabs, act }] of MOMENTS.entries()) {
    if (isOfTabs && ONE_TAB.includes(tracker)) continue;
    const other = await act?.(shown, tab);
    if (isOfTabs) shown = other;
    const pointer = { x: 40 + 50 * number, y: 30 };
    await shown.mouse.move(pointer.x, pointer.y, { steps: 3 });
    await shown.evaluate((which) => {
      document.activeElement?.blur();
      window.moments[which]();
    }, number);
    await sleep(LOOKED_AT_MS);
    // The session has its own clock: the server's, as far as the tracker knows it.
    await shown.evaluate((text) => window.tracker.event(text, ''), MARK + number);
    // Nothing is put into the page for it.
    const picture = await shown.screenshot({ animations: 'allow', caret: 'initial' });
    const { boxes, masks } = await shown.evaluate(placesOf);
    masks.push(...boxes.filter((box) => UNTOLD[tracker]?.includes(box.name)));
    moments.push({ name, mark: MARK + number, picture, boxes, pointer, masks });
    await sleep(STILL_MS);
  }
  await sleep(UPLOADED_MS);
  await hideAndShow(shown);
  for (const page of context.pages()) await page.close();
  await sleep(1_000);
  await context.close();
  return { session: started.sessionID, moments };
}

/** Where the boxes and the masked parts are in the window. */
function placesOf() {
  const place = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: Math.floor(x), y: Math.floor(y), width: Math.ceil(width) + 1, height: Math.ceil(height) + 1 };
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    boxes: all('[data-box]').map((box) => ({ name: box.dataset.box, ...place(box) })),
    masks: all('[data-openreplay-hidden], [data-openreplay-masked], [data-openreplay-obscured]').map(place),
  };
}
