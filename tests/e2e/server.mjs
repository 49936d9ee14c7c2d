// The server under test, and its commands.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePorts } from './ports.mjs';
import { remember, sleep, until, within } from './process.mjs';

/** The binary. */
export const BIN = process.env.TAKEUP_BIN ?? fileURLToPath(new URL('../../target/release/takeup', import.meta.url));

/** A data folder and the server on it. */
export class Server {
  /**
   * A server that has an empty data folder below `folder` and two free ports of its own.
   *
   * @param {{name?: string, projects?: URL, settings?: string[], variables?: (folder: string,
   *   listen: number, admin: number) => Promise<object>}} setup The host name by which browsers know it, its projects if it
   *   does not make its own, settings as `--set` takes them; or, if it is configured by its environment alone, the whole of that.
   */
  static async prepare(folder, { name = '127.0.0.1', projects, settings = [], variables } = {}) {
    const [listen, admin] = await freePorts(2);
    const data = path.join(folder, 'data');
    if (projects) {
      fs.mkdirSync(data, { mode: 0o700 });
      fs.copyFileSync(projects, path.join(data, 'projects.toml'));
    }
    const server = new Server(data, `127.0.0.1:${listen}`, `${name}:${listen}`, `127.0.0.1:${admin}`, settings);
    server.variables = await variables?.(folder, listen, admin);
    return server;
  }

  constructor(data, listen, host, admin, settings) {
    this.data = data;
    this.listen = listen;
    this.host = host;
    this.admin = admin;
    this.settings = settings;
    this.output = '';
  }

  /** Where trackers send to. */
  get ingest() {
    return `http://${this.host}`;
  }

  /** The key of the project that the first start made. */
  get projectKey() {
    const file = fs.readFileSync(path.join(this.data, 'projects.toml'), 'utf8');
    return /^\s*project_key\s*=\s*"([^"]+)"/m.exec(file)[1];
  }

  /** Starts the server and waits until it answers; resolves to the milliseconds that this took. */
  async start() {
    const began = performance.now();
    const args = ['--data', this.data, 'serve'];
    if (!this.variables) args.push('--listen', this.listen, '--admin', this.admin);
    for (const setting of this.settings) args.push('--set', setting);
    const env = this.variables ?? process.env;
    this.child = remember(spawn(BIN, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }));
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
      this.child.once('error', (error) => resolve({ code: -1, signal: String(error) }));
    });
    let ended = null;
    this.ended.then((how) => (ended = how));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => (this.output += text));
    }
    const deadline = Date.now() + 20_000;
    while (!(await answers(this.listen))) {
      if (ended) throw new Error(`the server ended with ${JSON.stringify(ended)}:\n${this.output}`);
      if (Date.now() > deadline) throw new Error(`the server did not answer within 20 s:\n${this.output}`);
      await sleep(5);
    }
    return performance.now() - began;
  }

  /** kill -9. */
  async kill() {
    this.child.kill('SIGKILL');
    return within(5_000, 'the killed server to end', this.ended);
  }

  /** SIGTERM: how it ended. */
  async stop() {
    this.child.kill('SIGTERM');
    return within(20_000, 'the server to stop', this.ended);
  }

  /** A page of the admin port. */
  async adminPage(target) {
    const answer = await fetch(`http://${this.admin}${target}`, { signal: AbortSignal.timeout(5_000) });
    return { status: answer.status, text: await answer.text() };
  }

  /** The JSON lines that the server has logged. */
  logLines() {
    return this.output.split('\n').filter((line) => line.startsWith('{"level"')).map((line) => JSON.parse(line));
  }

  /** Runs one of the offline commands on the data folder. */
  async run(...args) {
    const child = remember(spawn(BIN, ['--data', this.data, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true }));
    const out = [];
    const err = [];
    child.stdout.on('data', (bytes) => out.push(bytes));
    child.stderr.on('data', (bytes) => err.push(bytes));
    const ended = new Promise((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    const code = await within(30_000, `takeup ${args.join(' ')}`, ended);
    return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
  }

  /** Runs a command that prints NDJSON. */
  async lines(...args) {
    const { code, out, err } = await this.run(...args);
    if (code !== 0) throw new Error(`takeup ${args.join(' ')} ended with ${code}: ${err}`);
    return out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  /** The session's row of `takeup sessions`, once it has at least so many batches. */
  async sessionWithBatches(session, batches, ms) {
    return until(ms, `${batches} batches of session ${session}`, async () => {
      const rows = await this.lines('sessions', '--json');
      return rows.find((row) => (session === undefined || row.session_id === session) && row.batches >= batches);
    });
  }
}

function answers(host) {
  const [name, port] = host.split(':');
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), name, () => {
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString('latin1').startsWith('HTTP/1.1 200'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.setTimeout(2_000, () => socket.destroy());
  });
}
