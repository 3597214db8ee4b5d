// @ts-check
/** What has not been read, by this browser's memory of when each conversation was last looked at. */

import { isSpoken } from "./model.js";
import { markSeen, seenAt } from "./prefs.js";
import { state } from "./store.js";

/** How many messages of others came since. @param {import("./model.js").Conversation} c */
export function unread(c) {
  const since = seenAt(c.id);
  const messages = state.threads.get(c.id)?.messages ?? [];
  return messages.filter((m) => m.author !== c.persona && isSpoken(m) && m.committed_at > since).length;
}

/** Remembers that everything here has been seen. @param {import("./model.js").Conversation} c */
export function seeAll(c) {
  const last = state.threads.get(c.id)?.messages.findLast((m) => !m.pending);
  if (last && !document.hidden) markSeen(c.id, last.committed_at);
}
