// Sessions for the list: of visitors whose name, browser and pages are chosen.

import { batch, message } from './batch.mjs';
import { recordBatch } from './record.mjs';

export const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
export const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

/** Starts a session as a tracker does. Its number. */
export async function start(server, { user, agent = CHROME } = {}) {
  const answer = await fetch(`${server.ingest}/v1/web/start`, {
    method: 'POST',
    headers: { 'user-agent': agent },
    body: JSON.stringify({ projectKey: server.projectKey, trackerVersion: '19.0.1', timestamp: Date.now(), userUUID: null, userID: user }),
  });
  if (answer.status !== 200) throw new Error(`start: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).sessionID;
}

/** Records a visit of some pages: a click on each, and errors with these texts. */
export async function visited(server, session, pages, { errors = [], clicks = ['Basket'], user } = {}) {
  const at = Date.now() - 1000;
  await recordBatch(server, session, batch(at, pages[0], [
    message('Timestamp', at),
    ...(user === undefined ? [] : [message('UserID', user)]),
    message('SetViewportSize', 800, 600),
    message('CreateDocument'),
    message('CreateElementNode', 2, 0, 0, 'body', false),
    ...pages.flatMap((page) => [message('SetPageLocation', page, '', 0, 'Shop'), ...clicks.map((label) => message('MouseClick', 2, 0, label, 'body', 0, 0))]),
    ...errors.map((text) => message('JSException', 'Error', text, '[]', '{}')),
    message('Timestamp', at + 900),
  ]));
}

/** Starts a session and records a visit. Its number. */
export async function visitor(server, who, pages, more) {
  const session = await start(server, who);
  await visited(server, session, pages, more);
  return session;
}
