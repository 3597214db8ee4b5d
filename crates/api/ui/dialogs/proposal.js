// @ts-check
/** Putting a question to the vote. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { openDialog } from "../elements/dialog.js";
import { empty, field } from "../elements/parts.js";
import { toastError } from "../elements/toast.js";
import { count, dateAndTime, ruleInWords } from "../format.js";
import { icon } from "../icons.js";
import { conversation, conversations, titleOf } from "../model.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";

const OPTIONS_MAX = 16;
const SHARES = [
  ["1/2", "Half"], ["2/3", "Two thirds"], ["7/10", "70%"], ["3/4", "Three quarters"], ["1/1", "All"],
];
const HOUR = 3_600_000;
const DEADLINES = [["In an hour", HOUR], ["In 4 hours", 4 * HOUR], ["Tomorrow", 24 * HOUR], ["In 3 days", 72 * HOUR], ["In a week", 168 * HOUR]];

/** @param {Date} date In the form a datetime-local input wants. */
const localInput = (date) => new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** @param {string | null} [preset] The conversation asked, if already known. */
export function openNewProposal(preset = null) {
  const open = conversations().filter((c) => c.active && c.members.length > 1);
  const draft = {
    conversation: preset ?? open[0]?.id ?? null,
    kind: "yesno",
    question: "",
    options: ["", ""],
    share: "7/10",
    base: "electorate",
    quorum: 1,
    deadline: localInput(new Date(Date.now() + 24 * HOUR)),
    graceMinutes: 2,
    busy: false,
    problem: "",
  };
  openDialog({
    title: "New proposal",
    draw: ({ close, redraw }) => {
      const where = draft.conversation ? conversation(draft.conversation) : null;
      if (!where) {
        return empty({ icon: "vote", title: "Nobody to ask yet", words: "A vote happens in a conversation. Open one with the people who should decide." });
      }
      const set = (/** @type {object} */ change) => {
        Object.assign(draft, change, { problem: "" });
        redraw();
      };
      const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        const body = proposalFrom(draft);
        if (typeof body === "string") return set({}), Object.assign(draft, { problem: body }), redraw();
        set({ busy: true });
        try {
          const made = await post(`/v1/conversations/${where.id}/proposals`, { ...body, persona: where.persona });
          close();
          await refresh("proposals");
          if (made?.id) go("decisions", made.id);
        } catch (error) {
          toastError("The proposal was not made", error);
          set({ busy: false });
        }
      };
      const voters = where.members.length;
      return h("form", { onsubmit: submit, class: "proposal-form" },
        !preset && field("Who decides", h("select", {
          value: draft.conversation, onchange: (/** @type {any} */ e) => set({ conversation: e.target.value }),
        }, open.map((c) => h("option", { value: c.id, key: c.id }, `${titleOf(c)} (${count(c.members.length, "member")})`)))),
        field("Question", h("input", {
          type: "text", maxlength: 1000, required: true, value: draft.question, placeholder: "What should we decide?",
          "data-autofocus": true, "data-testid": "proposal-question",
          oninput: (/** @type {any} */ e) => { draft.question = e.target.value; },
        })),
        h("div", { class: "segments", role: "group", "aria-label": "Kind of vote" },
          segment("Yes or no", draft.kind === "yesno", () => set({ kind: "yesno", share: "7/10" })),
          segment("Choose among options", draft.kind === "approval", () => set({ kind: "approval", share: "1/2" }))),
        draft.kind === "approval" && optionList(draft, redraw),
        ruleFields(draft, set, voters),
        deadlineField(draft, set),
        h("p", { class: "rule-words" }, icon("info", 18),
          h("span", null, ruleInWords(ruleFrom(draft), voters), ` Voting ends ${dateAndTime(new Date(draft.deadline).toISOString())}.`)),
        voters < 4 && h("p", { class: "muted small" },
          "With fewer than four voters a cheater is caught, but one missing voter can hold up the result."),
        draft.problem && h("p", { class: "problem", role: "alert" }, draft.problem),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", { class: "button primary", type: "submit", disabled: draft.busy, "data-testid": "proposal-create" },
            draft.busy ? "Asking…" : `Ask ${count(voters, "member")}`)));
    },
  });
}

/** @param {string} label @param {boolean} on @param {() => void} onclick */
const segment = (label, on, onclick) =>
  h("button", { class: "segment", type: "button", "aria-pressed": on ? "true" : "false", onclick }, label);

