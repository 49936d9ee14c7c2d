// A Redis of its own for a scenario, and a client of it that shares nothing with the server's.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { freePorts } from './ports.mjs';
import { remember, until, within } from './process.mjs';

/** A server that keeps its data over a restart. */
export class Redis {
  /** Makes one in a folder and starts it. */
  static async start(folder) {
    const redis = new Redis(path.join(folder, 'redis'), (await freePorts(1))[0]);
    fs.mkdirSync(redis.folder);
    await redis.start();
    return redis;
  }

  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
  }

  /** As OpenReplay's charts write it. */
  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, again too, and waits until it has loaded its data. */
  async start() {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', '', '--appendonly', 'yes'];
    this.child = remember(spawn('redis-server', args, { stdio: 'ignore', detached: true }));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('exit', resolve);
      this.child.once('error', reject);
    });
    this.ended.catch(() => {});
    await until(30_000, 'Redis to answer', async () => {
      if (this.child.exitCode !== null) throw new Error(`Redis ended with ${this.child.exitCode}`);
      const client = await RedisClient.connect(this.port).catch(() => undefined);
      const answer = await client?.call('PING').catch(() => undefined);
      client?.close();
      return answer?.toString() === 'PONG';
    });
  }

  /** Asks it to end. */
  async stop() {
    this.child.kill('SIGTERM');
    await within(30_000, 'Redis to stop', this.ended);
  }
}

/** One connection. Strings are answered as buffers, arrays as arrays, numbers as numbers, nil as null. */
export class RedisClient {
  static connect(port) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(new RedisClient(socket)));
      socket.once('error', reject);
    });
  }

  constructor(socket) {
    this.socket = socket;
    this.waiting = [];
    let received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      for (let read; (read = parse(received, 0)); received = received.subarray(read.end)) {
        const { resolve, reject } = this.waiting.shift();
        if (read.value instanceof Error) reject(read.value);
        else resolve(read.value);
      }
    });
    const end = (error) => {
      this.broken = error ?? new Error('Redis closed the connection');
      for (const { reject } of this.waiting.splice(0)) reject(this.broken);
    };
    socket.on('error', end);
    socket.on('close', () => end(this.broken));
  }

  /** Resolves to the answer to a command, or rejects with Redis's error; its code is the `code` of that. */
  call(...words) {
    const parts = words.map((word) => (Buffer.isBuffer(word) ? word : Buffer.from(String(word))));
    const framed = parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')]);
    const answer = new Promise((resolve, reject) => {
      if (this.broken) reject(this.broken);
      else this.waiting.push({ resolve, reject });
    });
    if (!this.broken) this.socket.write(Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...framed]));
    return within(30_000, `Redis to answer ${words[0]}`, answer);
  }

  close() {
    this.socket.destroy();
  }
}

/** The value that begins at `at`, and where it ends; null if it is not all there yet. */
function parse(bytes, at) {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return null;
  const text = bytes.toString('latin1', at + 1, line);
  const next = line + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: Buffer.from(text), end: next };
    case '-':
      return { value: Object.assign(new Error(text), { code: text.split(' ')[0] }), end: next };
    case ':':
      return { value: Number(text), end: next };
    case '$': {
      const end = next + Number(text);
      if (text === '-1') return { value: null, end: next };
      return end + 2 > bytes.length ? null : { value: Buffer.from(bytes.subarray(next, end)), end: end + 2 };
    }
    case '*': {
      if (text === '-1') return { value: null, end: next };
      const value = [];
      let end = next;
      for (let n = 0; n < Number(text); n++) {
        const read = parse(bytes, end);
        if (!read) return null;
        value.push(read.value);
        end = read.end;
      }
      return { value, end };
    }
    default:
      throw new Error(`not an answer of Redis: ${bytes.toString('latin1', at, at + 40)}`);
  }
}
