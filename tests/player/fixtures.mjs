// The sessions that the repository keeps of trackers: captured ones of browsers, and those of phones.

import fs from 'node:fs';

import { recordCapture, recordPhone } from './record.mjs';

const FOLDER = new URL('../fixtures/', import.meta.url);

/** The number of the first of them. */
const FIRST = 2691351900602770000n;

/** Sends all of them to a server: `[name, session]` each, without those in which no batch was taken. */
export async function recordFixtures(server) {
  const sessions = [];
  const add = async (name, send) => {
    const session = String(FIRST + BigInt(sessions.length));
    if ((await send(session)) > 0) sessions.push([name, session]);
  };
  const list = (folder) => fs.readdirSync(new URL(folder, FOLDER)).sort();
  for (const name of list('captures/').filter((name) => name.endsWith('.jsonl'))) {
    await add(name, (session) => recordCapture(server, session, new URL(`captures/${name}`, FOLDER)));
  }
  for (const name of list('mobile/').filter((name) => /-i\.json$/.test(name))) {
    await add(name, (session) => recordPhone(server, session, new URL(`mobile/${name}`, FOLDER)));
  }
  return sessions;
}
