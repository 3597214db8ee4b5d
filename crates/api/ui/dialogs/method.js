// @ts-check
/** The ways to decide, with the fields each of them has. */

import { h } from "../dom.js";
import { field } from "../elements/parts.js";
import { icon } from "../icons.js";
import { nameOf } from "../model.js";

/** @typedef {import("../model.js").Conversation} Conversation */
/**
 * @typedef {{ method: string, share: string, base: string, minimum: string, winners: number,
 *   points: number, quorum: number, holders: string[], options: string[] }} MethodDraft
 */

const OPTIONS_MAX = 16;
const POINTS_MAX = 100;
const SHARES = [
  ["1/2", "Half"], ["2/3", "Two thirds"], ["7/10", "70%"], ["3/4", "Three quarters"], ["1/1", "All"],
];

/** @type {{ id: string, label: string, chooses: boolean, words: string }[]} */
const METHODS = [
  { id: "threshold", label: "Enough say yes", chooses: false, words: "Passes when this share says yes." },
  { id: "consent", label: "Nobody objects", chooses: false, words: "Passes unless someone objects and says why." },
  { id: "veto", label: "Enough say yes, with vetoes", chooses: false, words: "Like a share of yes, but those you name can refuse alone." },
  { id: "approval", label: "Mark what suits", chooses: true, words: "Everyone marks as many as suit them; the most marked wins." },
  { id: "suitability", label: "Yes, if need be, no", chooses: true, words: "Everyone says it of every option. What suits most wins, and among equals what has more yes." },
  { id: "score", label: "Give points", chooses: true, words: "Everyone gives every option points; the most points win." },
  { id: "ranked", label: "Rank them", chooses: true, words: "Everyone puts them in order; the one that beats the others one by one wins." },
];
const OF_TIES = "If two are equal, the one listed first wins and the result says it was a tie.";

/** Whether a method has options. @param {string} method */
export const chooses = (method) => METHODS.some((m) => m.id === method && m.chooses);

/** @returns {MethodDraft} */
export const newDraft = () => ({
  method: "threshold", share: "7/10", base: "electorate", minimum: "1/2", winners: 1, points: 5, quorum: 1, holders: [], options: ["", ""],
});

/** The options that are written, without the empty lines. @param {MethodDraft} draft */
export const written = (draft) => (chooses(draft.method) ? draft.options.map((o) => o.trim()).filter(Boolean) : []);

/**
 * The rule as the API spells it.
 * @param {MethodDraft} draft
 * @param {Conversation} where
 * @returns {import("../model.js").Rule}
 */
export function ruleFrom(draft, where) {
  const { share, base, minimum, winners, points, quorum } = draft;
  if (draft.method === "threshold") return { method: "threshold", share, base, quorum };
  if (draft.method === "veto") {
    // The electorate is in the order of its keys, which is that of these texts.
    const electorate = where.members.map((m) => m.persona).sort();
    const holders = electorate.map((_, index) => index).filter((index) => draft.holders.includes(electorate[index]));
    return { method: "veto", share, base, quorum, holders };
  }
  if (draft.method === "consent") return { method: "consent", quorum };
  if (draft.method === "ranked") return { method: "ranked", quorum };
  if (draft.method === "score") return { method: "score", points, winners, quorum };
  return { method: draft.method === "suitability" ? "suitability" : "approval", winners, minimum, quorum };
}

/**
 * What is missing, under the name of the field.
 * @param {MethodDraft} draft
 * @returns {Record<string, string>}
 */
export function missing(draft) {
  const options = written(draft);
  if (chooses(draft.method) && options.length < 2) return { options: "Give at least two options to choose from." };
  if (new Set(options).size < options.length) return { options: "Two options are the same. Make them different or remove one." };
  if (draft.method === "veto" && draft.holders.length === 0) return { "rule.holders": "Name at least one member with a veto." };
  if (chooses(draft.method) && draft.winners > options.length) return { "rule.winners": `At most ${options.length} can win.` };
  return {};
}

/**
 * @param {MethodDraft} draft
 * @param {(change: object) => void} set
 * @param {Conversation} where
 * @param {(field: string) => string} problem
 */
