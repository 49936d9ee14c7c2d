// Whether the viewer has let the recorded site be asked for its pictures and styles. A link can't say so: whoever wrote it may be the one who is recorded.

/** Where this tab keeps the session whose site may be asked. Pages of other sites can't reach it. */
const ALLOWED = 'takeup-assets';

/** Whether the switch of this session's page was set in this tab. */
export function isAllowed(session) {
  try {
    return sessionStorage.getItem(ALLOWED) === session;
  } catch {
    return false;
  }
}

/** Loads the page again, with another policy, which a page has from the beginning. Returns false if the browser keeps nothing for this page. */
export function loadAgain(session, assets) {
  try {
    if (assets) sessionStorage.setItem(ALLOWED, session);
    else sessionStorage.removeItem(ALLOWED);
  } catch {
    if (assets) return false;
  }
  const address = new URL(location.href);
  if (assets) address.searchParams.set('assets', '1');
  else address.searchParams.delete('assets');
  location.replace(address);
  return true;
}
