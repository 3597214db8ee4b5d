// @ts-check
/** Finding messages by their words, and going to one of them. */

import { get } from "./api.js";
import { jumpTo } from "./elements/message.js";
import { currentPersona } from "./model.js";
import { go } from "./router.js";
import { loadOlder, thread } from "./sync.js";

/**
 * @typedef {{ message: string, conversation: string, author_name: string, ours: boolean,
 *   sent_at: string, excerpt: { text: string, hit: boolean }[] }} Found
 */

/** Shorter questions find nearly everything. */
const LETTERS_MIN = 2;
const SHOWN_MAX = 6;
/** Pages that are fetched to get back to an old message; the reader can go on by scrolling. */
const PAGES_MAX = 200;

/** How long the page may take to draw the conversation. */
const FRAMES_MAX = 300;

/** The newest messages with these words, or none. @param {string} words @returns {Promise<Found[]>} */
export async function findMessages(words) {
  if (words.trim().length < LETTERS_MIN) return [];
  const us = currentPersona();
  const query = new URLSearchParams({ q: words, limit: String(SHOWN_MAX) });
  if (us) query.set("persona", us.id);
  /** @type {Found[]} */
  const found = [];
  for (;;) {
    const page = await get(`/v1/search?${query}`);
    found.push(...page.results);
    if (found.length > 0 || page.next === null) return found;
    query.set("before", String(page.next));
  }
}

/** Opens a conversation at a message. @param {string} conversation @param {string} message */
export async function showMessage(conversation, message) {
  go("conversations", conversation);
  const record = thread(conversation);
  const here = () => record.messages.some((m) => m.id === message);
  for (let page = 0; page < PAGES_MAX && !here() && !record.complete; page += 1) {
    if (record.loading) await drawn();
    else await loadOlder(conversation);
  }
  for (let frame = 0; frame < FRAMES_MAX && !jumpTo(message); frame += 1) await drawn();
}

/** When the page has been drawn. */
const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