export function methodFields(draft, set, where, problem) {
  const many = chooses(draft.method);
  const family = METHODS.filter((m) => m.chooses === many);
  const chosen = METHODS.find((m) => m.id === draft.method);
  const segment = (/** @type {string} */ label, /** @type {boolean} */ on, /** @type {string} */ method) =>
    h("button", { class: "segment", type: "button", "aria-pressed": on ? "true" : "false", onclick: () => !on && set({ method }) }, label);
  return [
    h("div", { class: "segments", role: "group", "aria-label": "Kind of vote" },
      segment("Yes or no", !many, "threshold"),
      segment("Choose among options", many, "approval")),
    many && optionList(draft, set, problem("options")),
    field("How it is decided", h("select", {
      value: draft.method, "data-testid": "proposal-method",
      onchange: (/** @type {any} */ e) => set({ method: e.target.value }),
    }, family.map((m) => h("option", { value: m.id, key: m.id }, m.label))),
    { hint: `${chosen?.words ?? ""} ${many ? OF_TIES : ""}`, problem: problem("rule") || problem("rule.method") }),
    h("div", { class: "field-row" }, numbers(draft, set, where.members.length, problem)),
    draft.method === "veto" && holderList(draft, set, where, problem("rule.holders")),
  ];
}

/**
 * @param {MethodDraft} draft @param {(change: object) => void} set @param {number} voters
 * @param {(field: string) => string} problem
 */
function numbers(draft, set, voters, problem) {
  const pick = (/** @type {"share" | "base" | "minimum"} */ name, /** @type {string[][]} */ choices) =>
    h("select", { value: draft[name], "data-testid": `proposal-${name}`, onchange: (/** @type {any} */ e) => set({ [name]: e.target.value }) },
      choices.map(([value, label]) => h("option", { value, key: value }, label)));
  const number = (/** @type {"winners" | "points" | "quorum"} */ name, /** @type {number} */ max) =>
    h("input", {
      type: "number", min: 1, max, value: draft[name], "data-testid": `proposal-${name}`,
      onchange: (/** @type {any} */ e) => set({ [name]: Math.max(1, Math.min(max, Math.round(Number(e.target.value)) || 1)) }),
    });
  const { method } = draft;
  const shared = method === "threshold" || method === "veto";
  const elects = ["approval", "suitability", "score"].includes(method);
  return [
    shared && field("Needs yes from", pick("share", SHARES), { problem: problem("rule.share") }),
    shared && field("Of", pick("base", [["electorate", "all members"], ["cast", "ballots cast"]]), { problem: problem("rule.base") }),
    elects && field("How many win", number("winners", OPTIONS_MAX), { problem: problem("rule.winners") }),
    (method === "approval" || method === "suitability") && field("A winner must suit", pick("minimum", [["0/1", "No minimum"], ...SHARES]), { problem: problem("rule.minimum") }),
    method === "score" && field("Most points for one", number("points", POINTS_MAX), { problem: problem("rule.points") }),
    field("At least voting", number("quorum", voters), { problem: problem("rule.quorum") }),
  ];
}

/** @param {MethodDraft} draft @param {(change: object) => void} set @param {string} problem */
const optionList = (draft, set, problem) =>
  h("fieldset", { class: "options" },
    h("legend", null, "Options"),
    draft.options.map((text, index) =>
      h("div", { class: "option-row", key: index },
        h("input", {
          type: "text", maxlength: 250, value: text, "aria-label": `Option ${index + 1}`, placeholder: `Option ${index + 1}`, "data-testid": "proposal-option",
          oninput: (/** @type {any} */ e) => { draft.options[index] = e.target.value; },
        }),
        h("button", {
          class: "icon-button small", type: "button", "aria-label": `Remove option ${index + 1}`, disabled: draft.options.length <= 2,
          onclick: () => set({ options: draft.options.filter((_, i) => i !== index) }),
        }, icon("close", 16)))),
    draft.options.length < OPTIONS_MAX && h("button", {
      class: "button ghost small", type: "button", onclick: () => set({ options: [...draft.options, ""] }),
    }, icon("plus", 16), "Add option"),
    problem && h("span", { class: "problem", role: "alert" }, problem));

/** @param {MethodDraft} draft @param {(change: object) => void} set @param {Conversation} where @param {string} problem */
const holderList = (draft, set, where, problem) =>
  h("fieldset", { class: "options" },
    h("legend", null, "Who has a veto"),
    where.members.map((m) =>
      h("label", { class: "option", key: m.persona },
        h("input", {
          type: "checkbox", checked: draft.holders.includes(m.persona), "data-testid": "proposal-holder",
          onchange: (/** @type {any} */ e) => set({
            holders: e.target.checked ? [...draft.holders, m.persona] : draft.holders.filter((each) => each !== m.persona),
          }),
        }),
        h("span", null, m.name || nameOf(m.persona)))),
    problem && h("span", { class: "problem", role: "alert" }, problem));
