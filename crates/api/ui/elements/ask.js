// @ts-check
/** The box in which the owner asks their persona for something, in plain words. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { friends } from "../model.js";
import { update } from "../store.js";
import { refresh } from "../sync.js";
import { toastError } from "./toast.js";

let text = "";
let busy = false;

/** Puts words into the box and the cursor behind them. @param {string} words */
export function prefill(words) {
  text = words;
  update();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("[data-testid=ask-input]"));
    box?.focus();
    box?.setSelectionRange(words.length, words.length);
  }));
}

/** @param {import("../model.js").Persona} us */
async function ask(us) {
  const words = text.trim();
  if (words === "" || busy) return;
  busy = true;
  update();
  try {
    await post(`/v1/personas/${encodeURIComponent(us.id)}/tasks`, { text: words });
    text = "";
    await refresh("tasks");
  } catch (error) {
    toastError(`${us.name} could not take this on`, error);
  } finally {
    busy = false;
    update();
  }
}

/** @param {import("../model.js").Persona} us */
export function askBox(us) {
  const names = friends().map((c) => c.name.split(" ")[0]);
  const ideas = names.length === 0 ? [] : [
    "Find a dinner slot this week with everyone",
    `Find an hour for coffee with ${names[0]} tomorrow`,
    names.length > 1 ? `Lunch next week with ${names[0]} and ${names[1]}` : null,
  ].filter((idea) => idea !== null);
  return h("form", {
    class: "ask", onsubmit: (/** @type {Event} */ e) => {
      e.preventDefault();
      ask(us);
    },
  },
  h("div", { class: "ask-box" },
    h("textarea", {
      rows: 2, maxlength: 1000, value: text, "data-testid": "ask-input", "aria-label": `Ask ${us.name}`,
      placeholder: `Ask ${us.name}: find a dinner slot this week with everyone`,
      oninput: (/** @type {any} */ e) => {
        text = e.target.value;
        update();
      },
      onkeydown: (/** @type {KeyboardEvent} */ e) => {
        if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
        e.preventDefault();
        ask(us);
      },
    }),
    h("button", { class: "button primary ask-send", type: "submit", disabled: busy || text.trim() === "", "data-testid": "ask-send" },
      icon("spark", 18), busy ? "Reading…" : "Ask")),
  ideas.length > 0 && text === "" && h("div", { class: "chips", role: "group", "aria-label": "Ideas" },
    ideas.map((idea) => h("button", { class: "chip-button", type: "button", key: idea, onclick: () => prefill(idea) }, idea))));
}
