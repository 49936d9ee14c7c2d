// A browser that is driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which Firefox speaks by itself: neither a driver nor a package is needed.

import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { remember, sleep } from '../e2e/process.mjs';

const START_MS = 60_000;
const ANSWER_MS = 30_000;

const [CONTINUED, CLOSE, PING, PONG] = [0, 8, 9, 10];

/** A frame of a WebSocket, as clients send them: masked. */
function frame(opcode, payload) {
  const mask = crypto.randomBytes(4);
  const length = payload.length;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at % 4])]);
}

/** The first frame of these bytes: `[its opcode, whether it is the last of its message, its payload, how long it is]`; null if it is not all there. */
function firstFrame(bytes) {
  if (bytes.length < 2) return null;
  const short = bytes[1] & 0x7f;
  const head = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < head) return null;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < head + length) return null;
  return [bytes[0] & 0x0f, (bytes[0] & 0x80) !== 0, bytes.subarray(head, head + length), head + length];
}

/** A WebSocket, with what it does with each text. Returns a way to send one. */
async function connect(address, heard) {
  const { hostname, port, host } = new URL(address);
  const socket = net.connect(Number(port), hostname);
  await new Promise((connected, failed) => socket.once('connect', connected).once('error', failed));
  const key = crypto.randomBytes(16).toString('base64');
  socket.write(`GET /session HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  let bytes = Buffer.alloc(0);
  let parts = [];
  let opened;
  const open = new Promise((resolve, reject) => {
    opened = resolve;
    socket.once('close', () => reject(new Error('the browser has closed the connection')));
  });
  let isOpen = false;
  socket.on('error', () => {});
  socket.on('data', (more) => {
    bytes = Buffer.concat([bytes, more]);
    if (!isOpen) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!bytes.toString('latin1', 0, 12).endsWith('101')) return socket.destroy();
      bytes = bytes.subarray(end + 4);
      isOpen = true;
      opened();
    }
    for (let next; (next = firstFrame(bytes)) !== null; ) {
      const [opcode, isLast, payload, length] = next;
      bytes = bytes.subarray(length);
      if (opcode === PING) socket.write(frame(PONG, payload));
      else if (opcode === CLOSE) socket.end();
      else if (opcode <= 2) {
        if (opcode !== CONTINUED) parts = [];
        parts.push(payload);
        if (isLast) heard(Buffer.concat(parts).toString());
      }
    }
  });
  await open;
  return (text) => socket.write(frame(1, Buffer.from(text)));
}

/** Starts Firefox with a profile of its own below a folder. */
export async function openFirefox(root) {
  const profile = fs.mkdtempSync(path.join(root, 'firefox-'));
  const child = remember(
    spawn(process.env.FIREFOX ?? 'firefox-esr', ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    }),
  );
  const address = await new Promise((found, failed) => {
    let told = '';
    child.stderr.on('data', (text) => {
      told += text;
      const [, place] = /WebDriver BiDi listening on (ws:\S+)/.exec(told) ?? [];
      if (place) found(place);
    });
    child.once('error', failed);
    child.once('close', (code) => failed(new Error(`Firefox ended with ${code}: ${told}`)));
    setTimeout(() => failed(new Error(`Firefox did not start: ${told}`)), START_MS).unref();
  });
  return Browser.begin(address, child);
}

class Browser {
  #send;
  #waiting = new Map();
  #number = 0;
  #pages = new Map();

  static async begin(address, child) {
    const browser = new Browser();
    browser.#send = await connect(address, (text) => browser.#heard(JSON.parse(text)));
    browser.child = child;
    const { capabilities } = await browser.ask('session.new', { capabilities: {} });
    browser.version = `${capabilities.browserName} ${capabilities.browserVersion}`;
    await browser.ask('session.subscribe', { events: ['network.beforeRequestSent', 'log.entryAdded'] });
    return browser;
  }

  #heard({ id, method, params, result, error, message }) {
    if (method !== undefined) {
      this.#pages.get(params.context ?? params.source?.context)?.heard(method, params);
      return;
    }
    const [resolve, reject] = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    if (error === undefined) resolve?.(result);
    else reject?.(new Error(`${error}: ${message}`));
  }

  /** What the browser answers to a command. */
  ask(method, params) {
    const id = ++this.#number;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} was not answered`)), ANSWER_MS);
      const done = (act) => (value) => {
        clearTimeout(timer);
        act(value);
      };
      this.#waiting.set(id, [done(resolve), done(reject)]);
      this.#send(JSON.stringify({ id, method, params }));
    });
  }

  async newPage(width = 1280, height = 800) {
    const { context } = await this.ask('browsingContext.create', { type: 'tab' });
    const page = new Page(this, context);
    this.#pages.set(context, page);
    await page.ask('browsingContext.setViewport', { viewport: { width, height } });
    return page;
  }

  async close() {
    await this.ask('browser.close', {}).catch(() => {});
    await Promise.race([new Promise((ended) => this.child.once('close', ended)), sleep(5_000)]);
  }
}

class Page {
  /** The addresses that were asked for, and what failed. */
  requests = [];
  errors = [];

  constructor(browser, context) {
    Object.assign(this, { browser, context });
  }

  heard(method, params) {
    if (method === 'log.entryAdded' && params.type === 'javascript' && params.level === 'error') this.errors.push(params.text);
    if (method === 'network.beforeRequestSent' && !/^(about|data|blob):/.test(params.request.url)) this.requests.push(params.request.url);
  }

  ask(method, params) {
    return this.browser.ask(method, { context: this.context, ...params });
  }

  goto(url) {
    return this.ask('browsingContext.navigate', { url, wait: 'complete' });
  }

  /** What a function returns there. It and its arguments go as text. */
  async evaluate(act, ...args) {
    const { result, exceptionDetails } = await this.browser.ask('script.callFunction', {
      functionDeclaration: `async (args) => JSON.stringify(await (${act})(...JSON.parse(args)))`,
      arguments: [{ type: 'string', value: JSON.stringify(args) }],
      awaitPromise: true,
      target: { context: this.context },
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.type === 'string' ? JSON.parse(result.value) : undefined;
  }

  /** Whether a function returns something true there before the time is over. */
  async until(ms, act, ...args) {
    for (const began = performance.now(); performance.now() - began < ms; await sleep(50)) {
      if (await this.evaluate(act, ...args).catch(() => false)) return true;
    }
    return false;
  }

  press(key) {
    const actions = ['keyDown', 'keyUp'].map((type) => ({ type, value: key }));
    return this.ask('input.performActions', { actions: [{ type: 'key', id: 'keys', actions }] });
  }

  /** Clicks on the middle of an element, or, with `part`, so far to its right. */
  async click(selector, part = 0.5) {
    const [x, y] = await this.evaluate(
      (selector, part) => {
        const element = document.querySelector(selector);
        element.scrollIntoView({ block: 'nearest' });
        const box = element.getBoundingClientRect();
        return [Math.round(box.x + box.width * part), Math.round(box.y + box.height / 2)];
      },
      selector,
      part,
    );
    const actions = [{ type: 'pointerMove', x, y }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }];
    return this.ask('input.performActions', { actions: [{ type: 'pointer', id: 'hand', actions }] });
  }

  /** A picture of the page, as PNG. */
  async screenshot() {
    const { data } = await this.ask('browsingContext.captureScreenshot', {});
    return Buffer.from(data, 'base64');
  }

  close() {
    return this.ask('browsingContext.close', {});
  }
}