/** @param {any} draft @param {() => void} redraw */
const optionList = (draft, redraw) =>
  h("fieldset", { class: "options" },
    h("legend", null, "Options"),
    draft.options.map((/** @type {string} */ text, /** @type {number} */ index) =>
      h("div", { class: "option-row", key: index },
        h("input", {
          type: "text", maxlength: 250, value: text, "aria-label": `Option ${index + 1}`, placeholder: `Option ${index + 1}`, "data-testid": "proposal-option",
          oninput: (/** @type {any} */ e) => { draft.options[index] = e.target.value; },
        }),
        h("button", {
          class: "icon-button small", type: "button", "aria-label": `Remove option ${index + 1}`, disabled: draft.options.length <= 2,
          onclick: () => {
            draft.options.splice(index, 1);
            redraw();
          },
        }, icon("close", 16)))),
    draft.options.length < OPTIONS_MAX && h("button", {
      class: "button ghost small", type: "button",
      onclick: () => {
        draft.options.push("");
        redraw();
      },
    }, icon("plus", 16), "Add option"),
    h("span", { class: "field-hint" }, "Everyone may approve as many as suit them; the most approved wins."));

/** @param {any} draft @param {(change: object) => void} set @param {number} voters */
const ruleFields = (draft, set, voters) =>
  h("div", { class: "field-row" },
    field(draft.kind === "approval" ? "The winner needs approval from" : "Passes with yes from", h("select", {
      value: draft.share, onchange: (/** @type {any} */ e) => set({ share: e.target.value }),
    }, draft.kind === "approval" && h("option", { value: "0/1" }, "No minimum"),
    SHARES.map(([value, label]) => h("option", { value, key: value }, label)))),
    draft.kind === "yesno" && field("Of", h("select", {
      value: draft.base, onchange: (/** @type {any} */ e) => set({ base: e.target.value }),
    }, h("option", { value: "electorate" }, "all members"), h("option", { value: "cast" }, "ballots cast"))),
    field("At least voting", h("input", {
      type: "number", min: 1, max: voters, value: draft.quorum,
      oninput: (/** @type {any} */ e) => set({ quorum: Math.max(1, Math.min(voters, Number(e.target.value) || 1)) }),
    })));

/** @param {any} draft @param {(change: object) => void} set */
const deadlineField = (draft, set) =>
  h("div", { class: "deadline-field" },
    h("div", { class: "field-row" },
      field("Voting ends", h("input", {
        type: "datetime-local", required: true, value: draft.deadline, min: localInput(new Date()),
        onchange: (/** @type {any} */ e) => e.target.value && set({ deadline: e.target.value }),
      })),
      field("Late ballots may still arrive for", h("select", {
        value: String(draft.graceMinutes), onchange: (/** @type {any} */ e) => set({ graceMinutes: Number(e.target.value) }),
      }, [0, 2, 10, 30, 120].map((m) => h("option", { value: String(m), key: m }, m === 0 ? "no time" : m < 60 ? count(m, "minute") : count(m / 60, "hour")))))),
    h("div", { class: "chips" }, DEADLINES.map(([label, ms]) =>
      h("button", { class: "chip-button", type: "button", key: label, onclick: () => set({ deadline: localInput(new Date(Date.now() + Number(ms))) }) }, label))));

/** @param {any} draft @returns {import("../model.js").Rule} */
const ruleFrom = (draft) =>
  draft.kind === "approval"
    ? { method: "approval", winners: 1, minimum: draft.share, quorum: draft.quorum }
    : { method: "threshold", share: draft.share === "0/1" ? "1/2" : draft.share, base: draft.base, quorum: draft.quorum };

/** The request's body, or what is missing. @param {any} draft */
function proposalFrom(draft) {
  const question = draft.question.trim();
  const options = draft.kind === "approval" ? draft.options.map((/** @type {string} */ o) => o.trim()).filter(Boolean) : [];
  const deadline = new Date(draft.deadline);
  if (question === "") return "Write the question first.";
  if (draft.kind === "approval" && options.length < 2) return "Give at least two options to choose from.";
  if (new Set(options).size < options.length) return "Two options are the same. Make them different or remove one.";
  if (!(deadline.getTime() > Date.now())) return "Voting must end in the future.";
  return { question, options, rule: ruleFrom(draft), deadline: deadline.toISOString(), grace_seconds: draft.graceMinutes * 60 };
}

/** Whether there is anybody to ask. */
export const canPropose = () => conversations().some((c) => c.active && c.members.length > 1) && state.personas !== null;
