// The keyboard.

/** Calls what a key stands for, unless it is meant for a field or a button. */
export function onKeys(actions) {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.matches('input, select, textarea')) {
      if (event.key === 'Escape') target.blur();
      // A box is ticked by space alone.
      if (!target.matches('[type=checkbox]') || event.key === ' ') return;
    }
    const pressing = event.key === ' ' && target.closest('button, summary, a');
    const scrolling = ['ArrowUp', 'ArrowDown'].includes(event.key);
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || pressing || scrolling) return;
    event.preventDefault();
    action();
  });
}
