// A Postgres of its own for a scenario, with OpenReplay's tables, and questions to it by psql.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { freePorts } from './ports.mjs';
import { remember, until, within } from './process.mjs';

const USER = 'postgres';
const PASSWORD = '6f1c';
const TABLES = new URL('../fixtures/postgres/', import.meta.url);

/** A server whose database `postgres` has the tables of one release. */
export class Postgres {
  /** Makes one in a folder, which its user must be able to reach, and starts it. `tables` is a file of tests/fixtures/postgres. */
  static async start(folder, tables) {
    const postgres = new Postgres(path.join(folder, 'postgres'), (await freePorts(1))[0]);
    postgres.layOut();
    await postgres.start();
    await postgres.ask(fs.readFileSync(new URL(tables, TABLES), 'utf8'));
    return postgres;
  }

  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
    this.data = path.join(folder, 'data');
    /** The server refuses to run as root. */
    this.owner = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  }

  /** As OpenReplay's charts write it. */
  get url() {
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  }

  layOut() {
    fs.mkdirSync(this.folder, { mode: 0o700 });
    if (this.owner.uid !== undefined) fs.chownSync(this.folder, this.owner.uid, this.owner.gid);
    const password = path.join(this.folder, 'password');
    fs.writeFileSync(password, PASSWORD, { mode: 0o644 });
    const args = ['-D', this.data, '-U', USER, `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8', '--no-sync'];
    execFileSync(program('initdb'), args, { ...this.owner, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const settings = {
      listen_addresses: '127.0.0.1',
      port: this.port,
      unix_socket_directories: '',
      shared_buffers: '16MB',
      // Tells when each row was committed.
      track_commit_timestamp: 'on',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
    fs.appendFileSync(path.join(this.data, 'postgresql.conf'), lines.join(''));
  }

  /** Starts it, again too, and waits until it answers. */
  async start() {
    const options = { ...this.owner, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'], detached: true };
    this.child = remember(spawn(program('postgres'), ['-D', this.data], options));
    this.ended = new Promise((resolve) => this.child.once('exit', (code) => resolve(code)));
    let said = '';
    this.child.stderr.setEncoding('utf8');
    this.child.stderr.on('data', (text) => (said = (said + text).slice(-5_000)));
    const answers = () => this.ask('SELECT 1').then(() => true, () => false);
    await until(30_000, 'Postgres to answer', async () => {
      if (this.child.exitCode !== null) throw new Error(`Postgres ended with ${this.child.exitCode}:\n${said}`);
      return answers();
    });
  }

  /** Asks it to end: it breaks off what its clients do. */
  async stop() {
    this.child.kill('SIGINT');
    await within(30_000, 'Postgres to stop', this.ended);
  }

  /** Runs statements; resolves to what psql prints. */
  async ask(statements) {
    const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(this.port), '-U', USER, '-d', 'postgres', '-f', '-'];
    const child = remember(spawn('psql', args, { env: { ...process.env, PGPASSWORD: PASSWORD }, detached: true }));
    const [out, err] = [[], []];
    child.stdout.on('data', (bytes) => out.push(bytes));
    child.stderr.on('data', (bytes) => err.push(bytes));
    const ended = new Promise((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    // One that has ended without reading is told of by its exit code.
    child.stdin.on('error', () => {});
    child.stdin.end(statements);
    const code = await within(30_000, 'psql', ended);
    if (code !== 0) throw new Error(`psql ended with ${code}: ${Buffer.concat(err)}`);
    return Buffer.concat(out).toString();
  }

  /** The rows of a query, as Postgres makes JSON of them; values beyond 2^53 must be cast to text. */
  async rows(query) {
    const text = await this.ask(`SELECT row_to_json(r) FROM (${query}) r`);
    return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  }
}

function idOf(flag) {
  return Number(execFileSync('id', [flag, USER]).toString());
}

/** Debian keeps the server's programs out of the way, by version. */
function program(name) {
  const versions = '/usr/lib/postgresql';
  const all = fs.existsSync(versions) ? fs.readdirSync(versions).sort((a, b) => Number(a) - Number(b)) : [];
  const found = all.map((version) => path.join(versions, version, 'bin', name)).filter((file) => fs.existsSync(file));
  return found.at(-1) ?? name;
}
