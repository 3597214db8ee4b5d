// @ts-check
/** Putting a question to the vote. */

import { ApiError, post } from "../api.js";
import { h } from "../dom.js";
import { openDialog } from "../elements/dialog.js";
import { empty, field, toggle } from "../elements/parts.js";
import { toastError } from "../elements/toast.js";
import { count, dateAndTime, ruleInWords, sentence } from "../format.js";
import { icon } from "../icons.js";
import { conversation, conversations, titleOf } from "../model.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";
import { methodFields, missing, newDraft, ruleFrom, written } from "./method.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DEADLINES = [
  ["In 10 minutes", 10 * MINUTE], ["In an hour", HOUR], ["In 4 hours", 4 * HOUR], ["Tomorrow", 24 * HOUR], ["In 3 days", 72 * HOUR], ["In a week", 168 * HOUR],
];
const REVEALS = [[10, "10 minutes"], [60, "1 hour"], [24 * 60, "a day"], [72 * 60, "3 days"]];
/** Fields that show what is wrong with them; the rest is said at the end of the form. */
const SHOWN = /^(question|options|deadline|grace_seconds|early_close|reveal_seconds|rule(\..*)?)$/;

/** In the form a datetime-local input wants, the next full minute. @param {number} ms From now. */
function localInput(ms) {
  const date = new Date(Math.ceil((Date.now() + ms) / MINUTE) * MINUTE);
  return new Date(date.getTime() - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}

/** @param {string | null} [preset] The conversation asked, if already known. */
export function openNewProposal(preset = null) {
  const open = conversations().filter((c) => c.active && c.members.length > 1);
  const draft = {
    ...newDraft(),
    conversation: preset ?? open[0]?.id ?? null,
    question: "",
    deadline: localInput(10 * MINUTE),
    graceMinutes: 2,
    earlyClose: true,
    hidden: false,
    revealMinutes: 10,
    busy: false,
    /** @type {Record<string, string>} What is wrong, by field. */
    problems: {},
  };
  openDialog({
    title: "New proposal",
    draw: ({ close, redraw }) => {
      const where = draft.conversation ? conversation(draft.conversation) : null;
      if (!where) {
        return empty({ icon: "vote", title: "Nobody to ask yet", words: "A vote happens in a conversation. Open one with the people who should decide." });
      }
      const set = (/** @type {object} */ change) => {
        Object.assign(draft, { problems: {} }, change);
        redraw();
      };
      const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        const problems = problemsOf(draft);
        if (Object.keys(problems).length > 0) return set({ problems });
        set({ busy: true });
        try {
          const made = await post(`/v1/conversations/${where.id}/proposals`, { ...bodyFrom(draft, where), persona: where.persona });
          close();
          await refresh("proposals");
          if (made?.id) go("decisions", made.id);
        } catch (error) {
          const at = error instanceof ApiError ? error.field : null;
          if (at === null) toastError("The proposal was not made", error);
          set({ busy: false, problems: at === null ? {} : { [at]: sentence(error instanceof Error ? error.message : String(error)) } });
        }
      };
      const problem = (/** @type {string} */ name) => draft.problems[name] ?? "";
      const elsewhere = Object.entries(draft.problems).filter(([name]) => !SHOWN.test(name)).map(([, words]) => words);
      const voters = where.members.length;
      return h("form", { onsubmit: submit, class: "proposal-form", novalidate: true },
        !preset && field("Who decides", h("select", {
          value: draft.conversation, onchange: (/** @type {any} */ e) => set({ conversation: e.target.value, holders: [], quorum: 1 }),
        }, open.map((c) => h("option", { value: c.id, key: c.id }, `${titleOf(c)} (${count(c.members.length, "member")})`)))),
        field("Question", h("input", {
          type: "text", maxlength: 1000, required: true, value: draft.question, placeholder: "What should we decide?",
          "data-autofocus": true, "data-testid": "proposal-question", "aria-invalid": problem("question") ? "true" : undefined,
          oninput: (/** @type {any} */ e) => { draft.question = e.target.value; },
        }), { problem: problem("question") }),
        methodFields(draft, set, where, problem),
        deadlineField(draft, set, problem),
        toggle({
          label: "End as soon as the result is certain", hint: "Otherwise everyone has until the deadline, unless all have voted before.",
          on: draft.earlyClose, change: (earlyClose) => set({ earlyClose }),
        }),
        toggle({
          label: "Hide votes until voting ends", hint: "Others see that you voted, not how. Your node reveals it when voting is over; everyone's must be awake once more for that.",
          on: draft.hidden, change: (hidden) => set({ hidden }), testid: "proposal-hidden",
        }),
        draft.hidden && field("Votes may be revealed for", h("select", {
          value: String(draft.revealMinutes), "data-testid": "proposal-reveal", onchange: (/** @type {any} */ e) => set({ revealMinutes: Number(e.target.value) }),
        }, REVEALS.map(([minutes, label]) => h("option", { value: String(minutes), key: minutes }, label))),
        { hint: "Whoever does not reveal in time does not count, and the result says so.", problem: problem("reveal_seconds") }),
        h("p", { class: "rule-words" }, icon("info", 18),
          h("span", null, ruleInWords(ruleFrom(draft, where), voters),
            draft.deadline && ` Voting ends ${dateAndTime(new Date(draft.deadline).toISOString())}.`)),
        voters < 4 && h("p", { class: "muted small" },
          "With fewer than four voters a cheater is caught, but one missing voter can hold up the result."),
        elsewhere.map((words) => h("p", { class: "problem", role: "alert", key: words }, words)),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", { class: "button primary", type: "submit", disabled: draft.busy, "data-testid": "proposal-create" },
            draft.busy ? "Asking…" : `Ask ${count(voters, "member")}`)));
    },
  });
}

