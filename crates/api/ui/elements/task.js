// @ts-check
/** A task: what was asked, what happened step by step, what came of it. */

import { h } from "../dom.js";
import { exactTime, sentence, timeOfDay, timeRange } from "../format.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { update } from "../store.js";
import { prefill } from "./ask.js";
import { chip } from "./parts.js";

/** @typedef {import("../model.js").Task} Task */

/** @type {Record<string, { words: string, tone: "accent" | "warn" | "ok" | "danger" | "plain" }>} */
const STATES = {
  asking: { words: "Asking the others", tone: "accent" },
  gathering: { words: "Collecting answers", tone: "accent" },
  voting: { words: "Voting", tone: "accent" },
  booking: { words: "Booking", tone: "accent" },
  done: { words: "Done", tone: "ok" },
  failed: { words: "Did not work out", tone: "danger" },
  question: { words: "Needs to know more", tone: "warn" },
};

/** Which tasks the owner opened or closed by hand. @type {Map<string, boolean>} */
const toggled = new Map();

/** @param {Task} t @param {boolean} openAtFirst */
export function taskCard(t, openAtFirst) {
  const { words, tone } = STATES[t.state] ?? { words: t.state, tone: "plain" };
  const running = !["done", "failed", "question"].includes(t.state);
  const open = toggled.get(t.id) ?? openAtFirst;
  return h("article", { class: "task", key: t.id, "data-testid": "task", "data-state": t.state },
    h("button", {
      class: "task-head", type: "button", "aria-expanded": open ? "true" : "false",
      onclick: () => {
        toggled.set(t.id, !open);
        update();
      },
    },
    h("span", { class: "task-text" }, sentence(t.text)),
    chip([running && h("span", { class: "spinner", "aria-hidden": "true" }), words], tone),
    h("span", { class: open ? "turn open" : "turn" }, icon("down", 18))),
    outcome(t),
    open && steps(t, running),
    open && (t.conversation || t.proposal) && h("div", { class: "task-links" },
      t.proposal && h("a", { class: "button small", href: href("decisions", t.proposal) }, icon("vote", 16), "See the vote"),
      t.conversation && h("a", { class: "button small", href: href("conversations", t.conversation) }, icon("chat", 16), "Open conversation")));
}

/** @param {Task} t */
function outcome(t) {
  if (t.state === "question" && t.question) {
    return h("div", { class: "task-result task-question", role: "status" }, icon("help"),
      h("div", null, h("p", null, sentence(t.question)),
        h("button", { class: "button small", type: "button", onclick: () => prefill(`${t.text} `) }, "Ask again with more detail")));
  }
  if (!t.result && !t.slot) return null;
  return h("div", { class: `task-result task-${t.state}`, role: "status" },
    icon(t.state === "failed" ? "warn" : t.slot ? "calendar" : "check"),
    h("div", null,
      t.slot && h("strong", null, timeRange(t.slot.start, t.slot.end)),
      t.result && h("p", null, resultInWords(t.result))));
}

/** The time itself stands above it. @param {string} result */
const resultInWords = (result) =>
  result.endsWith("and entered into the calendar") ? "Agreed by a certified vote, and in your calendar." : sentence(result);

/** @param {Task} t @param {boolean} running */
const steps = (t, running) =>
  h("ol", { class: "steps", "aria-label": "What has happened" },
    stepsTaken(t).map((step, index, { length }) =>
      h("li", { key: index, class: running && index === length - 1 ? "step now" : "step" },
        h("time", { datetime: step.at, title: exactTime(step.at) }, timeOfDay(step.at)),
        h("span", null, sentence(step.text)))));

/** The last step of a task that is over is its result, which has a place of its own. @param {Task} t */
const stepsTaken = (t) => t.steps.filter((step, index) => index < t.steps.length - 1 || step.text !== (t.result ?? t.question));
