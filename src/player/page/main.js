// Loads the session, and tells what goes wrong.

import { tellAbout } from './about.js';
import { readAddress } from './address.js';
import { isAllowed, loadAgain } from './consent.js';
import { Loader } from './loader.js';
import { Player } from './player.js';
import { Session } from './session.js';
import { Trouble, sourceOfPage } from './source.js';

const say = (text, again = false) => {
  const message = document.getElementById('message');
  document.getElementById('message-text').textContent = text;
  document.getElementById('again').hidden = !again;
  message.hidden = text === '';
};

/** What the viewer should know of a session that was loaded as far as it goes. */
function remarks(session, player, source) {
  if (session.origin === null && session.cut !== null) return `The session cannot be shown: ${session.cut}.`;
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
  try {
    const facts = await source.facts();
    tellAbout(facts);
    const player = new Player(session, source);
    const loader = new Loader(source, session, player, facts.live === true && !source.contained, told(source, session, player));
    document.getElementById('try-now').addEventListener('click', () => loader.tryNow());
    await loader.begin(readAddress());
  } catch (error) {
    failed(error);
  }
}

/** What is told of the loading. */
function told(source, session, player) {
  let isShown = false;
  let isLost = false;
  return {
    /** An event has come. */
    shown() {
      if (!isShown && player.stage.shown) {
        isShown = true;
        say('');
      }
      if (isLost) {
        isLost = false;
        lost('');
      }
    },
    /** All that is known of a session that goes on has come. */
    caughtUp() {
      // More may come; until then the viewer should not wait for a picture.
      if (!player.stage.shown && session.origin !== null) say(remarks(session, player, source));
    },
    /** The connection was lost, and is tried again. */
    lost(error) {
      isLost = true;
      lost(`${error.busy ? error.message : 'The connection to the server was lost.'} Trying again…`);
    },
    /** No more comes. */
    ended() {
      say(remarks(session, player, source));
      if (session.full && source.contained) note('Only the beginning is here: the rest would take more memory than a page should.');
      if (session.broken > 0) note(`${session.broken} lines could not be read.`);
      if (session.cut !== null && session.origin !== null) note(`The session was cut off here: ${session.cut}.`);
      player.over();
    },
    failed(error) {
      lost('');
      failed(error, player);
      player.over();
    },
  };
}

function failed(error, player) {
  const trouble = error instanceof Trouble ? error : new Trouble(`The player has failed: ${error.message}`);
  // What has come can be played; the words stand beside it.
  if (player?.stage.shown) note(trouble.message, trouble.again);
  else say(trouble.message, trouble.again);
  if (!(error instanceof Trouble)) console.error(error);
}

/** A remark that stands while it is so. */
function lost(text) {
  document.getElementById('lost-text').textContent = text;
  document.getElementById('lost').hidden = text === '';
}

/** A remark below the controls; `again`: with a way to load the page again, which then shows the same moment. */
function note(text, again = false) {
  if ([...document.querySelectorAll('#small > .note')].some((other) => other.firstChild?.textContent === text)) return;
  const paragraph = document.createElement('p');
  paragraph.className = 'note';
  paragraph.textContent = text;
  if (again) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Try again';
    button.addEventListener('click', () => location.reload());
    paragraph.append(' ', button);
  }
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
