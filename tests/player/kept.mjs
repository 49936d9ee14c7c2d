// Style sheets and pictures that are kept of a site are shown when the site is gone: on the server's page, and from one file.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { check } from '../e2e/checks.mjs';
import { batch, message } from './batch.mjs';
import { loaded, watchedPage } from './browser.mjs';
import { recordBatch } from './record.mjs';

/** One white pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==';

/** Keeps a site's files, and records a page of it. The session. */
export async function recordKept(server, root, site) {
  const folder = path.join(root, 'dist');
  fs.mkdirSync(path.join(folder, 'css'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'a.png'), Buffer.from(PNG, 'base64'));
  fs.writeFileSync(path.join(folder, 'logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><script>top.ran = 1</script></svg>');
  const sheet = `@import 'more.css'; @import '${site}/gone.css'; body { background: rgb(1, 2, 3) url(../a.png) } p { background: url('${site}/gone.png') }`;
  fs.writeFileSync(path.join(folder, 'css/shop.css'), sheet);
  // In a circle, as nobody writes them.
  fs.writeFileSync(path.join(folder, 'css/more.css'), `@import 'shop.css'; body { color: rgb(4, 5, 6) }`);
  const pushed = await server.run('assets', 'push', folder, '--project', server.projectKey, '--base', site);
  check('a site is kept', pushed.out.startsWith('4 assets kept'), pushed.out + pushed.err);

  const start = await fetch(`${server.ingest}/v1/web/start`, {
    method: 'POST',
    body: JSON.stringify({ projectKey: server.projectKey, trackerVersion: '19.0.1', timestamp: Date.now(), userUUID: null }),
  });
  const { sessionID } = await start.json();
  const element = (id, parent, at, tag, attributes = {}) => [
    message('CreateElementNode', id, parent, at, tag, false),
    ...Object.entries(attributes).map(([name, value]) => message('SetNodeAttribute', id, name, value)),
  ];
  const at = Date.now() - 5_000;
  await recordBatch(server, sessionID, batch(at, '', [
    message('Timestamp', at),
    message('SetPageLocation', `${site}/shop`, '', 0, 'Shop'),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    ...element(2, 0, 0, 'head'),
    ...element(3, 0, 1, 'body'),
    ...element(4, 2, 0, 'link', { rel: 'stylesheet', href: '/css/shop.css?v=3' }),
    ...element(5, 3, 0, 'img', { id: 'png', src: 'a.png' }),
    ...element(6, 3, 1, 'img', { id: 'svg', src: `${site}/logo.svg#part` }),
    ...element(7, 3, 2, 'img', { id: 'gone', src: `${site}/gone.png` }),
    ...element(8, 3, 3, 'img', { id: 'hostile', src: '../api/sessions', onerror: `new Image().src='${site}/ran'` }),
    ...element(9, 3, 4, 'p'),
    message('CreateTextNode', 10, 9, 0),
    message('SetNodeData', 10, 'a paragraph'),
  ]));
  return sessionID;
}

/** The server's page shows them, and asks nobody else. */
export async function servedKept(browser, server, session, trap) {
  const own = `http://${server.admin}/`;
  await shows(browser, `${own}play/${session}`, own, trap);
}

/** So does an exported file, without anybody. */
export async function containedKept(browser, file, trap) {
  const own = pathToFileURL(file).href;
  await shows(browser, own, own, trap);
}

async function shows(browser, address, own, trap) {
  const { page, seen, close } = await watchedPage(browser);
  await page.goto(address);
  await loaded(page);
  const look = () => {
    const frame = document.querySelector('#screen iframe');
    const held = frame?.contentDocument;
    if (!held?.body) return {};
    const style = frame.contentWindow.getComputedStyle(held.body);
    const width = (id) => held.getElementById(id)?.naturalWidth;
    return {
      background: style.backgroundColor,
      picture: style.backgroundImage,
      color: style.color,
      png: width('png'),
      svg: width('svg'),
      gone: width('gone'),
      hostile: width('hostile'),
      sources: [...held.images].map((image) => image.getAttribute('src')),
    };
  };
  const seconds = 10;
  let shown = {};
  for (let tried = 0; tried < seconds * 10; tried++) {
    shown = await page.evaluate(look);
    if (shown.png > 0 && shown.svg > 0 && shown.color === 'rgb(4, 5, 6)') break;
    await page.waitForTimeout(100);
  }
  const told = JSON.stringify(shown);
  check('the kept style sheet is applied', shown.background === 'rgb(1, 2, 3)', told);
  check('with what it imports', shown.color === 'rgb(4, 5, 6)', told);
  check('and its picture', /^url\("(blob:|http:\/\/127\.0\.0\.1:\d+\/assets\/)/.test(shown.picture ?? ''), told);
  check('kept pictures are shown', shown.png === 1 && shown.svg === 7, told);
  check('what is not kept leads nowhere', shown.gone === 0 && shown.hostile === 0 && shown.sources?.[2] === null && shown.sources?.[3] === null, told);
  check('the site is not asked', trap.hits);
  check('nor is anybody else', [...seen.requests, ...seen.refused].filter((url) => !url.startsWith(own)));
  check('nothing fails', seen.errors);
  check('no script ran', (await page.evaluate(() => window.ran ?? null)) === null);
  await close();
}
