// @ts-check
/**
 * What the page knows. One object, changed in one way (`update`), and one redraw per frame however
 * many changes there were.
 */

/** @typedef {import("./model.js").State} State */

/** @type {State} */
export const state = {
  session: "unknown",
  live: "connecting",
  persona: null,
  personas: null,
  contacts: null,
  conversations: null,
  proposals: null,
  inquiries: null,
  tasks: null,
  approvals: null,
  network: null,
  queue: null,
  audit: null,
  tokens: null,
  mandates: new Map(),
  threads: new Map(),
};

/** @type {Set<() => void>} */
const watchers = new Set();
let scheduled = false;

/**
 * Changes the state and asks for a redraw.
 * @param {Partial<State>} [change]
 */
export function update(change) {
  if (change) Object.assign(state, change);
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    for (const watcher of [...watchers]) watcher();
  });
}

/**
 * Calls `watcher` after changes, at most once a frame. Returns how to stop.
 * @param {() => void} watcher
 */
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
