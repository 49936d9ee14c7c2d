// Sessions of hours, made by hand: a page of a thousand rows that is quiet for most of the time, and at times changes as fast as trackers tell.

import { message, metadata } from './batch.mjs';
import { sendBatch } from './record.mjs';

const MINUTE_MS = 60_000;

/** What one batch tells of. */
export const BATCH_MS = 5_000;
/** How often a busy page tells a time, and how much it tells then: 200,000 messages a minute. */
const TICK_MS = 30;
const PER_TICK = 100;
/** Every twelfth minute is busy. */
const BUSY_EVERY = 12;
/** A request a second, with what it was answered. */
const ANSWER_BYTES = 10_400;

const ROWS = 1_000;
const FIRST_ROW = 10;
const HEAD = 2;
const BODY = 3;

/** A text that does not compress to nothing. */
function filler(length) {
  const words = [];
  for (let size = 0, word = 1; size < length; ) {
    word = (word * 1_103_515_245 + 12_345) % 2 ** 31;
    words.push(word.toString(36));
    size += words.at(-1).length + 1;
  }
  return words.join(' ').slice(0, length);
}

/** The page itself: a head, and rows with a number, a text and a mark each. */
function document() {
  const all = [message('SetPageLocation', 'https://shop.example/board', '', 0, 'Board'), message('SetViewportSize', 1280, 720), message('CreateDocument')];
  all.push(message('CreateElementNode', HEAD, 0, 0, 'head', false), message('CreateElementNode', BODY, 0, 1, 'body', false));
  for (let row = 0; row < ROWS; row++) {
    const id = FIRST_ROW + row * 4;
    all.push(message('CreateElementNode', id, BODY, row, 'div', false), message('SetNodeAttribute', id, 'class', 'row'));
    all.push(message('CreateElementNode', id + 1, id, 0, 'b', false), message('CreateTextNode', id + 2, id + 1, 0), message('SetNodeData', id + 2, `row ${row}`));
    all.push(message('CreateTextNode', id + 3, id, 1), message('SetNodeData', id + 3, ' begins'));
  }
  return Buffer.concat(all);
}

/** What a busy page tells, in pieces of one tick; they come again and again. */
function ticks() {
  const all = [];
  for (let tick = 0; tick < 500; tick++) {
    const told = [];
    for (let number = 0; number < PER_TICK; number++) {
      const row = FIRST_ROW + ((tick * 37 + number * 11) % ROWS) * 4;
      if (number === 0) told.push(message('MouseMove', (tick * 7) % 1280, (tick * 5) % 720));
      else if (number === 1) told.push(message('SetViewportScroll', 0, (tick * 40) % 9_000));
      else if (number % 5 === 0) told.push(message('SetNodeAttribute', row, 'style', `color: rgb(${tick % 256}, ${number}, 90)`));
      else told.push(message('SetNodeData', row + 3, ` price ${(tick * number) % 9_973}`));
    }
    all.push(Buffer.concat(told));
  }
  return all;
}

/** Sends a session of so many minutes that began at `beganMs`; tells its bytes and messages. `without` is the number of a batch that never arrives. */
export async function recordLong(server, session, { beganMs, minutes, busyEvery = BUSY_EVERY, withDocument = true, without }) {
  const [page, busy, answer] = [document(), ticks(), filler(ANSWER_BYTES)];
  const sent = { bytes: 0, messages: 0, batches: 0 };
  const waiting = new Set();
  for (let at = 0, number = 1; at < minutes * MINUTE_MS; at += BATCH_MS, number++) {
    const parts = [metadata(beganMs + at, 'https://shop.example/board')];
    if (number === 1 && withDocument) parts.push(message('Timestamp', beganMs), page);
    const isBusy = Math.floor(at / MINUTE_MS) % busyEvery === 0;
    for (let ms = at; ms < at + BATCH_MS; ms += isBusy ? TICK_MS : 1_000) {
      parts.push(message('Timestamp', beganMs + ms));
      parts.push(isBusy ? busy[Math.floor(ms / TICK_MS) % busy.length] : message('MouseMove', Math.floor(ms / 100) % 1280, 300));
      sent.messages += isBusy ? PER_TICK + 1 : 2;
      if (ms % 1_000 < TICK_MS) {
        const second = ms / 1_000;
        parts.push(message('NetworkRequest', 'fetch', 'GET', `https://shop.example/api/${Math.floor(second)}`, '', answer, 200, beganMs + ms, 40, ANSWER_BYTES));
        sent.messages++;
      }
    }
    if (number === without) continue;
    const body = Buffer.concat(parts);
    sent.bytes += body.length;
    sent.batches++;
    // A few at a time, as many tabs would.
    const sending = sendBatch(server, session, number, body).finally(() => waiting.delete(sending));
    waiting.add(sending);
    if (waiting.size >= 8) await Promise.race(waiting);
  }
  await Promise.all(waiting);
  return sent;
}
