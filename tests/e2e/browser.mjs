// Chromium as a visitor uses it, with its network log on.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

import { endProcess, remember, sleep, within } from './process.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Starts Chromium with an empty profile below `folder`. */
export async function startBrowser(folder) {
  const profile = path.join(folder, 'profile');
  const netlog = path.join(folder, 'netlog.json');
  fs.mkdirSync(profile, { recursive: true });
  const child = spawn(
    CHROMIUM,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Many pages at once, each as if it were the only one; and a camera that films nothing.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      `--log-net-log=${netlog}`,
      '--net-log-capture-mode=Everything',
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  remember(child);
  try {
    const endpoint = await within(20_000, 'Chromium to start', devtools(child));
    const browser = await chromium.connectOverCDP(endpoint);
    return new Browser(child, browser, netlog);
  } catch (error) {
    endProcess(child);
    throw error;
  }
}

function devtools(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (part) => {
      text = (text + part).slice(-20_000);
      const found = /DevTools listening on (ws:\S+)/.exec(text);
      if (found) resolve(found[1]);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`Chromium ended with ${code}: ${text.slice(-2000)}`)));
  });
}

class Browser {
  ended = false;

  constructor(child, browser, netlog) {
    this.child = child;
    this.browser = browser;
    this.netlog = netlog;
  }

  /** A new tab, in front of the empty one that the browser began with; closing it does not end the browser. */
  async tab() {
    return this.browser.contexts()[0].newPage();
  }

  /** A tab of a visitor who was never here. */
  async stranger() {
    const context = await this.browser.newContext();
    return context.newPage();
  }

  /** Quits as a user does, which completes the network log. */
  async quit() {
    if (this.ended) return;
    this.ended = true;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    try {
      const session = await this.browser.newBrowserCDPSession();
      await session.send('Browser.close');
    } catch {
      // The connection ends with the browser.
    }
    try {
      await within(15_000, 'Chromium to quit', ended);
    } finally {
      endProcess(this.child);
    }
  }
}

/** Opens a page and waits for its tracker: what `start()` resolved to. */
export async function visit(tab, url) {
  await tab.goto(url);
  return started(tab);
}

/** Loads the page anew and waits for its tracker. */
export async function reload(tab) {
  await tab.reload();
  return started(tab);
}

async function started(tab) {
  await tab.waitForFunction(() => window.started !== undefined, null, { timeout: 20_000 });
  return tab.evaluate(() => ({ ...window.started }));
}

/** Some seconds of a visitor's life: typing, clicks, scrolling, requests, an error. */
export async function act(tab, text) {
  await tab.type('#search', text, { delay: 15 });
  await tab.fill('#amount', '3');
  await tab.check('#gift');
  await tab.selectOption('#sort', 'price');
  await tab.mouse.move(50, 60, { steps: 8 });
  await tab.mouse.wheel(0, 900);
  await tab.click('#buy');
  await tab.mouse.wheel(0, -300);
  await tab.type('#note', `a note on ${text}`, { delay: 5 });
  await sleep(400);
  await tab.mouse.wheel(0, -2000);
}

/** A change of route without a load. */
export async function changeRoute(tab) {
  await tab.click('#checkout');
  await sleep(200);
}

/** Tells the page that it is hidden and shown again, which makes every tracker send what it holds. */
export async function hideAndShow(tab) {
  await hide(tab);
  await sleep(500);
  await show(tab);
}

/** Tells the page that it is hidden. */
export async function hide(tab) {
  await tab.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
}

/** Tells the page that it is shown. */
export async function show(tab) {
  await tab.evaluate(() => {
    delete document.hidden;
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });
}
