// @ts-check
/** A proposal as a card: question, options with their tally, ballot paper, outcome, certificate. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { count, exactTime, ruleInWords, sentence } from "../format.js";
import { icon } from "../icons.js";
import { adopted, canVote, chose, nameOf, optionLabels, ourVoter } from "../model.js";
import { href } from "../router.js";
import { update } from "../store.js";
import { refresh } from "../sync.js";
import { avatar, avatarStack } from "./avatar.js";
import { filledChoice, forget, moreInWords, paperRows, takesMore } from "./ballot.js";
import { confirm } from "./dialog.js";
import { chip, copyable } from "./parts.js";
import { toast, toastError } from "./toast.js";

/** @typedef {import("../model.js").Proposal} Proposal */
/** @typedef {import("../model.js").Voter} Voter */

/** More options than this in one ballot are counted, not named. */
const NAMED_MAX = 2;

/** What is marked on our ballot papers and not cast yet. @type {Map<string, Set<number>>} */
const marked = new Map();
/** @type {Set<string>} */
const casting = new Set();

/** @type {Record<string, { words: string, tone: "accent" | "warn" | "ok" | "danger" | "plain" }>} */
const PHASES = {
  open: { words: "Voting is open", tone: "accent" },
  revealing: { words: "Revealing votes", tone: "warn" },
  closing: { words: "Closing", tone: "warn" },
  deciding: { words: "Agreeing on the count", tone: "warn" },
  decided: { words: "Decided", tone: "ok" },
  forked: { words: "Contradictory certificates", tone: "danger" },
};

/** @param {Proposal} p */
export function phaseChip(p) {
  if (p.phase === "decided" && !adopted(p)) return chip("Not adopted", "plain");
  const phase = PHASES[p.phase] ?? { words: p.phase, tone: "plain" };
  return chip(phase.words, phase.tone);
}

/**
 * @param {Proposal} p
 * @param {{ linked?: boolean }} [options] `linked` makes the question lead to the whole decision.
 */
export function proposalCard(p, { linked = false } = {}) {
  const voting = canVote(p);
  return h("article", { class: `proposal proposal-${p.phase}`, "data-testid": "proposal-card", "data-proposal": p.id, "aria-label": `Proposal: ${p.question}` },
    h("header", { class: "proposal-head" },
      avatar({ persona: p.proposer, name: nameOf(p.proposer) }, { size: "s" }),
      h("span", { class: "muted small" }, `${nameOf(p.proposer)} asks`),
      h("span", { class: "spacer" }),
      phaseChip(p),
      p.phase === "open" && h("count-down", { class: "countdown", to: p.deadline, over: "closing" })),
    h("h3", { class: "proposal-question" }, linked ? h("a", { href: href("decisions", p.id) }, p.question) : p.question),
    p.phase === "forked" && forkedBanner(),
    p.phase === "decided" && outcomeBanner(p),
    voting && p.reminded && h("p", { class: "waiting-words", "data-testid": "vote-missing" }, icon("clock", 16), "Your vote is missing, and time runs out."),
    optionRows(p, voting),
    voting && ballotFoot(p),
    progress(p));
}

const forkedBanner = () =>
  h("div", { class: "outcome outcome-forked", role: "alert" }, icon("warn"),
    h("span", null, "Two certificates contradict each other. Your persona acts on neither; the signatures in both name who signed twice. Talk to the others."));

/** @param {Proposal} p */
function outcomeBanner(p) {
  const won = adopted(p);
  const labels = optionLabels(p);
  const names = p.options.length > 0 ? p.winners.map((w) => labels[w]).filter(Boolean).join(", ") : "";
  return h("div", { class: won ? "outcome outcome-won" : "outcome" },
    icon(won ? "check" : "info"),
    h("span", null, names ? [h("strong", null, names), h("br"), margin(p)] : sentence(p.outcome ?? "")));
}

/** By how much the winners won. @param {Proposal} p */
function margin(p) {
  if (p.tie) return "As many votes as others; the first listed wins.";
  if (p.rule.method !== "approval") return ruleInWords(p.rule, p.voters.length);
  const fewest = Math.min(...p.winners.map((w) => p.tally[w] ?? 0));
  return `Approved by ${fewest} of ${count(p.cast, "voter")}.`;
}

