// What the log holds once its server has stopped, and what a form held that was sent.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { remember, within } from './process.mjs';

const READER = fileURLToPath(new URL('../../scripts/read-log', import.meta.url));
const FILE_NAME = '1';
const SESSION_ROW = '3';
const TABLE = '6';
const OFFSET = '7';

/**
 * Every record of a data folder whose server has stopped, by a reader that shares nothing with the server's code.
 *
 * @returns {Promise<{kind: string, topic: string, session: string, project: number, body: Buffer, received: number,
 *   encoding: string, split: number, file?: string, table?: string, offset?: number, row?: object}[]>} `received` is in
 *   microseconds since 1970 and orders the records of all cores.
 */
export async function readRecords(data) {
  const child = remember(spawn('python3', [READER, path.join(data, 'log')], { stdio: ['ignore', 'pipe', 'pipe'], detached: true }));
  const out = [];
  const err = [];
  child.stdout.on('data', (bytes) => out.push(bytes));
  child.stderr.on('data', (bytes) => err.push(bytes));
  const ended = new Promise((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  const code = await within(60_000, 'the log to be read', ended);
  if (code !== 0) throw new Error(`scripts/read-log ended with ${code}: ${Buffer.concat(err)}`);
  const lines = Buffer.concat(out).toString().split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { kind, topic, session_id: session, project_id: project, received_us: received, encoding, split, ext, body } = JSON.parse(line);
    const entry = (type) => (ext[type] === undefined ? undefined : Buffer.from(ext[type], 'base64'));
    return {
      kind,
      topic,
      session,
      project,
      received,
      encoding,
      split,
      body: Buffer.from(body, 'base64'),
      file: entry(FILE_NAME)?.toString(),
      table: entry(TABLE)?.toString(),
      offset: entry(OFFSET) && Number(entry(OFFSET).readBigUInt64LE()),
      row: entry(SESSION_ROW) && JSON.parse(entry(SESSION_ROW).toString()),
    };
  });
}

/** The pictures of a frame stream: (u64 ms, u32 length, bytes)*. */
export function readFrames(stream) {
  const frames = [];
  for (let at = 0; at < stream.length; ) {
    if (at + 12 > stream.length) throw new Error(`a frame's head is cut at ${at} of ${stream.length}`);
    const end = at + 12 + stream.readUInt32LE(at + 8);
    if (end > stream.length) throw new Error(`a frame is cut at ${at} of ${stream.length}`);
    frames.push({ ms: Number(stream.readBigUInt64LE(at)), picture: stream.subarray(at + 12, end) });
    at = end;
  }
  return frames;
}

/** The parts of a form as browsers send it. */
export function readForm(contentType, body) {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`no form: ${contentType}`);
  const line = Buffer.from(`--${boundary}`);
  const parts = [];
  let at = body.indexOf(line);
  for (;;) {
    const next = body.indexOf(line, at + line.length);
    if (next < 0) return parts;
    const part = body.subarray(at + line.length + 2, next - 2);
    const head = part.indexOf('\r\n\r\n');
    const text = part.toString('latin1', 0, head);
    parts.push({
      name: / name="([^"]*)"/.exec(text)?.[1],
      file: / filename="([^"]*)"/.exec(text)?.[1],
      body: part.subarray(head + 4),
    });
    at = next;
  }
}
