// A visit to the gallery that takes a picture of the page at each moment, while a real tracker records it.

import { visit, hideAndShow } from '../e2e/browser.mjs';
import { sleep } from '../e2e/process.mjs';
import { MOMENTS, UNTOLD } from './gallery.mjs';

/** The size of the recorded window. */
export const WINDOW = { width: 800, height: 680 };

/** How the custom events begin that tell the moments. */
const MARK = 'moment ';

/** Trackers look at fields, scrolling and canvases several times a second. */
const LOOKED_AT_MS = 1_500;

/** Ten pictures of a canvas make an upload. */
const UPLOADED_MS = 4_000;

/** What is typed is recorded as it is, but where the page says otherwise. */
const OPTIONS = { defaultInputMode: 0, obscureTextNumbers: false, obscureTextEmails: false };

/** Visits the page: the session, and of each moment its name, the custom event that tells its time, its picture, its boxes, and what of it is masked. */
export async function visitGallery(browser, gallery, server, tracker) {
  const context = await browser.newContext({ viewport: WINDOW });
  const tab = await context.newPage();
  const started = await visit(tab, gallery.page(tracker, server.ingest, server.projectKey, OPTIONS));
  if (!started.success) throw new Error(`the tracker did not start: ${JSON.stringify(started)}`);
  const moments = [];
  for (const [number, { name, act }] of MOMENTS.entries()) {
    await act?.(tab);
    await tab.evaluate((which) => {
      document.activeElement?.blur();
      window.moments[which]();
    }, number);
    await sleep(LOOKED_AT_MS);
    // The session has its own clock: the server's, as far as the tracker knows it.
    await tab.evaluate((text) => window.tracker.event(text, ''), MARK + number);
    // Nothing is put into the page for it.
    const picture = await tab.screenshot({ animations: 'allow', caret: 'initial' });
    const { boxes, masks } = await tab.evaluate(placesOf);
    masks.push(...boxes.filter((box) => UNTOLD[tracker]?.includes(box.name)));
    moments.push({ name, mark: MARK + number, picture, boxes, masks });
    await sleep(100);
  }
  await sleep(UPLOADED_MS);
  await hideAndShow(tab);
  await tab.close();
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
