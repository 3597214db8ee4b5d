// @ts-check
/** One conversation: its head, what was said, and the box to say more. */

import { attach } from "../attachments.js";
import { openNewProposal } from "../dialogs/proposal.js";
import { h } from "../dom.js";
import { conversationAvatar } from "../elements/avatar.js";
import { membersPanel, panelOpen, togglePanel } from "../elements/members.js";
import { messageBubble } from "../elements/message.js";
import { inquiryCard } from "../elements/inquiry.js";
import { proposalCard } from "../elements/proposal.js";
import { protocolRun } from "../elements/protocol.js";
import { empty, skeleton } from "../elements/parts.js";
import { composer } from "../elements/composer.js";
import { count, dayName } from "../format.js";
import { icon } from "../icons.js";
import { inquiry, isSpoken, others, titleOf } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";
import { loadOlder } from "../sync.js";
import { seeAll } from "../unread.js";

/** @typedef {import("../model.js").Conversation} Conversation */
/** @typedef {import("../model.js").Message} Message */
/** @typedef {import("../model.js").Proposal} Proposal */

/** Messages of one author closer together than this share one head. */
const RUN_MS = 5 * 60_000;
/** Nearer to the end than this, new messages pull the view along. */
const NEAR_END_PX = 120;

/** @param {Conversation} c */
export function threadView(c) {
  seeAll(c);
  const record = state.threads.get(c.id);
  if (!record || !(record.fetched || record.loading || record.failed)) loadQuietly(c.id);
  const panel = panelOpen();
  return h("div", { class: panel ? "thread with-panel" : "thread" },
    h("div", {
      class: "thread-main",
      ondragover: (/** @type {DragEvent} */ e) => {
        if (c.active && e.dataTransfer?.types.includes("Files")) e.preventDefault();
      },
      ondrop: (/** @type {DragEvent} */ e) => {
        const files = [...(e.dataTransfer?.files ?? [])];
        if (!c.active || files.length === 0) return;
        e.preventDefault();
        attach(c, files);
      },
    }, head(c, panel), log(c), composer(c)),
    panel && membersPanel(c));
}

/** A failure shows in the thread itself. @param {string} conversation */
const loadQuietly = (conversation) => void loadOlder(conversation).catch(() => {});

/** @param {Conversation} c @param {boolean} panel */
function head(c, panel) {
  const rest = others(c);
  const online = rest.filter((m) => m.online).length;
  const words = c.kind === "direct"
    ? (online > 0 ? "online" : "not connected now; messages wait until it is")
    : `${count(c.members.length, "member")}, ${online + 1} online`;
  return h("header", { class: "pane-head thread-head" },
    h("a", { class: "icon-button back", href: href("conversations"), "aria-label": "Back to the list" }, icon("back")),
    conversationAvatar(c, rest),
    h("div", { class: "thread-title" }, h("h2", { class: "truncate" }, titleOf(c)), h("span", { class: "muted small truncate" }, words)),
    c.active && h("button", { class: "button small propose", type: "button", "aria-label": "New proposal", onclick: () => openNewProposal(c.id), "data-testid": "proposal-new" },
      icon("vote", 18), h("span", null, "Propose")),
    h("button", { class: "icon-button", type: "button", "aria-label": "Members and encryption", title: "Members and encryption", "aria-expanded": panel ? "true" : "false", onclick: togglePanel, "data-testid": "members-toggle" }, icon("people")));
}