/** @param {Proposal} p @param {boolean} voting */
function optionRows(p, voting) {
  if (takesMore(p)) return paperRows(p, voting);
  const labels = optionLabels(p);
  const most = Math.max(p.voters.length, 1);
  const paper = marked.get(p.id) ?? new Set();
  const single = p.options.length === 0;
  // A nought would say that nobody chose it, and nobody knows that yet.
  const unknown = p.secrecy === "hidden" && p.phase === "open";
  const rows = labels.map((label, index) => {
    const votes = p.tally[index] ?? 0;
    const supporters = p.voters.filter((v) => chose(p, v, index));
    const winner = p.phase === "decided" && p.options.length > 0 && p.winners.includes(index);
    const tone = single ? ["yes", "no", "abstain"][index] : winner ? "yes" : "option";
    return h(voting ? "label" : "div", { class: `option option-${tone}${winner ? " option-winner" : ""}`, key: index,
      ...(voting ? { "data-testid": "vote-option", "data-option": single ? tone : index } : {}) },
    voting && h("input", {
      type: single ? "radio" : "checkbox", name: `ballot-${p.id}`, checked: paper.has(index),
      onchange: (/** @type {any} */ e) => mark(p, index, e.target.checked, single),
    }),
    h("span", { class: "option-main" },
      h("span", { class: "option-line" },
        h("span", { class: "option-label" }, label, winner && icon("check", 16)),
        avatarStack(supporters, { max: 4 }),
        unknown ? h("span", { class: "option-count", "aria-label": "not known yet" }, "?")
          : h("span", { class: "option-count", "aria-label": count(votes, "vote") }, votes)),
      !unknown && h("span", { class: "bar", "aria-hidden": "true" }, h("span", { class: "bar-fill", style: { "--share": `${(100 * votes) / most}%` } }))));
  });
  return h(voting ? "fieldset" : "div", { class: "option-list" },
    voting && h("legend", { class: "visually-hidden" }, single ? "Your vote" : "Approve as many as suit you"),
    rows);
}

/** @param {Proposal} p @param {number} index @param {boolean} on @param {boolean} single */
function mark(p, index, on, single) {
  const paper = single ? new Set() : new Set(marked.get(p.id));
  if (on) paper.add(index);
  else paper.delete(index);
  marked.set(p.id, paper);
  update();
}

/** @param {Proposal} p */
function ballotFoot(p) {
  const single = p.options.length === 0;
  const paper = marked.get(p.id);
  const empty = (paper?.size ?? 0) === 0;
  const busy = casting.has(p.id);
  if (takesMore(p)) return filledFoot(p, busy);
  return h("div", { class: "ballot-foot" },
    h("span", { class: "muted small" }, single ? "One ballot each, signed and final." : "Mark all that suit you. Your ballot is signed and final."),
    !single && empty && h("button", { class: "button", type: "button", disabled: busy, onclick: () => castForNone(p) }, "None suits me"),
    h("button", { class: "button primary", type: "button", disabled: empty || busy, "data-testid": "vote-submit", onclick: () => cast(p, paperChoice(p)) },
      busy ? "Signing…" : "Cast ballot"));
}

/** @param {Proposal} p @param {boolean} busy */
function filledFoot(p, busy) {
  const choice = filledChoice(p);
  return h("div", { class: "ballot-foot" },
    h("span", { class: "muted small" }, "One ballot each, signed and final."),
    h("button", { class: "button primary", type: "button", disabled: choice === null || busy, "data-testid": "vote-submit", onclick: () => choice && cast(p, choice) },
      busy ? "Signing…" : "Cast ballot"));
}

/** An empty ballot counts as one, so it is not cast by a slip. @param {Proposal} p */
async function castForNone(p) {
  const sure = await confirm({
    title: "None of the options suits you?",
    words: "Your ballot says so and counts towards the number of votes. It is final.",
    action: "Cast this ballot",
  });
  if (sure) cast(p, []);
}

/** What is marked, as the API spells it. @param {Proposal} p */
function paperChoice(p) {
  const paper = [...(marked.get(p.id) ?? [])].sort((a, b) => a - b);
  return p.options.length === 0 ? ["yes", "no", "abstain"][paper[0]] : paper;
}

/** @param {Proposal} p @param {string | object} choice */
async function cast(p, choice) {
  casting.add(p.id);
  update();
  try {
    await post(`/v1/proposals/${p.id}/ballots`, { choice, persona: p.persona });
    marked.delete(p.id);
    forget(p);
    toast("Ballot cast", "Signed with your persona's key and on its way to the others.");
    await refresh("proposals");
  } catch (error) {
    toastError("Your ballot was not cast", error);
  } finally {
    casting.delete(p.id);
    update();
  }
}

