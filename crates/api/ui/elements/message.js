// @ts-check
/** One message as a bubble, with what became of it. */

import { openActions, openHistory } from "../dialogs/message.js";
import { h } from "../dom.js";
import { exactTime, timeOfDay } from "../format.js";
import { icon } from "../icons.js";
import { nameOf } from "../model.js";
import { state, update } from "../store.js";
import { forget, react, say } from "../sync.js";
import { avatar, hueOf } from "./avatar.js";
import { fileCard } from "./file.js";
import { toastError } from "./toast.js";

/** @typedef {import("../model.js").Message} Message */

/** The message whose deliveries are shown. @type {string | null} */
let opened = null;

/**
 * @param {import("../model.js").Conversation} c
 * @param {Message} m
 * @param {boolean} joined Whether it continues the message before.
 */
export function messageBubble(c, m, joined) {
  const own = m.author === c.persona;
  const named = !own && c.kind === "group" && !joined;
  return h("div", { class: `message${own ? " own" : ""}${joined ? " joined" : ""}${m.pending ? ` ${m.pending}` : ""}`, key: m.key ?? m.id, "data-testid": "message", "data-message": m.id },
    !own && (joined ? h("span", { class: "avatar-space" }) : avatar({ persona: m.author, name: m.author_name }, { size: "s" })),
    h("div", { class: "bubble-column" },
      named && h("span", { class: "author", style: { "--hue": hueOf(m.author) } }, m.author_name),
      h("div", { class: "bubble" },
        !named && h("span", { class: "visually-hidden" }, own ? "You: " : `${m.author_name}: `),
        m.reply_to && quote(c, m),
        m.deleted_at ? h("span", { class: "bubble-text gone" }, icon("trash", 14), own ? "You deleted this message" : "This message was deleted")
          : [m.file && fileCard(m.file), (!m.file || m.file.caption) && h("span", { class: "bubble-text" }, linked(m.file ? m.file.caption : m.text))],
        h("span", { class: "bubble-meta" },
          m.edited_at && h("button", { class: "edited", type: "button", title: `Edited ${exactTime(m.edited_at)}. Show what it said`, onclick: () => openHistory(m) }, "edited"),
          h("time", { datetime: m.sent_at, title: exactTime(m.sent_at) }, timeOfDay(m.sent_at)),
          own && ticks(m))),
      reactions(c, m),
      m.pending === "refused" && refused(c, m),
      own && opened === m.id && deliveries(m)),
    c.active && !m.pending && !m.deleted_at && h("button", {
      class: "icon-button message-more", type: "button", "aria-label": `Reply, react and more: ${m.text.slice(0, 60)}`, title: "Reply, react and more",
      "aria-haspopup": "dialog", "data-testid": "message-more", onclick: () => openActions(c, m),
    }, icon("more", 18)));
}

/** The message it answers, as a way there. @param {import("../model.js").Conversation} c @param {Message} m */
function quote(c, m) {
  const there = state.threads.get(c.id)?.messages.find((other) => other.id === m.reply_to);
  const from = there ?? m.quoted;
  const gone = there ? Boolean(there.deleted_at) : m.quoted?.text === "";
  return h("button", { class: "quote", type: "button", "data-testid": "quote", onclick: () => jumpTo(m.reply_to ?? "") },
    h("span", { class: "visually-hidden" }, "In reply to "),
    h("strong", null, from ? (from.author === c.persona ? "You" : from.author_name) : "An earlier message"),
    h("span", { class: "truncate" }, gone ? "This message was deleted" : from?.text ?? "It has not reached this node"));
}

/** Shows a message of the open conversation; whether it is there. @param {string} id */
export function jumpTo(id) {
  const el = document.querySelector(`[data-message="${CSS.escape(id)}"]`);
  el?.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  el?.classList.add("pointed-out");
  setTimeout(() => el?.classList.remove("pointed-out"), 1_600);
  return el !== null;
}