/** @param {Conversation} c */
function log(c) {
  const record = state.threads.get(c.id);
  const asked = (state.proposals ?? []).filter((p) => p.conversation === c.id && p.persona === c.persona);
  const messages = record?.messages ?? [];
  const waiting = !record || (!record.failed && !record.fetched && messages.length === 0);
  return h("div", {
    class: "log", key: c.id, role: "log", "aria-label": "Messages", tabindex: "0",
    onscroll: (/** @type {any} */ e) => onScroll(e.target, c.id), after: (/** @type {HTMLElement} */ el) => follow(el, c.id),
  },
  h("div", { class: "log-inner" },
    waiting && skeleton(4, "Loading messages"),
    record?.loading && messages.length > 0 && h("p", { class: "log-more loading muted small", role: "status" }, "Loading earlier messages…"),
    record?.complete && h("p", { class: "log-start muted small" }, icon("lock", 16), "Encrypted from end to end. Only the members' nodes can read it."),
    record?.failed && h("p", { class: "log-more", role: "alert" }, "Earlier messages could not be loaded.",
      h("button", { class: "link", type: "button", onclick: () => loadQuietly(c.id) }, "Try again")),
    record?.complete && messages.length === 0 && asked.length === 0 && empty({ icon: "chat", title: "Say hello", words: "Nothing has been said here yet." }),
    entries(c, messages, asked)));
}

/**
 * Messages in their order: a proposal as its card, other protocol messages gathered into runs.
 * @param {Conversation} c @param {Message[]} messages @param {Proposal[]} asked
 */
function entries(c, messages, asked) {
  const nodes = [];
  let day = "";
  /** @type {Message[]} */
  let run = [];
  /** @type {Message | null} */
  let previous = null;
  const flush = () => {
    if (run.length > 0) nodes.push(protocolRun(run));
    run = [];
  };
  for (const message of messages) {
    const proposal = message.kind === "proposal" ? asked.find((p) => p.id === message.proposal) : undefined;
    const today = dayName(message.pending ? new Date().toISOString() : message.committed_at);
    if (today !== day) {
      flush();
      day = today;
      previous = null;
      nodes.push(h("div", { class: "day", key: `day-${today}`, role: "separator" }, h("span", null, today)));
    }
    const inquired = message.kind === "inquiry" ? inquiry(message.id) : null;
    if (inquired) {
      flush();
      previous = null;
      nodes.push(h("div", { class: "log-proposal", key: `i-${inquired.id}` }, inquiryCard(inquired, { linked: true })));
    } else if (proposal) {
      flush();
      previous = null;
      nodes.push(h("div", { class: "log-proposal", key: `p-${proposal.id}` }, proposalCard(proposal, { linked: true })));
    } else if (!isSpoken(message)) {
      run.push(message);
      previous = null;
    } else {
      flush();
      const joined = previous !== null && previous.author === message.author &&
        Date.parse(message.committed_at) - Date.parse(previous.committed_at) < RUN_MS;
      nodes.push(messageBubble(c, message, joined));
      previous = message;
    }
  }
  flush();
  return nodes;
}

/**
 * `stick`: the view follows the end. `first` and `height`: the oldest message and the height at the
 * last redraw, by which older messages put above are noticed.
 * @typedef {{ stick: boolean, height: number, first: string | undefined }} Place
 */

/** Where each log was when it was last touched by the owner. @type {WeakMap<HTMLElement, Place>} */
const places = new WeakMap();

/** @param {HTMLElement} el @param {string} conversation */
function onScroll(el, conversation) {
  const stick = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END_PX;
  places.set(el, { height: el.scrollHeight, first: undefined, ...places.get(el), stick });
  if (el.scrollTop < 200) loadQuietly(conversation);
}

/** After a redraw: stay at the end, or where the reader was. @param {HTMLElement} el @param {string} conversation */
function follow(el, conversation) {
  const record = state.threads.get(conversation);
  const first = record?.messages[0]?.id;
  const place = places.get(el) ?? { stick: true, height: 0, first };
  if (place.stick) el.scrollTop = el.scrollHeight;
  else if (place.first !== first) el.scrollTop += el.scrollHeight - place.height;
  places.set(el, { stick: place.stick, height: el.scrollHeight, first });
  // Folded protocol messages may leave a page of fifty half empty, with nothing to scroll.
  if (record?.fetched && !record.failed && el.scrollHeight <= el.clientHeight) loadQuietly(conversation);
}
