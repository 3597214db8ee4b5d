// @ts-check
/** Ballot papers that take more than a mark: points, rankings, and consent with a reason. */

import { h } from "../dom.js";
import { count } from "../format.js";
import { icon } from "../icons.js";
import { optionLabels } from "../model.js";
import { update } from "../store.js";

/** @typedef {import("../model.js").Proposal} Proposal */

/** What is filled in and not cast yet. @type {Map<string, { numbers: number[], word: string, reason: string }>} */
const papers = new Map();

const REASON_MAX = 80;
const SUITS = [[0, "No"], [1, "If need be"], [2, "Yes"]];
const CONSENT = [["yes", "Consent"], ["object", "Object"], ["abstain", "Abstain"]];

/** Whether marking options is not enough. @param {Proposal} p */
export const takesMore = (p) => ["score", "suitability", "ranked", "consent"].includes(p.rule.method);

/** @param {Proposal} p */
const paperOf = (p) => papers.get(p.id) ?? { numbers: p.options.map(() => 0), word: "", reason: "" };

/** @param {Proposal} p @param {object} change */
function fill(p, change) {
  papers.set(p.id, { ...paperOf(p), ...change });
  update();
}

/** The paper is cast. @param {Proposal} p */
export const forget = (p) => papers.delete(p.id);

/** What is filled in, as the API spells it; null while something is missing. @param {Proposal} p */
export function filledChoice(p) {
  const { numbers, word, reason } = paperOf(p);
  if (p.rule.method === "consent") {
    if (word === "object") return reason.trim() ? { object: reason.trim() } : null;
    return word === "" ? null : word;
  }
  if (p.rule.method !== "ranked") return { points: numbers };
  const ranked = numbers.map((place, index) => ({ place, index })).filter((each) => each.place > 0);
  const distinct = new Set(ranked.map((each) => each.place)).size === ranked.length;
  if (!distinct || ranked.length === 0) return null;
  return { rank: ranked.sort((a, b) => a.place - b.place).map((each) => each.index) };
}

/** The choices of one option's field. @param {Proposal} p @returns {(string | number)[][]} */
function choices(p) {
  if (p.rule.method === "suitability") return SUITS;
  if (p.rule.method === "ranked") return [[0, "No place"], ...p.options.map((_, index) => [index + 1, `Place ${index + 1}`])];
  const most = p.rule.method === "score" ? p.rule.points : 0;
  return Array.from({ length: most + 1 }, (_, points) => [points, count(points, "point")]);
}

/** What the tally says of one option. @param {Proposal} p @param {number} index */
function figure(p, index) {
  const { length } = p.options;
  const at = (/** @type {number} */ cell) => p.tally[cell] ?? 0;
  if (p.rule.method === "suitability") return `${at(index)} yes, ${at(length + index)} if need be`;
  if (p.rule.method !== "ranked") return count(at(index), "point");
  const beaten = p.options.filter((_, other) => at(index * length + other) > at(other * length + index));
  return `ahead of ${beaten.length} of ${length - 1}`;
}

/** @param {Proposal} p @param {boolean} voting */
export const paperRows = (p, voting) => (p.rule.method === "consent" ? consentRows(p, voting) : fieldRows(p, voting));

/** @param {Proposal} p @param {boolean} voting */
function fieldRows(p, voting) {
  const { numbers } = paperOf(p);
  return h(voting ? "fieldset" : "div", { class: "option-list" },
    voting && h("legend", { class: "visually-hidden" }, "Your ballot"),
    optionLabels(p).map((label, index) => {
      const winner = p.phase === "decided" && p.winners.includes(index);
      return h("div", { class: `option option-option${winner ? " option-winner" : ""}`, key: index },
        h("span", { class: "option-main" },
          h("span", { class: "option-line" },
            h("span", { class: "option-label" }, label, winner && icon("check", 16)),
            h("span", { class: "option-count" }, figure(p, index)),
            voting && h("select", {
              "aria-label": `Your word on ${label}`, value: String(numbers[index]), "data-testid": "vote-number",
              onchange: (/** @type {any} */ e) => fill(p, { numbers: numbers.map((old, i) => (i === index ? Number(e.target.value) : old)) }),
            }, choices(p).map(([value, words]) => h("option", { value: String(value), key: value }, words))))));
    }));
}

/** @param {Proposal} p @param {boolean} voting */
function consentRows(p, voting) {
  const { word, reason } = paperOf(p);
  return h(voting ? "fieldset" : "div", { class: "option-list" },
    voting && h("legend", { class: "visually-hidden" }, "Your vote"),
    CONSENT.map(([value, label], index) =>
      h(voting ? "label" : "div", { class: `option option-${["yes", "no", "abstain"][index]}`, key: value },
        voting && h("input", { type: "radio", name: `ballot-${p.id}`, checked: word === value, onchange: () => fill(p, { word: value }) }),
        h("span", { class: "option-main" },
          h("span", { class: "option-line" },
            h("span", { class: "option-label" }, label),
            h("span", { class: "option-count" }, p.tally[index] ?? 0))))),
    voting && word === "object" && h("input", {
      type: "text", maxlength: REASON_MAX, value: reason, required: true, placeholder: "Why?", "aria-label": "Why you object", "data-testid": "vote-reason",
      oninput: (/** @type {any} */ e) => fill(p, { reason: e.target.value }),
    }));
}

/** @param {Proposal} p @param {Exclude<import("../model.js").Choice, string | number[]>} choice */
export function moreInWords(p, choice) {
  if ("object" in choice) return `to object: ${choice.object}`;
  const labels = optionLabels(p);
  if ("rank" in choice) return `for ${choice.rank.map((i) => labels[i]).join(", then ")}`;
  const named = choice.points.map((points, i) => ({ points, label: labels[i] })).filter((each) => each.points > 0);
  return named.length === 0 ? "for none of them" : `for ${named.map((each) => `${each.label} (${each.points})`).join(", ")}`;
}
