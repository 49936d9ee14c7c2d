// The page that a server shows: of a recorded session, of one that goes on, and of one that is not there.

import { check } from '../e2e/checks.mjs';
import { sleep } from '../e2e/process.mjs';
import { batch, message } from './batch.mjs';
import { loaded, shownText, shownTime, watchedPage } from './browser.mjs';
import { recordBatch } from './record.mjs';

const page = (server, session, more = '') => `http://${server.admin}/play/${session}${more}`;

/** A recorded session plays; nobody but the server is asked; one that is not there is told. */
export async function served(browser, server, session) {
  const { page: tab, seen, close } = await watchedPage(browser);
  const answer = await tab.goto(page(server, session, '#t=20.5'));
  const policy = answer.headers()['content-security-policy'] ?? '';
  check('the page has a policy', policy.includes("default-src 'none'") && policy.includes("script-src 'self';"), policy);
  await loaded(tab);
  await tab.waitForFunction(() => document.getElementById('time').textContent.startsWith('0:20'));
  check('it shows the moment of the link', (await shownText(tab)).includes('Copper kettle'));
  await tab.keyboard.press('Space');
  await sleep(1_500);
  check('it plays', (await shownTime(tab))[0] >= 21);
  check('nobody but the server is asked', [...seen.requests, ...seen.refused].filter((url) => !url.startsWith(`http://${server.admin}/`)));
  check('nothing fails', seen.errors);
  await tab.goto(page(server, '17'));
  await tab.waitForFunction(() => document.getElementById('message-text').textContent.startsWith('Session 17 is not here'), null, { timeout: 30_000 });
  check('a session that is not there is told in words', true);
  await close();
}

const text = (id, words) => [message('CreateTextNode', id, 3, 0), message('SetNodeData', id, words)];

/** A batch of the page of a shop; the first one has the page itself, with a picture and a style sheet of the trap's. */
function live(at, words, id, trap) {
  const first = trap === undefined ? [] : [
    message('SetPageLocation', `${trap}/shop`, '', 0, 'Shop'),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    // The document's root element is there from the beginning.
    message('CreateElementNode', 2, 0, 0, 'head', false),
    message('CreateElementNode', 3, 0, 1, 'body', false),
    message('CreateElementNode', 4, 2, 0, 'link', false),
    message('SetNodeAttribute', 4, 'rel', 'stylesheet'),
    message('SetNodeAttribute', 4, 'href', `${trap}/shop.css`),
    message('CreateElementNode', 5, 3, 0, 'img', false),
    message('SetNodeAttribute', 5, 'src', `${trap}/shop.png`),
    message('SetNodeAttribute', 5, 'referrerpolicy', 'unsafe-url'),
    message('SetNodeAttribute', 3, 'style', `background:url(${trap}/body.png)`),
    message('CreateElementNode', 6, 2, 1, 'meta', false),
    message('SetNodeAttribute', 6, 'name', 'referrer'),
    message('SetNodeAttribute', 6, 'content', 'unsafe-url'),
    message('CreateElementNode', 7, 2, 2, 'link', false),
    message('SetNodeAttribute', 7, 'rel', 'prefetch preload'),
    message('SetNodeAttribute', 7, 'as', 'image'),
    message('SetNodeAttribute', 7, 'href', `${trap}/prefetch.png`),
    message('SetNodeAttribute', 5, 'onload', `new Image().src='${trap}/ran'`),
  ];
  return batch(at, '', [message('Timestamp', at), ...first, ...text(id, words), message('MouseMove', id, id)]);
}

/** A session that goes on is followed, and asks the site for nothing unless its viewer says so. */
export async function followed(browser, server, session, trap) {
  await recordBatch(server, session, live(Date.now() - 3_000, 'first words', 10, trap.url));
  const { page: tab, seen, close } = await watchedPage(browser);
  await tab.goto(page(server, session));
  await loaded(tab);
  await tab.waitForFunction(() => document.getElementById('go-live').ariaPressed === 'true', null, { timeout: 60_000 });
  check('a session that goes on is shown live', await tab.locator('#live-mark').isVisible());
  for (const [id, words] of [[11, 'second words'], [12, 'third words']]) {
    await recordBatch(server, session, live(Date.now(), words, id));
    const came = await until(10_000, async () => (await shownText(tab)).includes(words));
    check(`what is recorded meanwhile is shown: ${words}`, came);
  }
  await sleep(10_000);
  await recordBatch(server, session, live(Date.now(), 'words after a silence', 13));
  check('a silence makes nothing late', await until(6_000, async () => (await shownText(tab)).includes('words after a silence')));
  await tab.keyboard.press('Home');
  check('a seek leaves it', await until(5_000, async () => (await tab.locator('#go-live').getAttribute('aria-pressed')) === 'false'));
  await tab.locator('#go-live').click();
  check('the button catches up', await until(8_000, async () => (await shownText(tab)).includes('third words')));
  await tab.goto('about:blank');
  await tab.goto(page(server, session, '#t=0'));
  await tab.locator('#live-mark').waitFor();
  await sleep(1_000);
  const [from] = await shownTime(tab);
  check('a link to its beginning stays there', from === 0 && (await tab.locator('#go-live').getAttribute('aria-pressed')) === 'false', `${from} s`);
  check('the site is not asked', trap.hits);
  check('nothing fails', seen.errors);

  await tab.goto(page(server, session, '?assets=1#t=1.0&list=console'));
  await tab.waitForURL((address) => address.search === '');
  await loaded(tab);
  check('a link alone does not load its pictures and styles', (await tab.locator('#assets').isChecked()) ? ['the switch is on'] : trap.hits);
  check('it leads to its moment all the same', /#t=1.*list=console/.test(tab.url()), tab.url());
  await tab.locator('#assets').click();
  await tab.waitForURL(/assets=1/);
  await loaded(tab);
  const asked = await until(10_000, () => trap.hits.some((hit) => hit.includes('/shop.png')) && trap.hits.some((hit) => hit.includes('/shop.css')) && trap.hits.some((hit) => hit.includes('/body.png')));
  check('with its pictures and styles it is', asked);
  check('for nothing else', trap.hits.filter((hit) => !/^GET \/(shop\.png|shop\.css|body\.png)$/.test(hit)));
  check('nobody is told where from', trap.referrers);
  await tab.reload();
  await loaded(tab);
  check('the switch stays where it was', await tab.locator('#assets').isChecked());
  trap.hits.length = 0;
  await close();
}

async function until(ms, ask) {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline) {
    if (await ask()) return true;
    await sleep(100);
  }
  return false;
}