/** @param {Proposal} p */
function progress(p) {
  const us = ourVoter(p);
  const due = p.phase === "revealing" ? (/** @type {Voter} */ v) => v.hidden : (/** @type {Voter} */ v) => v.choice === null && !v.hidden && !v.void;
  const waitingFor = p.voters.filter(due);
  const decided = p.phase === "decided";
  const held = !decided && p.receipts !== null && p.receipts > 0 && !us?.void;
  return h("footer", { class: "proposal-foot" },
    h("span", { class: "muted small" },
      `${p.cast} of ${p.voters.length} voted`,
      us?.choice && !us.void ? ` · ${us.by === "persona" ? "Your persona" : "You"} voted ${choiceInWords(p, us.choice)}` : "",
      held && (p.receipts >= p.receipts_needed ? " · Your vote is counted" : ` · Your vote is held by ${p.receipts}, counted with ${p.receipts_needed}`),
      p.secrecy === "hidden" && p.phase === "open" ? " · Votes are hidden until voting ends" : "",
      !decided && h("span", { class: "provisional", title: "Ballots may still arrive; the count is final only when it is certified." }, "provisional")),
    !decided && waitingFor.length > 0 && h("span", { class: "waiting-for" }, h("span", { class: "muted small" }, "waiting for"), avatarStack(waitingFor)),
    tooLate(us, p) && h("p", { class: "waiting-words", "data-testid": "too-late" }, icon("clock", 16),
      `Voting ended before you voted.${decided ? " The result stands without your ballot, and the certificate says so." : ""}`),
    !decided && p.phase !== "open" && p.waiting && h("p", { class: "waiting-words" }, icon("clock", 16), sentence(p.waiting)));
}

/** Whether our vote would come too late. @param {Voter | null} us @param {Proposal} p */
const tooLate = (us, p) =>
  us !== null && us.choice === null && !us.hidden && !us.void && (p.phase !== "open" || Date.parse(p.deadline) <= Date.now());

/** @param {Proposal} p @param {import("../model.js").Choice} choice */
export function choiceInWords(p, choice) {
  if (typeof choice === "string") return choice;
  if (!Array.isArray(choice)) return moreInWords(p, choice);
  const { length } = p.options;
  if (choice.length === 0) return "for none of them";
  if (choice.length === length && length > 1) return `for all ${length}`;
  return choice.length > NAMED_MAX ? `for ${choice.length} of ${length}` : `for ${namesOf(p, choice).join(" and ")}`;
}

/** @param {Proposal} p @param {number[]} choice */
function namesOf(p, choice) {
  const labels = optionLabels(p);
  return choice.map((i) => labels[i] ?? `option ${i + 1}`);
}

/** Everything about a decision that a card leaves out. @param {Proposal} p */
export const proposalDetails = (p) => [
  p.certified && certificate(p),
  h("section", { class: "panel" },
    h("h2", null, "Voters"),
    h("ul", { class: "voters" }, p.voters.map((v) =>
      h("li", { key: v.persona },
        avatar(v, { size: "s", title: false }),
        h("span", { class: "truncate" }, v.name, v.ours && h("span", { class: "muted" }, " (you)")),
        h("span", { class: "voter-choice", title: Array.isArray(v.choice) ? namesOf(p, v.choice).join("\n") : undefined }, v.void ? chip("signed two ballots: void", "danger")
          : v.hidden ? (p.phase === "decided" ? chip("never revealed: does not count", "warn") : h("span", { class: "muted" }, "voted, hidden"))
          : v.choice === null ? h("span", { class: "muted" }, p.phase === "decided" ? "did not vote" : "not yet")
          : choiceInWords(p, v.choice).replace(/^for /, "")),
        v.by === "persona" && h("span", { title: v.mandate ? `Mandate ${v.mandate.number}: ${v.mandate.covers}, until ${exactTime(v.mandate.expires_at)}` : undefined, "data-testid": "voted-alone" },
          chip("the persona alone", "plain")))))),
  h("section", { class: "panel" },
    h("h2", null, "How it is decided"),
    h("p", null, ruleInWords(p.rule, p.voters.length)),
    p.secrecy === "hidden" && h("p", null, "Each vote is sealed as a commitment until voting ends, then revealed and compared with it. Whoever does not reveal in time does not count and is named."),
    h("p", { class: "muted small" }, `Opened ${exactTime(p.opens_at)}; voting ends ${exactTime(p.deadline)}. `,
      "Every ballot is signed by its voter. The members sign which ballots count, so nobody alone can drop or change one.")),
];

/** @param {Proposal} p */
const certificate = (p) => {
  const file = `conclave-${p.id.slice(0, 16)}.json`;
  const trusted = p.voters.map((v) => `--trust ${v.persona}`).join(" ");
  return h("section", { class: "panel certificate" },
    h("h2", null, icon("shield"), "Certificate"),
    h("p", null, "Proof of this result which anyone can check without a network, without your node, and without trusting whoever hands it over."),
    h("a", { class: "button primary", href: `/v1/proposals/${p.id}/certificate`, download: file, "data-testid": "certificate-download" },
      icon("download", 18), "Download certificate"),
    h("p", { class: "muted small" }, "Check it in a terminal. It answers Valid only if the signatures belong to the keys you name:"),
    copyable(`conclave verify ${file} ${trusted}`, "command"));
};
