// A consumer group, read as OpenReplay's services read theirs.

import { RedisClient } from './redis.mjs';
import { sleep, within } from './process.mjs';

/** Their batch ids are `ms << 13 | sequence`. */
const SEQUENCES = 8192;

/** Reads streams as the only member of a group, which has the group's name, and remembers all that it has read. */
export class Consumer {
  /** `onFirst` is called, and waited for, when the first entry of a session is read from a stream. */
  constructor(redis, group, streams, onFirst) {
    this.redis = redis;
    this.group = group;
    this.streams = streams;
    this.onFirst = onFirst;
    /** What was read of each stream, in the order of reading, repeats left out: {id, ms, session, value}. */
    this.entries = new Map(streams.map((stream) => [stream, []]));
    /** Entries by stream and id. */
    this.known = new Map();
    this.firsts = new Set();
    this.repeats = 0;
    this.restarts = 0;
    /** What their services would end at. */
    this.faults = [];
  }

  start() {
    this.stopped = false;
    this.running = this.run();
    this.running.catch((error) => this.faults.push(error.stack));
  }

  async stop() {
    this.stopped = true;
    await within(30_000, 'the consumer to stop', this.running);
  }

  /** Ends and begins again, as a service does that is deployed anew: what it has not acknowledged is read once more. */
  async restart() {
    await this.stop();
    this.start();
  }

  async run() {
    while (!this.stopped) {
      let client;
      try {
        client = await RedisClient.connect(this.redis.port);
        this.restarts += 1;
        await this.read(client);
      } catch (error) {
        // Redis is away, or loads its data. Their services end, and are started again.
        const passes = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'LOADING'].includes(error.code) || client?.broken === error;
        if (!passes) throw error;
        await sleep(50);
      } finally {
        client?.close();
      }
    }
  }

  async read(client) {
    for (const stream of this.streams) {
      await client.call('XGROUP', 'CREATE', stream, this.group, '0', 'MKSTREAM').catch((error) => {
        if (error.code !== 'BUSYGROUP') throw error;
      });
    }
    // First what it was given before and has not acknowledged, then what is new.
    for (const stream of this.streams) {
      for (let after = '0'; ; ) {
        const answer = await client.call('XREADGROUP', 'GROUP', this.group, this.group, 'COUNT', 10, 'STREAMS', stream, after);
        const entries = answer?.[0]?.[1] ?? [];
        if (entries.length === 0) break;
        for (const entry of entries) await this.take(stream, entry);
        after = entries.at(-1)[0].toString();
      }
    }
    let unacknowledged = [];
    while (!this.stopped) {
      const all = [...this.streams, ...this.streams.map(() => '>')];
      const answer = await client.call('XREADGROUP', 'GROUP', this.group, this.group, 'COUNT', 10, 'BLOCK', 200, 'STREAMS', ...all);
      const taken = [];
      for (const [stream, entries] of answer ?? []) {
        for (const entry of entries) {
          await this.take(stream.toString(), entry);
          taken.push([stream, entry[0]]);
        }
      }
      if (taken.length === 0) continue;
      // One round behind, so that a restart always has something to read again.
      for (const [stream, id] of unacknowledged) await client.call('XACK', stream, this.group, id);
      unacknowledged = taken;
    }
  }

  async take(stream, [idBytes, parts]) {
    const id = idBytes.toString();
    const fault = (text) => this.faults.push(`${stream} ${id}: ${text}`);
    if (parts === null) return fault('was trimmed before it was acknowledged');
    const fields = new Map();
    for (let at = 0; at < parts.length; at += 2) fields.set(parts[at].toString(), parts[at + 1]);
    const [session, value] = [fields.get('sessionID')?.toString(), fields.get('value')];
    if (fields.size !== 2 || parts.length !== 4) fault(`has the fields ${[...fields.keys()].join(' ')}`);
    if (session === undefined || !/^\d+$/.test(session) || value === undefined) return fault(`sessionID is ${session}`);
    const [ms, sequence] = id.split('-').map(Number);
    if (sequence >= SEQUENCES) fault('its sequence is too large');

    const before = this.known.get(`${stream} ${id}`);
    if (before) {
      this.repeats += 1;
      if (before.session !== session || !before.value.equals(value)) fault('says something else when it is read again');
      return;
    }
    const entry = { id, ms, session, value };
    this.known.set(`${stream} ${id}`, entry);
    this.entries.get(stream).push(entry);
    const first = `${stream} ${session}`;
    if (this.firsts.has(first)) return;
    this.firsts.add(first);
    await this.onFirst(stream, entry);
  }
}
