// @ts-check
/** The box to write in. What is half written stays with its conversation. */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { titleOf } from "../model.js";
import { update } from "../store.js";
import { say } from "../sync.js";
import { toastError } from "./toast.js";

const TEXT_MAX = 60_000;

/** @type {Map<string, string>} */
const drafts = new Map();

/** @param {import("../model.js").Conversation} c */
function send(c) {
  const text = (drafts.get(c.id) ?? "").trim();
  if (text === "") return;
  drafts.delete(c.id);
  say(c, text).catch((error) => toastError("The message was not sent", error));
}

/** As high as its text, up to a limit the style sheet sets. @param {HTMLTextAreaElement} el */
function fit(el) {
  el.style.setProperty("height", "auto");
  el.style.setProperty("height", `${el.scrollHeight}px`);
}

/** @param {import("../model.js").Conversation} c */
export function composer(c) {
  if (!c.active) return h("p", { class: "composer-closed muted" }, "You are no longer a member. You can read what was said while you were.");
  const text = drafts.get(c.id) ?? "";
  return h("form", {
    class: "composer", onsubmit: (/** @type {Event} */ e) => {
      e.preventDefault();
      send(c);
    },
  },
  h("textarea", {
    key: c.id, rows: 1, maxlength: TEXT_MAX, value: text, placeholder: `Message ${titleOf(c)}`, "aria-label": `Message ${titleOf(c)}`,
    "data-testid": "composer", enterkeyhint: "send", after: fit,
    oninput: (/** @type {any} */ e) => {
      drafts.set(c.id, e.target.value);
      update();
    },
    onkeydown: (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      send(c);
    },
  }),
  h("button", { class: "icon-button send", type: "submit", "aria-label": "Send", title: "Send (Enter)", disabled: text.trim() === "", "data-testid": "send" }, icon("send")));
}
