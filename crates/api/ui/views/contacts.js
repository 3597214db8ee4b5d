// @ts-check
/** The people one's persona knows. */

import { openAddContact, openInvite } from "../dialogs/contact.js";
import { openDirect, openNewConversation } from "../dialogs/conversation.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { chip, copy, empty, page, skeleton } from "../elements/parts.js";
import { icon } from "../icons.js";
import { contacts as all, friends, shortId } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";

/** @typedef {import("../model.js").Contact} Contact */

/** @type {Record<string, { words: string, tone: "ok" | "plain" | "danger" | "warn", title: string }>} */
const TIERS = {
  operator: { words: "You", tone: "ok", title: "You are the owner." },
  trusted: { words: "Trusted", tone: "ok", title: "You rely on this contact: it gets answers even with strict privacy." },
  known: { words: "Known", tone: "plain", title: "An accepted contact." },
  unknown: { words: "Unknown", tone: "warn", title: "Never met. It gets nothing but a question to you." },
  blocked: { words: "Blocked", tone: "danger", title: "Nothing from this contact reaches you." },
};

export function contacts() {
  const actions = [
    h("button", { class: "button", type: "button", onclick: () => openAddContact(), "data-testid": "contact-add" }, icon("userPlus", 18), "Add contact"),
    h("button", { class: "button primary", type: "button", onclick: openInvite, "data-testid": "contact-invite" }, icon("link", 18), "Invite"),
  ];
  const head = { title: "Contacts", words: "Personas yours may talk to.", actions };
  if (state.contacts === null) return page(head, skeleton(5));
  const known = all();
  if (known.length === 0) {
    return page({ title: "Contacts" }, empty({
      icon: "people", title: "Nobody here yet",
      words: "Make an invite link and send it to a friend, or paste one you were sent.", action: actions,
    }));
  }
  const asking = known.filter((c) => c.state === "pending");
  const asked = known.filter((c) => c.state === "requested");
  const met = known.filter((c) => c.state === "established");
  return page(head,
    section("Want to be contacts", asking, () => h("a", { class: "button small primary", href: href("approvals") }, "Answer")),
    section("", met, (c) => c.tier !== "blocked" && h("button", {
      class: "button small", type: "button", onclick: () => openDirect(c.persona), "data-testid": "contact-message",
    }, icon("chat", 16), h("span", null, "Message"))),
    section("Waiting for their answer", asked, () => h("span", { class: "muted small" }, "Asked")),
    friends().length > 1 && h("p", { class: "page-note" },
      h("button", { class: "button ghost", type: "button", onclick: () => openNewConversation(friends().map((c) => c.persona)) },
        icon("people", 18), "Start a group with everyone")));
}

/** @param {string} title @param {Contact[]} list @param {(c: Contact) => import("../dom.js").Child} action */
const section = (title, list, action) =>
  list.length > 0 && h("section", { key: title },
    title && h("h2", { class: "section-title" }, title),
    h("ul", { class: "panel rows" }, list.map((c) => row(c, action(c)))));

/** @param {Contact} c @param {import("../dom.js").Child} action */
function row(c, action) {
  const tier = TIERS[c.tier] ?? { words: c.tier, tone: "plain", title: "" };
  return h("li", { class: "row", key: c.persona, "data-testid": "contact" },
    avatar(c, { title: false }),
    h("div", { class: "row-words" },
      h("span", { class: "row-title" }, h("strong", { class: "truncate" }, c.name), h("span", { title: tier.title }, chip(tier.words, tier.tone))),
      h("span", { class: "row-line muted small" },
        h("span", null, c.handle),
        h("span", null, c.online ? (c.path === "relayed" ? "online, through a relay" : "online") : c.last_seen ? ["seen ", h("time-ago", { at: c.last_seen })] : "not seen yet"))),
    h("button", { class: "plain key-button muted", type: "button", title: "Copy the full key", onclick: () => copy(c.persona, "Key") }, shortId(c.persona)),
    h("div", { class: "row-action" }, action));
}
