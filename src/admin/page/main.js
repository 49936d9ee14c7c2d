// Which view is shown, and what is told when the server refuses.

import { showActions } from './actions.js';
import { ask, byId } from './show.js';
import { showSessions } from './sessions.js';
import { showStatus } from './status.js';

const VIEWS = { sessions: showSessions, status: showStatus, actions: showActions };
let end = () => {};
/** The server has asked for the token. */
let isLocked = false;

function trouble(error) {
  const note = byId('trouble');
  if (error?.status === 401) {
    isLocked = true;
    end();
    end = () => {};
    byId('login-why').textContent = 'Recordings are shown to those who have the token of this server (the setting admin_token).';
  }
  byId('login').hidden = !isLocked;
  note.hidden = error === null || isLocked;
  note.textContent = error?.message ?? '';
  if (isLocked) for (const name of Object.keys(VIEWS)) byId(name).hidden = true;
}

function show() {
  // Anybody may write an address: `#constructor` is no view.
  const [, name, said] = /^#([^?]*)(?:\?(.*))?$/.exec(location.hash) ?? [];
  const wanted = Object.hasOwn(VIEWS, name ?? '') ? name : 'sessions';
  end();
  if (isLocked) return;
  for (const name of Object.keys(VIEWS)) {
    byId(name).hidden = name !== wanted;
    const tab = byId(`tab-${name}`);
    if (name === wanted) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  end = VIEWS[wanted](trouble, said);
}

byId('login-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const token = new FormData(event.target).get('token');
  event.target.reset();
  try {
    await ask('api/login', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
    isLocked = false;
    trouble(null);
    show();
  } catch (error) {
    byId('login-why').textContent = error.status === 401 ? 'That is not the token.' : error.message;
  }
});

addEventListener('hashchange', show);
addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.matches('input, select')) return;
  event.preventDefault();
  byId('filter').elements.user.focus();
});
show();
