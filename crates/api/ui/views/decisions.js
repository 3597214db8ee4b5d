// @ts-check
/** Decisions: every question put to a vote or only asked, and one of them in full. */

import { openNewInquiry } from "../dialogs/inquiry.js";
import { canPropose, openNewProposal } from "../dialogs/proposal.js";
import { h } from "../dom.js";
import { inquiryCard, inquiryDetails } from "../elements/inquiry.js";
import { phaseChip, proposalCard, proposalDetails } from "../elements/proposal.js";
import { empty, skeleton } from "../elements/parts.js";
import { count, listTime } from "../format.js";
import { icon } from "../icons.js";
import { canVote, conversation, inquiries, inquiry, optionLabels, ourTurn, proposal, proposals, titleOf } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";

/** @typedef {import("../model.js").Proposal} Proposal */

/** @param {import("../router.js").Route} route */
export function decisions(route) {
  const open = route.id ? proposal(route.id) : null;
  const asked = route.id && !open ? inquiry(route.id) : null;
  const none = state.proposals !== null && proposals().length === 0 && inquiries().length === 0;
  return h("div", { class: none && !route.id ? "split split-empty" : "split" },
    h("section", { class: "list-pane", "aria-label": "Decisions" },
      h("header", { class: "pane-head" }, h("h1", null, "Decisions"),
        canPropose() && h("button", { class: "button small", type: "button", title: "Ask without deciding", onclick: () => openNewInquiry(), "data-testid": "inquiry-new" }, icon("help", 18), h("span", null, "Ask")),
        canPropose() && h("button", { class: "icon-button", type: "button", "aria-label": "New proposal", title: "New proposal", onclick: () => openNewProposal(), "data-testid": "proposal-new" }, icon("plus"))),
      list(route.id)),
    h("section", { class: "detail-pane", "aria-label": open?.question ?? asked?.question ?? "No decision open", key: route.id ?? "none" },
      open ? detail(open) : asked ? askedDetail(asked) : placeholder(route.id)));
}

/** @param {string | null} openId */
function list(openId) {
  if (state.proposals === null) return skeleton(6, "Loading decisions");
  const all = proposals();
  if (all.length === 0 && inquiries().length === 0) {
    return empty({
      icon: "vote", title: "Nothing to decide", words: "Put a question to a group. Everyone signs a ballot, and the result comes with a certificate anyone can check.",
      action: canPropose()
        ? h("button", { class: "button primary", type: "button", onclick: () => openNewProposal() }, icon("plus", 18), "New proposal")
        : h("a", { class: "button primary", href: href("conversations") }, "Open a conversation first"),
    });
  }
  const groups = [
    { title: "Your ballot is awaited", items: all.filter(canVote) },
    { title: "Under way", items: all.filter((p) => p.phase !== "decided" && !canVote(p)) },
    { title: "Decided", items: all.filter((p) => p.phase === "decided") },
  ];
  return [
    groups.filter((g) => g.items.length > 0).map((g) => [
      h("h2", { class: "list-title", key: g.title }, g.title),
      h("ul", { class: "items", key: `${g.title}-items` }, g.items.map((p) => item(p, p.id === openId))),
    ]),
    inquiries().length > 0 && [
      h("h2", { class: "list-title", key: "asked" }, "Asked, not binding"),
      h("ul", { class: "items", key: "asked-items" }, inquiries().map((i) => askedItem(i, i.id === openId))),
    ],
  ];
}

/** @param {import("../model.js").Inquiry} i @param {boolean} here */
function askedItem(i, here) {
  const where = conversation(i.conversation);
  return h("li", { key: i.id },
    h("a", { class: "item decision-item", href: href("decisions", i.id), "aria-current": here ? "true" : undefined, "data-testid": "inquiry-item" },
      h("span", { class: "item-words" },
        h("span", { class: "item-title clamp" }, i.question),
        h("span", { class: "item-line muted small" },
          h("span", { class: "truncate" }, where ? titleOf(where) : "", ` · ${i.answered} of ${i.asked.length} answered`),
          ourTurn(i) ? h("strong", null, "your answer") : i.phase === "open" ? h("count-down", { class: "countdown", to: i.deadline, over: "over" }) : h("time", { datetime: i.deadline }, listTime(i.asked_at))))));
}

/** @param {import("../model.js").Inquiry} i */
function askedDetail(i) {
  const where = conversation(i.conversation);
  return h("div", { class: "decision" },
    h("header", { class: "pane-head thread-head" },
      h("a", { class: "icon-button back", href: href("decisions"), "aria-label": "Back to the list" }, icon("back")),
      h("div", { class: "thread-title" },
        h("h2", { class: "truncate" }, where ? titleOf(where) : "Question"),
        h("span", { class: "muted small truncate" }, `${count(i.asked.length, "member")} asked, nothing decided`)),
      where && h("a", { class: "button small", href: href("conversations", where.id) }, icon("chat", 18), h("span", null, "Conversation"))),
    h("div", { class: "decision-body", tabindex: "-1" }, inquiryCard(i), inquiryDetails(i)));
}

/** @param {Proposal} p @param {boolean} here */
function item(p, here) {
  const where = conversation(p.conversation);
  const winners = p.winners.map((w) => optionLabels(p)[w]).filter(Boolean).join(", ");
  return h("li", { key: p.id },
    h("a", { class: "item decision-item", href: href("decisions", p.id), "aria-current": here ? "true" : undefined, "data-testid": "decision-item" },
      h("span", { class: "item-words" },
        h("span", { class: "item-title clamp" }, p.question),
        p.phase === "decided" && p.options.length > 0 && winners && h("span", { class: "item-winner truncate" }, icon("check", 14), winners),
        h("span", { class: "item-line muted small" },
          h("span", { class: "truncate" }, where ? titleOf(where) : "", ` · ${p.cast} of ${p.voters.length} voted`),
          p.phase === "open" ? h("count-down", { class: "countdown", to: p.deadline, over: "closing" })
            : p.phase === "decided" ? h("time", { datetime: p.deadline }, listTime(p.opens_at))
            : phaseChip(p)))));
}

/** @param {Proposal} p */
function detail(p) {
  const where = conversation(p.conversation);
  return h("div", { class: "decision" },
    h("header", { class: "pane-head thread-head" },
      h("a", { class: "icon-button back", href: href("decisions"), "aria-label": "Back to the list" }, icon("back")),
      h("div", { class: "thread-title" },
        h("h2", { class: "truncate" }, where ? titleOf(where) : "Decision"),
        h("span", { class: "muted small truncate" }, `${count(p.voters.length, "member")} decide`)),
      where && h("a", { class: "button small", href: href("conversations", where.id) }, icon("chat", 18), h("span", null, "Conversation"))),
    h("div", { class: "decision-body", tabindex: "-1" }, proposalCard(p), proposalDetails(p)));
}

/** @param {string | null} id */
function placeholder(id) {
  if (state.proposals === null) return skeleton(4);
  return id
    ? empty({ icon: "vote", title: "This decision is not here", words: "It belongs to another persona, or the link is wrong.", action: h("a", { class: "button", href: href("decisions") }, "All decisions") })
    : empty({ icon: "vote", title: "Choose a decision", words: "On the left are the questions your groups decide." });
}
