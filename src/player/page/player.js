// The player: what the viewer's controls do, and what is shown at each moment.

import { LONGEST_MS, onAddress, readAddress, writeAddress } from './address.js';
import { clock } from './format.js';
import { onKeys } from './keys.js';
import { Lists } from './lists.js';
import { Stage } from './stage.js';
import { TabBar } from './tabbar.js';
import { Timeline } from './timeline.js';

/** How far behind the newest event a live session is shown; and what is too far. */
const LIVE_BEHIND_MS = 2_000;
const LIVE_TOO_FAR_MS = 30_000;

/** How long before something happens a live session is shown again that waited for it. */
const LIVE_LEAD_MS = 300;

/** How long a skip leaves of an inactivity before it ends. */
const SKIP_LEAVES_MS = 1_000;

const part = (id) => document.getElementById(id);

export class Player {
  /** Whether more events may come. */
  open = true;
  /** What loads the session. */
  loader = null;
  #live = false;
  #playing = false;
  #waiting = false;
  #start;
  /** The same in Unix ms, until it is known when the session begins. */
  #startAt;
  /** Whether the viewer, or the address, has asked for a moment: then a session that is going on is not joined live by itself. */
  #chosen = false;
  #told = 0;

  constructor(session, source) {
    this.session = session;
    const address = readAddress();
    this.#start = address.ms;
    if (address.ms === undefined) this.#startAt = address.at;
    this.#chosen = (address.ms ?? address.at) !== undefined;
    this.stage = new Stage(part('stage'), part('screen'), source.assets);
    this.timeline = new Timeline(part('timeline'), session, (ms) => this.seek(ms));
    this.lists = new Lists(session, { seek: (ms) => this.seek(ms), changed: () => this.#tellAddress() });
    this.tabBar = new TabBar(session, source, (ms) => this.seek(ms));
    this.lists.open(address.list);
    onAddress(({ ms, at, list }) => {
      // A list that is opened writes the moment that is shown into the address, unless another one is awaited: both are written at once, or who loads the page
      // again in between gets half of it.
      if (ms !== undefined) this.#start = ms;
      else if (at !== undefined) this.#seekAt(at);
      this.lists.open(list);
      if (ms !== undefined) this.seek(ms);
    });
    this.#controls();
    const tick = () => {
      this.#tick();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  #controls() {
    const by = (ms) => () => this.seek(this.stage.now() + ms);
    const toggle = () => (this.#playing ? this.pause() : this.play());
    part('play').addEventListener('click', toggle);
    part('earlier').addEventListener('click', by(-10_000));
    part('later').addEventListener('click', by(10_000));
    part('go-live').addEventListener('click', () => this.goLive());
    part('speed').addEventListener('change', (event) => this.stage.setSpeed(Number(event.target.value)));
    const step = (direction) => () => {
      const at = this.lists.neighbour(this.session.origin + Math.round(this.stage.now()), direction);
      if (at !== undefined) this.seek(at - this.session.origin);
    };
    const speed = (value) => () => {
      part('speed').value = value;
      this.stage.setSpeed(Number(value));
    };
    onKeys({
      ' ': toggle,
      k: toggle,
      j: by(-10_000),
      l: by(10_000),
      ArrowLeft: by(-5_000),
      ArrowRight: by(5_000),
      ',': step(-1),
      '.': step(1),
      Home: () => this.seek(0),
      End: () => this.seek(this.session.length),
      '/': () => part('filter').focus(),
      1: speed('1'),
      2: speed('2'),
      4: speed('4'),
      8: speed('8'),
    });
  }

  play() {
    if (!this.stage.shown) return;
    // At the end, from the beginning again.
    const over = !this.open && this.stage.now() >= this.session.loaded;
    this.#chosen = true;
    this.#playing = true;
    this.#waiting = false;
    if (over) this.#goTo(0);
    else if (!this.#isAwaited) this.stage.play(this.stage.now());
  }

  pause() {
    this.#chosen = true;
    this.#playing = false;
    this.#live = false;
    this.stage.pause();
    this.#tellAddress();
  }

  /** Shows a moment, in ms since the session's beginning. */
  seek(ms) {
    this.#chosen = true;
    this.#live = false;
    this.#goTo(ms);
    this.#tellAddress();
  }

  /** The same for one in Unix ms. */
  #seekAt(at) {
    this.#chosen = true;
    this.#live = false;
    this.#startAt = at;
    this.#knowStart();
  }

  /** Once it is known when the session begins, a moment in Unix ms is one like others. */
  #knowStart() {
    const { origin } = this.session;
    if (this.#startAt === undefined || origin === null) return;
    const ms = Math.min(Math.max(this.#startAt - origin, 0), LONGEST_MS);
    this.#startAt = undefined;
    this.wait(ms);
  }

  #goTo(ms) {
    this.#start = undefined;
    this.#startAt = undefined;
    const to = Math.min(Math.max(ms, 0), this.#hasAll ? this.session.loaded : this.session.length);
    this.#waiting = false;
    const isThere = this.loader.has(to);
    if (!isThere || to > this.session.loaded) {
      this.wait(to);
      if (!isThere) this.loader.want(to);
      return;
    }
    this.loader.forgetWanted();
    if (this.#playing) this.stage.play(to);
    else this.stage.pause(to);
  }

  /** Waits for a moment that has not come yet. */
  wait(ms) {
    this.#start = ms;
    this.stage.hold(ms);
  }

  /** Catches up with a session that is going on. */
  goLive() {
    this.#live = true;
    this.#playing = true;
    if (this.session.more) this.loader.toEnd();
    else this.#goTo(this.session.loaded - LIVE_BEHIND_MS);
  }

  /** A session that is going on has told all that there is so far. */
  caughtUp() {
    part('go-live').hidden = false;
    part('live-mark').hidden = false;
    if (!this.#chosen || this.#live) this.goLive();
  }

  /** Whether the newest is shown, or will be. */
  get atEnd() {
    return this.#live || (!this.#chosen && this.loader.live);
  }

  /** From which moment on the session is needed, in ms: what is shown, or asked for. */
  get needs() {
    return this.#start ?? this.stage.now();
  }

  /** Whether the page has the session to its end, as far as that was recorded. */
  get #hasAll() {
    return !this.open || (this.loader.caughtUp && !this.session.more);
  }

  /** No more events come. */
  over() {
    this.open = false;
    this.#live = false;
    part('go-live').hidden = true;
    part('live-mark').hidden = true;
  }

  /** Whether a moment was asked for that is not shown yet. */
  get #isAwaited() {
    return this.#start !== undefined || this.#startAt !== undefined;
  }

  #tick() {
    const { session, stage } = this;
    this.#knowStart();
    // The moment that the address asks for may not have come yet.
    if (this.#start !== undefined && stage.shown && (session.loaded >= this.#start || this.#hasAll)) this.#goTo(this.#start);
    let now = stage.now();
    if (this.#playing && stage.shown && !this.#isAwaited) now = this.#advance(now);
    if (this.#start === undefined) this.loader?.goOn(now);
    else if (this.loader?.has(this.#start) === false) this.loader.want(this.#start);
    this.timeline.show(now);
    this.timeline.draw();
    this.lists.show((session.origin ?? 0) + now + 1);
    this.tabBar.show((session.origin ?? 0) + now + 1);
    this.#tell(now);
  }

  /** Holds at the end, goes on when more has come, and skips. */
  #advance(now) {
    const { session, stage } = this;
    if (this.#waiting) {
      if (session.loaded > now) {
        this.#waiting = false;
        // Nothing happened meanwhile: who plays that would be late by so much from then on.
        const next = session.next - session.origin - LIVE_LEAD_MS;
        stage.play(this.#live ? Math.max(now, next) : now);
      } else if (!this.open) {
        this.pause();
      }
      return now;
    }
    if (now >= session.loaded) {
      stage.pause(session.loaded);
      session.next = null;
      if (this.open) this.#waiting = true;
      else this.pause();
      return session.loaded;
    }
    if (this.#live && session.loaded - now > LIVE_TOO_FAR_MS) {
      stage.play(session.loaded - LIVE_BEHIND_MS);
    } else if (part('skip').checked) {
      const until = session.idleUntil(session.origin + now);
      const to = until === null ? 0 : until - session.origin - SKIP_LEAVES_MS;
      if (to - now > SKIP_LEAVES_MS) stage.play(to);
    }
    return stage.now();
  }

  #tell(now) {
    const { session } = this;
    part('time').textContent = `${clock(Math.min(now, session.length))} / ${clock(session.length)}`;
    const button = part('play');
    const name = this.#playing ? 'Pause' : 'Play';
    if (button.ariaLabel !== name) {
      button.ariaLabel = name;
      button.title = `${name} (space)`;
      button.textContent = this.#playing ? '❚❚' : '▶';
    }
    button.disabled = !this.stage.shown;
    part('go-live').ariaPressed = String(this.#live);
    part('go-live').dataset.behind = this.#live ? String(Math.round(Math.max(session.loaded - now, 0))) : '';
    part('address').textContent = session.origin === null ? '' : session.pageAt(session.origin + now + 1);
    const loads = this.#isAwaited && this.#chosen;
    const waiting = loads ? 'Loading…' : this.#waiting ? (part('live-mark').hidden ? 'Loading…' : 'Waiting for more…') : '';
    if (part('waiting').textContent !== waiting) part('waiting').textContent = waiting;
    if (this.#playing && Math.abs(now - this.#told) > 5_000) this.#tellAddress();
  }

  #tellAddress() {
    this.#told = this.stage?.now() ?? 0;
    // Not before the moment that the address asks for has come, and none while the newest is shown.
    if (!this.#isAwaited && !this.#live) writeAddress(this.#chosen ? this.#told : undefined, this.lists?.list.name ?? 'all');
  }
}
