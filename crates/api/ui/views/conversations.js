// @ts-check
/** Conversations: the list on the left, one of them on the right. */

import { openNewConversation } from "../dialogs/conversation.js";
import { h } from "../dom.js";
import { conversationAvatar } from "../elements/avatar.js";
import { badge, empty, skeleton } from "../elements/parts.js";
import { listTime } from "../format.js";
import { icon } from "../icons.js";
import { conversation, conversations, lastActivity, lastMessage, others, titleOf } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";
import { unread } from "../unread.js";
import { threadView } from "./thread.js";

/** @param {import("../router.js").Route} route */
export function conversationsView(route) {
  const open = route.id ? conversation(route.id) : null;
  const none = state.conversations !== null && conversations().length === 0;
  return h("div", { class: none && !route.id ? "split split-empty" : "split" },
    h("section", { class: "list-pane", "aria-label": "Conversations" },
      h("header", { class: "pane-head" }, h("h1", null, "Conversations"),
        h("button", { class: "icon-button", type: "button", "aria-label": "New conversation", title: "New conversation (n)", "data-testid": "conversation-new",
          onclick: () => openNewConversation() }, icon("plus"))),
      list(route.id)),
    h("section", { class: "detail-pane", "aria-label": open ? titleOf(open) : "No conversation open", key: route.id ?? "none" },
      open ? threadView(open) : placeholder(route.id)));
}

/** @param {string | null} openId */
function list(openId) {
  if (state.conversations === null) return skeleton(7, "Loading conversations");
  const all = conversations();
  if (all.length === 0) {
    return empty({ icon: "chat", title: "No conversations", words: "Talk to a contact yourself, or ask your persona for something: it opens what it needs.",
      action: h("button", { class: "button primary", type: "button", onclick: () => openNewConversation() }, icon("plus", 18), "New conversation") });
  }
  return h("ul", { class: "items" }, all.map((c) => item(c, c.id === openId)));
}

/** @param {import("../model.js").Conversation} c @param {boolean} here */
function item(c, here) {
  const last = lastMessage(c);
  const fresh = here ? 0 : unread(c);
  const who = last === null ? "" : last.author === c.persona ? "You: " : c.kind === "group" ? `${last.author_name.split(" ")[0]}: ` : "";
  return h("li", { key: c.id },
    h("a", { class: `item${fresh > 0 ? " fresh" : ""}`, href: href("conversations", c.id), "aria-current": here ? "true" : undefined, "data-testid": "conversation-item", "data-conversation": c.id },
      conversationAvatar(c, others(c)),
      h("span", { class: "item-words" },
        h("span", { class: "item-line" },
          h("span", { class: "item-title truncate" }, titleOf(c)),
          h("time", { class: "item-time", datetime: lastActivity(c) }, listTime(lastActivity(c)))),
        h("span", { class: "item-line" },
          h("span", { class: "item-preview truncate" }, c.rejoin && c.rejoin.state !== "back" ? c.rejoin.words : last ? who + (last.text || "deleted a message") : c.active ? "Nothing said yet" : "You are no longer in it"),
          badge(fresh, "unread")))));
}

/** @param {string | null} id */
function placeholder(id) {
  if (state.conversations === null) return skeleton(4);
  return id
    ? empty({ icon: "chat", title: "This conversation is not here", words: "It belongs to another persona, or the link is wrong.", action: h("a", { class: "button", href: href("conversations") }, "All conversations") })
    : empty({ icon: "chat", title: "Choose a conversation", words: "Press j and k to walk through the list, n to start a new one." });
}
