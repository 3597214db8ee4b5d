// @ts-check
/** The audit log: what was said and done in the owner's name. */

import { h } from "../dom.js";
import { empty, page, skeleton } from "../elements/parts.js";
import { dayName, exactTime, sentence, timeOfDay } from "../format.js";
import { icon } from "../icons.js";
import { nameOf } from "../model.js";
import { state, update } from "../store.js";

/** Icons by the noun of an action. @type {Record<string, string>} */
const NOUNS = {
  availability: "calendar", slots: "calendar", booking: "calendar", calendar: "calendar", event: "calendar",
  ballot: "vote", vote: "vote", proposal: "vote", certificate: "shield", decision: "vote",
  contact: "people", invite: "link", message: "chat", conversation: "chat", member: "people",
  task: "spark", approval: "inbox", persona: "people", settings: "settings", card: "network", token: "lock", delivery: "clock", members: "people",
};

/** `ballot.cast` as `Ballot cast`. @param {string} action */
const actionInWords = (action) => sentence(action.replace(/[._]/g, " "));

let filter = "";

export function activity() {
  const search = h("label", { class: "search-field" }, icon("search", 16),
    h("input", {
      type: "search", placeholder: "Filter", "aria-label": "Filter activity", value: filter,
      oninput: (/** @type {any} */ e) => {
        filter = e.target.value;
        update();
      },
    }));
  const head = { title: "Activity", words: "Everything said or done in your name and who asked for it, the newest first.", actions: search };
  if (state.audit === null) return page(head, skeleton(6));
  const wanted = filter.trim().toLowerCase();
  const entries = state.audit.filter((e) => (e.persona === null || e.persona === state.persona) && `${actionInWords(e.action)} ${e.detail} ${e.by ?? ""}`.toLowerCase().includes(wanted));
  if (entries.length === 0) {
    return page(head, wanted
      ? empty({ icon: "search", title: "Nothing matches", words: "Try another word, or clear the filter." })
      : empty({ icon: "activity", title: "Nothing yet", words: "As soon as your persona answers, votes or books, it is written down here." }));
  }
  /** @type {Map<string, typeof entries>} */
  const days = new Map();
  for (const entry of entries) {
    const day = dayName(entry.at);
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return page(head, [...days].map(([day, list]) =>
    h("section", { key: day },
      h("h2", { class: "section-title" }, day),
      h("ol", { class: "panel rows audit" }, list.map((e, index) =>
        h("li", { class: "row", key: `${e.at}-${index}` },
          h("span", { class: "audit-icon", title: e.persona ? nameOf(e.persona) : e.by }, icon(NOUNS[e.action.split(".")[0]] ?? "activity", 18)),
          h("div", { class: "row-words" }, h("span", { class: "audit-title", title: e.action }, actionInWords(e.action)), h("span", { class: "muted small audit-detail" }, [sentence(e.detail), e.by && `by ${e.by}`].filter(Boolean).join(" \u00b7 "))),
          h("time", { class: "row-state muted small", datetime: e.at, title: exactTime(e.at) }, timeOfDay(e.at))))))));
}
