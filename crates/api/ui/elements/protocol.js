// @ts-check
/** What personas say to each other on their own, folded into one slim line. */

import { h } from "../dom.js";
import { count, timeOfDay } from "../format.js";
import { icon } from "../icons.js";
import { update } from "../store.js";

/** @typedef {import("../model.js").Message} Message */

/** @type {Record<string, { one: string, many: string }>} */
const KINDS = {
  agent_request: { one: "question between personas", many: "questions between personas" },
  agent_response: { one: "answer", many: "answers" },
  proposal: { one: "question put to the vote", many: "questions put to the vote" },
  ballot: { one: "signed ballot", many: "signed ballots" },
  decision: { one: "signed step of a vote", many: "signed steps of a vote" },
  certificate: { one: "certificate", many: "certificates" },
  inquiry: { one: "question", many: "questions" },
  answer: { one: "answer", many: "answers" },
  roster: { one: "change of members", many: "changes of members" },
};

/** Which runs the owner opened, by their first message. @type {Set<string>} */
const opened = new Set();

/** @param {Message[]} run */
export function protocolRun(run) {
  const [first] = run;
  const open = opened.has(first.id);
  return h("div", { class: "protocol", key: `run-${first.id}` },
    h("button", {
      class: "protocol-head", type: "button", "aria-expanded": open ? "true" : "false",
      onclick: () => {
        if (open) opened.delete(first.id);
        else opened.add(first.id);
        update();
      },
    }, icon("spark", 14), h("span", { class: "truncate" }, summary(run)), h("span", { class: open ? "turn open" : "turn" }, icon("down", 14))),
    open && h("ol", { class: "protocol-lines" }, run.map((m) =>
      h("li", { key: m.id, "data-testid": "protocol-message" },
        h("time", { datetime: m.sent_at }, timeOfDay(m.sent_at)),
        h("strong", null, m.author_name),
        h("span", null, m.text)))));
}

/** @param {Message[]} run */
function summary(run) {
  if (run.length === 1) return `${run[0].author_name}: ${run[0].text}`;
  /** @type {Map<string, number>} */
  const kinds = new Map();
  for (const m of run) kinds.set(m.kind, (kinds.get(m.kind) ?? 0) + 1);
  return [...kinds].map(([kind, n]) => {
    const words = KINDS[kind] ?? { one: `${kind} message`, many: `${kind} messages` };
    return count(n, words.one, words.many);
  }).join(", ");
}
