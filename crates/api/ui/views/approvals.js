// @ts-check
/** What waits for the owner's word. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { empty, page, skeleton } from "../elements/parts.js";
import { toast, toastError } from "../elements/toast.js";
import { icon } from "../icons.js";
import { approvalsDue, nameOf } from "../model.js";
import { state, update } from "../store.js";
import { refresh } from "../sync.js";

/** @typedef {import("../model.js").Approval} Approval */

/** @type {Record<string, { icon: string, words: string, allow: string, deny: string }>} */
const KINDS = {
  contact: { icon: "userPlus", words: "Contact request", allow: "Accept", deny: "Decline" },
  availability: { icon: "calendar", words: "Asks for your availability", allow: "Share times", deny: "Decline" },
  vote: { icon: "vote", words: "A vote in your name", allow: "Vote so", deny: "Do not vote" },
  booking: { icon: "calendar", words: "An entry in your calendar", allow: "Book it", deny: "Do not book" },
};
const OTHER = { icon: "inbox", words: "Asks for permission", allow: "Allow", deny: "Deny" };

/** @type {Set<string>} */
const answering = new Set();

/** @param {Approval} a @param {"allow" | "deny"} decision */
async function answer(a, decision) {
  answering.add(a.id);
  update();
  try {
    await post(`/v1/approvals/${a.id}`, { decision });
    toast(decision === "allow" ? "Allowed" : "Denied", decision === "allow" ? "Your persona goes on at once." : "Nothing was shared or promised.");
    await refresh("approvals");
    if (a.kind === "contact") refresh("contacts");
  } catch (error) {
    toastError("Your answer did not count", error);
    refresh("approvals");
  } finally {
    answering.delete(a.id);
    update();
  }
}

export function approvals() {
  const head = { title: "Approvals", words: "What your personas may not do without your word." };
  if (state.approvals === null) return page(head, skeleton(3));
  const due = approvalsDue();
  if (due.length === 0) {
    return page(head, empty({
      icon: "shield", title: "Nothing waits for you",
      words: "When someone asks for your times, your vote or your friendship and your settings do not answer it, the question comes here.",
      action: h("a", { class: "button", href: "#/settings" }, icon("settings", 18), "What may happen without me"),
    }));
  }
  return page(head, h("ul", { class: "approvals" }, due.map(card)));
}

/** @param {Approval} a */
function card(a) {
  const kind = KINDS[a.kind] ?? OTHER;
  const busy = answering.has(a.id);
  return h("li", { class: "panel approval", key: a.id, "data-testid": "approval" },
    h("span", { class: "approval-icon" }, a.from
      ? avatar({ persona: a.from, name: a.from_name ?? nameOf(a.from) })
      : h("span", { class: "empty-icon small" }, icon(kind.icon))),
    h("div", { class: "approval-words" },
      h("span", { class: "approval-kind" }, icon(kind.icon, 16), kind.words,
        (state.personas?.length ?? 0) > 1 && ` · for ${nameOf(a.persona)}`),
      h("p", null, a.summary),
      h("span", { class: "muted small" }, h("time-ago", { at: a.created_at }), " · ", h("count-down", { to: a.expires_at, over: "expired" }))),
    h("div", { class: "approval-actions" },
      h("button", { class: "button", type: "button", disabled: busy, onclick: () => answer(a, "deny"), "data-testid": "approval-deny" }, kind.deny),
      h("button", { class: "button primary", type: "button", disabled: busy, onclick: () => answer(a, "allow"), "data-testid": "approval-allow" }, kind.allow)));
}