/** @param {any} draft @param {(change: object) => void} set @param {(field: string) => string} problem */
const deadlineField = (draft, set, problem) =>
  h("div", { class: "deadline-field" },
    h("div", { class: "field-row" },
      field("Voting ends", h("input", {
        type: "datetime-local", required: true, value: draft.deadline, min: localInput(0), "data-testid": "proposal-deadline",
        onchange: (/** @type {any} */ e) => e.target.value && set({ deadline: e.target.value }),
      }), { problem: problem("deadline") }),
      field("Late ballots may still arrive for", h("select", {
        value: String(draft.graceMinutes), onchange: (/** @type {any} */ e) => set({ graceMinutes: Number(e.target.value) }),
      }, [0, 2, 10, 30, 120].map((m) => h("option", { value: String(m), key: m }, m === 0 ? "no time" : m < 60 ? count(m, "minute") : count(m / 60, "hour")))),
      { problem: problem("grace_seconds") })),
    h("div", { class: "chips" }, DEADLINES.map(([label, ms]) =>
      h("button", { class: "chip-button", type: "button", key: label, onclick: () => set({ deadline: localInput(Number(ms)) }) }, label))));

/** What is wrong before the node is asked, by field. @param {any} draft @returns {Record<string, string>} */
function problemsOf(draft) {
  const problems = missing(draft);
  if (draft.question.trim() === "") problems.question = "Write the question first.";
  if (!(new Date(draft.deadline).getTime() > Date.now())) problems.deadline = "Voting must end in the future.";
  return problems;
}

/** @param {any} draft @param {import("../model.js").Conversation} where */
const bodyFrom = (draft, where) => ({
  question: draft.question.trim(),
  options: written(draft),
  rule: ruleFrom(draft, where),
  deadline: new Date(draft.deadline).toISOString(),
  grace_seconds: draft.graceMinutes * 60,
  early_close: draft.earlyClose,
  ...(draft.hidden ? { secrecy: "hidden", reveal_seconds: draft.revealMinutes * 60 } : {}),
});

/** Whether there is anybody to ask. */
export const canPropose = () => conversations().some((c) => c.active && c.members.length > 1) && state.personas !== null;
