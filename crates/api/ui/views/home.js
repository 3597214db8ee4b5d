// @ts-check
/** Home: ask the persona for something, and see what waits for you. */

import { openInvite } from "../dialogs/contact.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { taskCard } from "../elements/task.js";
import { skeleton } from "../elements/parts.js";
import { askBox } from "../elements/ask.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { approvalsDue, ballotsDue, currentPersona, friends, tasks } from "../model.js";
import { href } from "../router.js";
import { state } from "../store.js";

const OVER = new Set(["done", "failed"]);

export function home() {
  const us = currentPersona();
  if (!us) return skeleton(4);
  const all = tasks();
  const running = all.filter((t) => !OVER.has(t.state));
  const past = all.filter((t) => OVER.has(t.state));
  return h("div", { class: "page home" },
    h("div", { class: "page-inner" },
      h("h1", { class: "greeting" }, `${partOfDay()}.`, h("span", null, ` What should ${us.name} do for you?`)),
      askBox(us),
      waiting(),
      state.contacts !== null && friends().length === 0 && meetSomeone(),
      state.tasks === null ? skeleton(2) : [
        running.length > 0 && h("section", { "aria-label": "Under way" }, h("h2", { class: "section-title" }, "Under way"), running.map((t) => taskCard(t, true))),
        past.length > 0 && h("section", { "aria-label": "Done before" }, h("h2", { class: "section-title" }, running.length ? "Before" : "Lately"), past.map((t, i) => taskCard(t, running.length === 0 && i === 0))),
      ],
      onlineNow()));
}

function partOfDay() {
  const hour = new Date().getHours();
  if (hour < 5) return "Good night";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}

/** What needs the owner's word, as links. */
function waiting() {
  const approvals = approvalsDue();
  const ballots = ballotsDue();
  if (approvals.length + ballots.length === 0) return null;
  const row = (/** @type {string} */ to, /** @type {string} */ name, /** @type {string} */ title, /** @type {string} */ words, /** @type {string} */ until) =>
    h("a", { class: "waiting-row", href: to, key: to + title },
      h("span", { class: "waiting-icon" }, icon(name)),
      h("span", { class: "waiting-text" }, h("strong", null, title), h("span", { class: "muted truncate" }, words)),
      h("count-down", { class: "countdown", to: until, over: "closing" }),
      icon("right", 18));
  return h("section", { class: "waiting-list", "aria-label": "Waiting for you" },
    h("h2", { class: "section-title" }, "Waiting for you"),
    ballots.map((p) => row(href("decisions", p.id), "vote", p.question, `Your ballot, ${count(p.cast, "vote")} so far`, p.deadline)),
    approvals.slice(0, 3).map((a) => row(href("approvals"), "inbox", a.summary, a.from_name ? `Asked by ${a.from_name}` : "Your persona asks", a.expires_at)));
}

const meetSomeone = () =>
  h("section", { class: "panel meet" },
    h("div", null,
      h("h2", null, "Your persona knows nobody yet"),
      h("p", { class: "muted" }, "Send a friend an invite link. Once they open it, your personas can talk, find times and vote.")),
    h("button", { class: "button primary", type: "button", onclick: openInvite }, icon("link", 18), "Make an invite"));

function onlineNow() {
  const online = friends().filter((c) => c.online);
  if (online.length === 0) return null;
  return h("section", { class: "online-now", "aria-label": "Online now" },
    h("h2", { class: "section-title" }, "Online now"),
    h("ul", null, online.map((c) =>
      h("li", { key: c.persona }, avatar(c, { size: "s", title: false }), h("span", null, c.name)))));
}
