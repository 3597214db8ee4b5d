// @ts-check
/** A question that binds nobody, as a card: who is asked, what they said, and our own answer. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { exactTime, shareInWords } from "../format.js";
import { icon } from "../icons.js";
import { nameOf, ourTurn } from "../model.js";
import { href } from "../router.js";
import { update } from "../store.js";
import { refresh } from "../sync.js";
import { avatar } from "./avatar.js";
import { chip } from "./parts.js";
import { toastError } from "./toast.js";

/** @typedef {import("../model.js").Inquiry} Inquiry */
/** @typedef {import("../model.js").Asked} Asked */

/** What is written and not sent yet, by inquiry. @type {Map<string, string>} */
const drafts = new Map();
/** @type {Set<string>} */
const answering = new Set();

/** @type {Record<string, { words: string, tone: "accent" | "warn" | "ok" | "plain" }>} */
const PHASES = {
  open: { words: "Open", tone: "accent" },
  complete: { words: "All have answered", tone: "ok" },
  enough: { words: "Over: enough answered", tone: "ok" },
  too_few: { words: "Over: too few answered", tone: "warn" },
};

/** @type {Record<string, string>} */
const STANDINGS = {
  due: "may answer now", next: "has its turn later", passed: "did not answer in its turn, still may", silent: "did not answer",
};

/**
 * @param {Inquiry} i
 * @param {{ linked?: boolean }} [options] `linked` makes the question lead to the decisions page.
 */
export function inquiryCard(i, { linked = false } = {}) {
  const phase = PHASES[i.phase] ?? { words: i.phase, tone: "plain" };
  return h("article", { class: "proposal", "data-testid": "inquiry-card", "data-inquiry": i.id, "aria-label": `Question: ${i.question}` },
    h("header", { class: "proposal-head" },
      avatar({ persona: i.asker, name: nameOf(i.asker) }, { size: "s" }),
      h("span", { class: "muted small" }, `${nameOf(i.asker)} asks${i.way === "sequential" ? " one after another" : ""}`),
      h("span", { class: "spacer" }),
      chip("Not binding", "plain"),
      chip(phase.words, phase.tone),
      i.phase === "open" && h("count-down", { class: "countdown", to: i.turn_ends_at ?? i.deadline, over: i.turn_ends_at ? "next" : "over" })),
    h("h3", { class: "proposal-question" }, linked ? h("a", { href: href("decisions", i.id) }, i.question) : i.question),
    h("ol", { class: "voters" }, i.asked.map(row)),
    ourTurn(i) && answerForm(i),
    h("footer", { class: "proposal-foot" },
      h("span", { class: "muted small", "data-testid": "inquiry-participation" },
        `${i.answered} of ${i.asked.length} answered (${Math.round(100 * i.participation)}%), ${shareInWords(i.enough)} are enough`)));
}

/** @param {Asked} a */
const row = (a) =>
  h("li", { key: a.persona, "data-standing": a.standing },
    avatar(a, { size: "s", title: false }),
    h("span", { class: "truncate" }, a.name, a.ours && h("span", { class: "muted" }, " (you)")),
    h("span", { class: "voter-choice inquiry-answer", title: heard(a) },
      a.text !== null ? [a.text, a.standing === "late" && chip("too late to count", "warn")]
        : a.standing === "answered" ? h("span", { class: "muted" }, "nothing to say")
        : h("span", { class: "muted" }, STANDINGS[a.standing] ?? a.standing)));

/** Whose answers somebody had before it gave its own. @param {Asked} a */
const heard = (a) =>
  a.answered_at === null ? undefined
    : `${exactTime(a.answered_at)}; ${a.had_seen.length === 0 ? "had seen no other answer" : `had seen ${a.had_seen.map(nameOf).join(", ")}`}`;

/** @param {Inquiry} i */
function answerForm(i) {
  const busy = answering.has(i.id);
  const text = drafts.get(i.id) ?? "";
  return h("form", { class: "ballot-foot", onsubmit: (/** @type {Event} */ e) => { e.preventDefault(); if (text.trim()) answer(i, text.trim()); } },
    h("input", {
      type: "text", maxlength: 4000, value: text, placeholder: "Your answer, once", "aria-label": "Your answer", "data-testid": "inquiry-answer",
      oninput: (/** @type {any} */ e) => { drafts.set(i.id, e.target.value); update(); },
    }),
    h("button", { class: "button", type: "button", disabled: busy, onclick: () => answer(i, null) }, "Nothing to say"),
    h("button", { class: "button primary", type: "submit", disabled: busy || text.trim() === "", "data-testid": "inquiry-submit" }, busy ? "Sending…" : "Answer"));
}

/** @param {Inquiry} i @param {string | null} text */
async function answer(i, text) {
  const us = ourTurn(i);
  answering.add(i.id);
  update();
  try {
    await post(`/v1/inquiries/${i.id}/answers`, { text, persona: us?.persona });
    drafts.delete(i.id);
    await refresh("inquiries");
  } catch (error) {
    toastError("Your answer was not sent", error);
  } finally {
    answering.delete(i.id);
    update();
  }
}

/** Everything about an inquiry that its card leaves out. @param {Inquiry} i */
export const inquiryDetails = (i) =>
  h("section", { class: "panel" },
    h("h2", null, icon("info"), "This decides nothing"),
    h("p", null, "Answers are messages of the conversation: nobody signed them for others to check, and there is no certificate. What has to bind, put to the vote."),
    h("p", { class: "muted small" }, `Asked ${exactTime(i.asked_at)}; answers count until ${exactTime(i.deadline)}.`,
      i.turn_seconds ? ` Each has ${span(i.turn_seconds)} for its turn, and may still answer after it.` : ""));

/** @param {number} seconds */
const span = (seconds) =>
  seconds % 86_400 === 0 ? `${seconds / 86_400} d` : seconds % 3_600 === 0 ? `${seconds / 3_600} h` : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