/** @param {import("../model.js").Conversation} c @param {Message} m */
function reactions(c, m) {
  const all = m.reactions ?? [];
  return all.length > 0 && h("div", { class: "reactions" }, all.map((r) => {
    const ours = r.by.includes(c.persona);
    const who = r.by.map((id) => (id === c.persona ? "you" : nameOf(id))).join(", ");
    return h("button", {
      class: "reaction", type: "button", key: r.emoji, "aria-pressed": ours ? "true" : "false", "aria-label": `${r.emoji} by ${who}`, title: who, disabled: !c.active,
      "data-testid": "reaction", onclick: () => react(c, m, r.emoji, !ours).catch((error) => toastError("The reaction was not sent", error)),
    }, h("span", { "aria-hidden": "true" }, r.emoji), r.by.length > 1 && h("span", { class: "reaction-count", "aria-hidden": "true" }, r.by.length));
  }));
}

/** Text with its web addresses as links. @param {string} text */
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/).map((part, index) =>
    index % 2 === 1 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}

/** @param {Message} m */
function ticks(m) {
  if (m.pending) return h("span", { class: "ticks", title: m.pending === "sending" ? "Sending" : "Not sent" }, icon(m.pending === "sending" ? "clock" : "warn", 14));
  const all = m.deliveries ?? [];
  if (all.length === 0) return h("span", { class: "ticks", title: "On your node's disk" }, icon("check", 14));
  const arrived = all.filter((d) => d.state === "delivered").length;
  const failed = all.filter((d) => ["failed", "expired", "cancelled"].includes(d.state)).length;
  const stored = all.filter((d) => d.state === "stored").length;
  const words = arrived > 0 ? `Delivered to ${arrived} of ${all.length}`
    : stored > 0 ? "Stored at mailboxes until the others wake"
    : failed === all.length ? "Not delivered" : "Queued: waiting for the others' nodes";
  const complete = arrived + failed === all.length && arrived > 0;
  return h("button", {
    class: `ticks${complete ? " complete" : ""}`, type: "button", title: `${words}. Click for details`, "aria-label": words, "aria-expanded": opened === m.id ? "true" : "false",
    "data-testid": "delivery", "data-state": complete ? "delivered" : arrived > 0 ? "partial" : stored > 0 ? "stored" : "queued",
    onclick: () => {
      opened = opened === m.id ? null : m.id;
      update();
    },
  },
  !complete && all.length > 1 && arrived > 0 && h("span", null, `${arrived}/${all.length}`),
  icon(arrived === 0 ? (failed === all.length ? "warn" : stored > 0 ? "check" : "clock") : complete ? "checks" : "check", 14));
}

/** @type {Record<string, string>} */
const STATES = {
  queued: "queued until its node is connected",
  delivered: "delivered",
  expired: "never came for it in 30 days",
  cancelled: "taken back before it left",
  failed: "left before it arrived",
};

/** @param {import("../model.js").Delivery} d */
const stateOf = (d) =>
  d.mailboxes ? `asleep; held by ${d.mailboxes.held} of ${d.mailboxes.of} mailboxes` : STATES[d.state] ?? d.state;

/** @param {Message} m */
const deliveries = (m) =>
  h("ul", { class: "deliveries" }, m.deliveries.map((d) =>
    h("li", { key: d.recipient },
      avatar({ persona: d.recipient, name: nameOf(d.recipient) }, { size: "xs" }),
      h("span", { class: "truncate" }, nameOf(d.recipient)),
      h("span", { class: "muted" }, stateOf(d), d.state === "delivered" && ` ${timeOfDay(d.at)}`))));

/** What a refused message answered. @param {Message} m @returns {any} */
const replied = (m) => (m.reply_to && m.quoted ? { id: m.reply_to, ...m.quoted } : null);

/** @param {import("../model.js").Conversation} c @param {Message} m */
const refused = (c, m) =>
  h("div", { class: "refusal", role: "alert" }, "Not sent.",
    h("button", { class: "link", type: "button", onclick: () => say(c, m.text, m.key, replied(m)).catch((error) => toastError("Still not sent", error)) }, "Try again"),
    h("button", { class: "link", type: "button", onclick: () => forget(m) }, "Discard"));
