// The recorded page: rrweb's Replayer in its frame, fed as events come, and fitted into the room that there is.
//
// The Replayer runs in its live mode, in which it never thinks that a session is over: when it is, the page knows.

/** An event before all others, so that the Replayer counts from the session's beginning. */
const beginning = (timestamp) => ({ type: 5, data: { tag: 'begin', payload: {} }, timestamp });

/** A moment after one, so that what happened at that one has happened. */
const AFTER = 1;

export class Stage {
  playing = false;
  #replayer = null;
  #early = [];
  #renewing = false;
  #pointer = null;
  #origin = 0;
  #first = 0;
  #now = 0;
  #speed = 1;

  constructor(room, screen, assets) {
    this.room = room;
    this.screen = screen;
    this.assets = assets;
    new ResizeObserver(() => this.#fit()).observe(room);
  }

  /** Whether there is a picture. */
  get shown() {
    return this.#replayer !== null && !this.#renewing;
  }

  /** Adds an event, in the order of times. With the first snapshot comes the first picture. */
  add(event, origin) {
    if (this.shown) {
      this.#replayer.addEvent(event);
      this.#point(event);
      return;
    }
    this.#early.push(event);
    if (event.type !== 2) return;
    this.#origin = origin;
    this.#first = event.timestamp - origin;
    // What precedes the snapshot has nothing to change.
    const meta = this.#early.findLast((early) => early.type === 4);
    this.#early = [];
    this.#replayer?.destroy();
    this.#renewing = false;
    this.#replayer = new globalThis.rrwebReplay.Replayer([beginning(origin), ...(meta ? [meta] : []), event], {
      root: this.screen,
      liveMode: true,
      speed: this.#speed,
      mouseTail: false,
      triggerFocus: false,
      showWarning: false,
      // How long a page waits for style sheets of the recorded site.
      loadTimeout: this.assets ? 2000 : 0,
    });
    const { iframe } = this.#replayer;
    iframe.title = 'The recorded page';
    iframe.tabIndex = -1;
    mendSeeks(this.#replayer);
    if (this.assets) tellNoReferrer(this.#replayer);
    this.#replayer.on('resize', ({ width, height }) => this.#fit(width, height));
  }

  /** Puts the pointer where it was: a snapshot does not say, and a seek begins with one. */
  #point({ type, data, timestamp }) {
    const at = type === 3 && (data.source === 1 ? data.positions?.at(-1) : data.source === 2 && data);
    if (at) this.#pointer = { x: at.x, y: at.y };
    if (type !== 2 || !this.#pointer) return;
    const position = { ...this.#pointer, id: data.node.id, timeOffset: 0 };
    this.#replayer.addEvent({ type: 3, data: { source: 1, positions: [position] }, timestamp });
  }

  /** Another part of the session comes. The picture stays until that has one. */
  renew() {
    this.#early = [];
    this.#renewing = this.#replayer !== null;
    this.pause();
  }

  /** Forgets what is before the snapshot of this time. */
  dropBefore(at) {
    if (!this.shown) return;
    const { events } = this.#replayer.service.state.context;
    const kept = events.findIndex((event) => event.type === 4 && event.timestamp >= at);
    // The first one has the time from which the Replayer counts.
    if (kept > 1) events.splice(1, kept - 1);
    this.#first = at - this.#origin;
  }

  /** Stays where it is, as if a moment were shown that has not come yet. */
  hold(ms) {
    this.pause();
    this.#now = ms;
  }

  /** The moment that is shown, in ms since the session's beginning. */
  now() {
    if (this.playing && this.shown) this.#now = this.#replayer.getCurrentTime();
    return this.#now;
  }

  /** Plays from a moment on. */
  play(ms) {
    this.playing = true;
    this.#now = ms;
    this.#replayer?.play(Math.max(ms, this.#first) + AFTER);
  }

  /** Shows a moment, and stays there. */
  pause(ms = this.now()) {
    this.playing = false;
    this.#now = ms;
    if (this.#renewing) this.#replayer.pause();
    else this.#replayer?.pause(Math.max(ms, this.#first) + AFTER);
  }

  setSpeed(speed) {
    this.#speed = speed;
    this.#replayer?.setConfig({ speed });
  }

  #size = [0, 0];

  #fit(width = this.#size[0], height = this.#size[1]) {
    this.#size = [width, height];
    if (!(width > 0 && height > 0)) return;
    const scale = Math.min(this.room.clientWidth / width, this.room.clientHeight / height);
    const style = this.screen.style;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(-50%, -50%) scale(${scale})`;
  }
}

/**
 * What the page says of referrers holds for its frames. Firefox makes the document of a frame anew once the frame is there, and forgets it then: so it is said in
 * each, before there is something in it that is fetched. A document that is filled keeps that, though it loses the element.
 */
function tellNoReferrer(replayer) {
  const say = (shown) => {
    const meta = document.createElement('meta');
    meta.name = 'referrer';
    meta.content = 'no-referrer';
    (shown?.head ?? shown?.documentElement)?.append(meta);
  };
  const rebuild = replayer.rebuildFullSnapshot.bind(replayer);
  replayer.rebuildFullSnapshot = (...all) => {
    say(replayer.iframe.contentDocument);
    return rebuild(...all);
  };
  const attach = replayer.attachDocumentToIframe.bind(replayer);
  replayer.attachDocumentToIframe = (mutation, frame) => {
    // While it seeks it works on a picture of the page, and makes the frames and what is in them at one stroke afterwards.
    if (!replayer.usingVirtualDom) say(frame.contentDocument);
    return attach(mutation, frame);
  };
}

/** Three things that a seek of the Replayer (2.1.6) gets wrong. */
function mendSeeks(replayer) {
  // It changes the rules of sheets before it makes those sheets that are new.
  const change = replayer.applyStyleSheetMutation.bind(replayer);
  let early = [];
  replayer.applyStyleSheetMutation = (data) => {
    if (data.styleId && !replayer.styleMirror.getStyle(data.styleId)) early.push(data);
    else change(data);
  };
  replayer.on('flush', () => {
    const late = early;
    early = [];
    late.forEach(change);
    // It keeps how far the window was scrolled, and would scroll there after all later seeks.
    replayer.virtualDom.scrollData = null;
    endAnimations(replayer.iframe.contentDocument);
  });
  // It begins the animations of style sheets anew with each snapshot, and holds them there. By the moment that is shown most have ended.
  replayer.on('fullsnapshot-rebuilded', () => endAnimations(replayer.iframe.contentDocument));
}

/** Ends the animations that have an end, in a document and in those of its frames. */
function endAnimations(shown) {
  if (!shown) return;
  for (const animation of shown.getAnimations()) {
    if (Number.isFinite(animation.effect?.getComputedTiming().endTime)) animation.finish();
  }
  for (const frame of shown.querySelectorAll('iframe')) endAnimations(frame.contentDocument);
}
