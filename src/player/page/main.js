// Loads the session, and tells what goes wrong.

import { tellAbout } from './about.js';
import { isAllowed, loadAgain } from './consent.js';
import { Player } from './player.js';
import { Session } from './session.js';
import { Trouble, sourceOfPage } from './source.js';

/** How long events are taken before the page may answer its viewer again. */
const SLICE_MS = 12;

const say = (text, again = false) => {
  const message = document.getElementById('message');
  document.getElementById('message-text').textContent = text;
  document.getElementById('again').hidden = !again;
  message.hidden = text === '';
};

const breathe = () => new Promise((resolve) => setTimeout(resolve));

/** Feeds the player with all events, and with later ones while the session goes on. */
async function feed(source, session, player, live) {
  let caughtUp = !live;
  let shown = false;
  let pause = performance.now();
  for await (const line of source.lines(live)) {
    if (line === '' && !caughtUp) {
      caughtUp = true;
      player.caughtUp();
      // More may come; until then the viewer should not wait for a picture.
      if (!player.stage.shown && session.origin !== null) say(remarks(session, player, source));
    }
    if (line.trim() === '') continue;
    const event = session.take(line);
    if (event) player.stage.add(event, session.origin);
    if (!shown && player.stage.shown) {
      shown = true;
      say('');
    }
    if (session.full) break;
    if (performance.now() - pause > SLICE_MS) {
      await breathe();
      pause = performance.now();
    }
  }
}

/** What the viewer should know of a session that was loaded as far as it goes. */
function remarks(session, player, source) {
  if (session.origin === null) return 'Nothing was recorded in this session.';
  if (!player.stage.shown && source.tab) return 'There is no picture of this tab. The lists have what is known.';
  if (!player.stage.shown) return 'There is no picture of this session: the messages that describe its pages did not arrive. The lists have what is known.';
  return '';
}

async function main() {
  document.getElementById('again').addEventListener('click', () => location.reload());
  const source = sourceOfPage();
  if (source.assets && !isAllowed(source.session)) {
    loadAgain(source.session, false);
    return;
  }
  choices(source);
  if (globalThis.rrwebReplay === undefined) {
    say('The library that plays sessions could not be loaded from cdn.jsdelivr.net. A takeup that was built after scripts/player has it in itself.', true);
    return;
  }
  say('Loading…');
  // The Replayer leaves the document in its frame open, and a page that waits for it would load for ever.
  if (document.readyState !== 'complete') await new Promise((loaded) => addEventListener('load', loaded, { once: true }));
  tellAbout({ session: source.session });
  const session = new Session();
  let player;
  try {
    const facts = await source.facts();
    tellAbout(facts);
    player = new Player(session, source);
    await feed(source, session, player, facts.live === true && !source.contained);
    say(remarks(session, player, source));
    if (session.full) note(`Only the beginning is here: the rest would take more memory than a page should.`);
    if (session.broken > 0) note(`${session.broken} lines could not be read.`);
  } catch (error) {
    const trouble = error instanceof Trouble ? error : new Trouble(`The player has failed: ${error.message}`);
    // What has come can be played; the words stand beside it.
    if (player?.stage.shown) note(trouble.message);
    else say(trouble.message, trouble.again);
    if (!(error instanceof Trouble)) console.error(error);
  }
  player?.over();
}

/** A remark below the controls. */
function note(text) {
  const paragraph = document.createElement('p');
  paragraph.className = 'note';
  paragraph.textContent = text;
  document.getElementById('small').prepend(paragraph);
}

/** What only a served page offers. */
function choices(source) {
  document.getElementById('all-sessions').hidden = source.contained;
  document.getElementById('assets-choice').hidden = source.contained;
  const box = document.getElementById('assets');
  box.checked = source.assets === true;
  box.addEventListener('change', () => {
    if (loadAgain(source.session, box.checked)) return;
    box.checked = false;
    note('The browser keeps nothing for this page, so it cannot remember that you allow this.');
  });
}

main();
