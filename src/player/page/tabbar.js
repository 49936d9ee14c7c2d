// The row of tabs above the picture. It is there if the visitor had more than one.

import { lastBefore, nameOf } from './tabs.js';

/** More of them have no button. */
const BUTTONS_MOST = 40;

export class TabBar {
  #drawn = '';
  #buttons = [];
  #shownAt = 0;

  /** `source.tab` is the tab that is shown all the time, if it is one. `seek` goes to a moment of the session. */
  constructor(session, source, seek) {
    this.session = session;
    this.source = source;
    this.seek = seek;
    this.bar = document.getElementById('tabs');
    this.legend = document.querySelector('#legend .tab');
    // A file has nothing else.
    if (!source.tab || source.contained) return;
    const back = this.#button('As the visitor saw them', () => openTab(undefined));
    back.ariaPressed = 'false';
  }

  /** Shows the tabs as they are at a moment, in Unix ms. */
  show(at) {
    const { list, changes } = this.session.tabs;
    this.#shownAt = at;
    if (list.length < 2 && !this.source.tab) return;
    const front = (changes[lastBefore(changes, at)] ?? changes[0])?.tab;
    const tabs = list.slice(0, BUTTONS_MOST);
    const names = tabs.map((tab) => nameOf(tab, at));
    const state = `${front?.number} ${names.join('\n')}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.bar.hidden = false;
    this.legend.hidden = false;
    for (const [index, tab] of tabs.entries()) {
      this.#buttons[index] ??= this.#button('', () => this.#choose(tab));
      const button = this.#buttons[index];
      button.textContent = names[index];
      button.title = `${names[index]}. ${this.#does(tab, front)}`;
      button.classList.toggle('front', tab === front);
      button.ariaCurrent = tab === front ? 'true' : null;
      button.ariaPressed = String(this.source.tab ? this.source.tab === tab.id : tab === front);
    }
  }

  #does(tab, front) {
    const now = tab === front ? 'The visitor looks at it. ' : '';
    return now + (this.source.contained ? 'Go to the next moment at which it comes to the front' : 'Show this tab all the time');
  }

  #choose(tab) {
    if (!this.source.contained) {
      openTab(tab.id);
      return;
    }
    const { changes } = this.session.tabs;
    const its = changes.filter((change) => change.tab === tab);
    const next = its.find((change) => change.at > this.#shownAt) ?? its[0];
    if (next) this.seek(next.at - this.session.origin);
  }

  #button(text, action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.addEventListener('click', action);
    this.bar.append(button);
    return button;
  }
}

/** Loads the page again at the same moment, with this tab all the time, or, without one, with what the visitor looked at. */
function openTab(id) {
  const address = new URL(location.href);
  if (id === undefined) address.searchParams.delete('tab');
  else address.searchParams.set('tab', id);
  location.assign(address);
}
