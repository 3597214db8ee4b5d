// @ts-check
/** What still waits for somebody's node to wake, who holds it meanwhile, and what can be done. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { chip, empty, page, skeleton } from "../elements/parts.js";
import { toast, toastError } from "../elements/toast.js";
import { ago, count, exactTime } from "../format.js";
import { icon } from "../icons.js";
import { nameOf } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";

/** @typedef {import("../model.js").Waiting} Waiting */
/** @typedef {import("../model.js").Queued} Queued */

export function outbox() {
  const actions = h("button", { class: "button", type: "button", onclick: () => refresh("queue") }, icon("refresh", 18), "Refresh");
  const head = { title: "Outbox", words: "What waits for somebody's node to wake. It is on your disk, and leaves by itself.", actions };
  const queue = state.queue;
  if (queue === null) return page(head, skeleton(3));
  if (queue.recipients.length === 0) {
    return page(head, empty({ icon: "checks", title: "Nothing waits", words: "Everything you sent has arrived." }));
  }
  return page(head,
    h("ul", { class: "panel rows", "data-testid": "outbox" }, queue.recipients.map(waiting)),
    queue.messages.length > 0 && h("h2", { class: "section-title" }, count(queue.messages.length, "message")),
    queue.messages.length > 0 && h("ul", { class: "panel rows" }, queue.messages.map(queued)));
}

/** @param {Waiting} w */
const waiting = (w) =>
  h("li", { class: "row", key: w.recipient },
    avatar({ persona: w.recipient, name: w.name }, { title: false }),
    h("div", { class: "row-words" },
      h("span", { class: "row-title" }, h("strong", { class: "truncate" }, w.name), held(w)),
      h("span", { class: "row-line muted small" },
        h("span", { title: exactTime(w.oldest_at) }, `${count(w.envelopes, "envelope")}, the oldest from ${ago(w.oldest_at)}`),
        h("span", null, presence(w)))),
    h("button", { class: "button", type: "button", onclick: () => retry(w) }, icon("refresh", 16), "Try now"));

/** @param {Waiting} w */
function held(w) {
  if (w.mailboxes === 0) return chip("no mailbox", "warn");
  if (w.stored === 0) return null;
  return chip(w.stored === w.envelopes ? "held by mailboxes" : `${w.stored} of ${w.envelopes} held by mailboxes`, "ok");
}

/** @param {Waiting} w */
function presence(w) {
  if (w.online) return "its node is connected";
  return w.last_seen_at ? `its node was last seen ${ago(w.last_seen_at)}` : "its node has not been seen since yours started";
}

/** @param {Queued} q */
const queued = (q) =>
  h("li", { class: "row", key: q.message },
    h("div", { class: "row-words" },
      h("a", { class: "row-title", href: href("conversations", q.conversation) }, textOf(q)),
      h("span", { class: "row-line muted small" },
        h("span", { title: exactTime(q.created_at) }, ago(q.created_at)),
        h("span", null, `for ${q.waiting.map(nameOf).join(", ")}`))),
    q.cancellable
      ? h("button", { class: "button", type: "button", onclick: () => cancel(q) }, "Take back")
      : h("span", { class: "muted small", title: "A copy has already left for a node or a mailbox." }, "on its way"));

/** @param {Queued} q */
function textOf(q) {
  const known = state.threads.get(q.conversation)?.messages.find((m) => m.id === q.message);
  return known?.text ?? "Message";
}

/** @param {Waiting} w */
async function retry(w) {
  try {
    await post(`/v1/queue/${encodeURIComponent(w.recipient)}/retry`, {});
    toast(`Trying to reach ${w.name}`);
  } catch (error) {
    toastError("It could not be tried", error);
  }
  await refresh("queue");
}

/** @param {Queued} q */
async function cancel(q) {
  try {
    await post(`/v1/messages/${q.message}/cancel`, {});
    toast("Taken back", "Nobody got a copy.");
  } catch (error) {
    toastError("It could not be taken back", error);
  }
  await refresh("queue");
}
