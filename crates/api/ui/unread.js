// @ts-check
/** What has not been read, by this browser's memory of when each conversation was last looked at. */

import { isSpoken } from "./model.js";
import { markSeen, seenAt } from "./prefs.js";
import { state, update } from "./store.js";

/**
 * How many messages of others came since; at least one as long as the thread is not here to count.
 * @param {import("./model.js").Conversation} c
 */
export function unread(c) {
  const since = seenAt(c.id);
  const isNews = (/** @type {import("./model.js").LastMessage} */ m) =>
    m.author !== c.persona && isSpoken(m) && m.committed_at > since;
  const thread = state.threads.get(c.id);
  const counted = thread?.messages.filter(isNews).length ?? 0;
  if (counted > 0 || thread?.fetched) return counted;
  return c.last_message && isNews(c.last_message) ? 1 : 0;
}

/** Remembers that everything here has been seen. @param {import("./model.js").Conversation} c */
export function seeAll(c) {
  const last = state.threads.get(c.id)?.messages.findLast((m) => !m.pending);
  // The badges may have been drawn already.
  if (last && !document.hidden && markSeen(c.id, last.committed_at)) update();
}
