// Sessions in a server's log: captured ones, and ones made by hand.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function base58(bytes) {
  let number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; number > 0n; number /= 58n) text = DIGITS[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(Math.max(zeros, 0)) + text;
}

/** A session's token, as the server with this data folder signs them. */
export function token(server, session) {
  const secret = fs.readFileSync(path.join(server.data, 'secrets/token'), 'utf8').trim();
  const head = [BigInt(session), 0n, 4_000_000_000_000n].map((part) => part.toString(36)).join('.');
  return `${head}.${base58(crypto.createHmac('sha256', secret).update(head).digest())}`;
}

/** Sends what a capture has of a session. Returns how many requests that were. */
export async function recordCapture(server, session, file) {
  let count = 0;
  for (const text of fs.readFileSync(file, 'utf8').trim().split('\n')) {
    const line = JSON.parse(text);
    const target = line.target?.split('?')[0];
    if (!['/v1/web/i', '/v1/web/images'].includes(target) || line.method !== 'POST' || line.answer?.status !== 200) continue;
    const headers = Object.fromEntries(line.headers.filter(([name]) => !/^(host|content-length|connection|authorization)$/i.test(name)));
    await send(server, session, line.target, headers, Buffer.from(line.body_b64, 'base64'));
    count++;
  }
  return count;
}

/** Sends a request of a phone's tracker, as it was built for the tests. Returns that it was one. */
export async function recordPhone(server, session, file) {
  const sent = JSON.parse(fs.readFileSync(file));
  const kept = sent.headers.filter(([name]) => /^content-(type|encoding)$/i.test(name));
  await send(server, session, sent.path, Object.fromEntries(kept), Buffer.from(sent.body_b64, 'base64'));
  return 1;
}

/** Sends pictures of a phone's screen: `[ms, bytes]` each. */
export async function recordScreen(server, session, pictures) {
  const frames = pictures.map(([at, bytes]) => {
    const head = Buffer.alloc(12);
    head.writeBigUInt64LE(BigInt(at));
    head.writeUInt32LE(bytes.length, 8);
    return Buffer.concat([head, bytes]);
  });
  const form = new FormData();
  form.set('type', 'frames');
  form.set('batch', new Blob(frames), 'batch.frames');
  const whole = new Response(form);
  await send(server, session, '/v1/mobile/images', { 'Content-Type': whole.headers.get('content-type') }, Buffer.from(await whole.arrayBuffer()));
}

/** Sends a batch. */
export async function recordBatch(server, session, bytes) {
  await send(server, session, '/v1/web/i', { 'Content-Type': 'application/octet-stream' }, bytes);
}

/** Sends a batch that is packed with gzip. */
export async function recordPacked(server, session, bytes) {
  await send(server, session, '/v1/web/i', { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'gzip' }, bytes);
}

/** Sends the batch with this number of a page. */
export async function sendBatch(server, session, number, bytes) {
  await send(server, session, `/v1/web/i?batch=1_${number}`, { 'Content-Type': 'application/octet-stream' }, bytes);
}

async function send(server, session, target, headers, body) {
  const answer = await fetch(`${server.ingest}${target}`, {
    method: 'POST',
    headers: { ...headers, Authorization: `Bearer ${token(server, session)}` },
    body,
  });
  if (answer.status !== 200) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
}
