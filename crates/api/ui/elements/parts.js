// @ts-check
/** Small pieces every screen uses: empty states, skeletons, chips, copyable text, page heads. */

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { toast } from "./toast.js";

/** @typedef {import("../dom.js").Child} Child */

/**
 * What to show where nothing is yet, and what to do next.
 * @param {{ icon: string, title: string, words: string, action?: Child }} what
 */
export const empty = (what) =>
  h("div", { class: "empty" },
    h("span", { class: "empty-icon" }, icon(what.icon, 28)),
    h("h2", null, what.title),
    h("p", null, what.words),
    what.action && h("div", { class: "empty-actions" }, what.action));

/** Grey shapes while loading. @param {number} [rows] @param {string} [words] */
export const skeleton = (rows = 5, words = "Loading") =>
  h("div", { class: "skeleton", role: "status", "aria-label": words },
    Array.from({ length: rows }, (_, i) =>
      h("div", { class: "skeleton-row", key: i },
        h("span", { class: "skeleton-disc" }),
        h("span", { class: "skeleton-lines" }, h("span", null), h("span", null)))));

/** @param {Child} words @param {"plain" | "ok" | "warn" | "danger" | "accent"} [tone] */
export const chip = (words, tone = "plain") => h("span", { class: `chip chip-${tone}` }, words);

/** @param {number} n @param {string} what Said by screen readers. */
export const badge = (n, what) =>
  n > 0 && h("span", { class: "badge", "aria-label": `${n} ${what}` }, n > 99 ? "99+" : n);

/**
 * Puts text on the clipboard and says so.
 * @param {string} text
 * @param {string} what
 */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    toast("Copying is not allowed here", "Select the text and press Ctrl+C.", "error");
  }
}

/**
 * Text in a box with a copy button.
 * @param {string} text
 * @param {string} what What it is, for the button and the notice.
 * @param {Record<string, any>} [props]
 */
export const copyable = (text, what, props = {}) =>
  h("div", { class: "copyable", ...props },
    h("code", null, text),
    h("button", { class: "icon-button small", type: "button", "aria-label": `Copy ${what}`, title: `Copy ${what}`,
      onclick: () => copy(text, what.charAt(0).toUpperCase() + what.slice(1)) }, icon("copy", 16)));

/**
 * A page with a heading of its own, for screens without a list beside them.
 * @param {{ title: string, words?: Child, actions?: Child, class?: string }} head
 * @param {...Child} content
 */
export const page = (head, ...content) =>
  h("div", { class: `page ${head.class ?? ""}`, tabindex: "-1" },
    h("div", { class: "page-inner" },
      h("header", { class: "page-head" },
        h("div", null, h("h1", null, head.title), head.words && h("p", { class: "muted" }, head.words)),
        head.actions && h("div", { class: "page-actions" }, head.actions)),
      content));

/**
 * A labelled field.
 * @param {string} label
 * @param {Child} control
 * @param {{ hint?: Child, class?: string, problem?: string }} [options] `problem` says what is
 *   wrong with what was entered.
 */
export const field = (label, control, { hint, class: extra = "", problem = "" } = {}) =>
  h("label", { class: `field ${extra} ${problem ? "field-wrong" : ""}` },
    h("span", { class: "field-label" }, label),
    control,
    problem ? h("span", { class: "problem", role: "alert" }, problem) : hint && h("span", { class: "field-hint" }, hint));

/**
 * A switch with a label and a line of explanation.
 * @param {{ label: string, hint?: string, on: boolean, change: (on: boolean) => void, testid?: string }} options
 */
export const toggle = ({ label, hint, on, change, testid }) =>
  h("label", { class: "toggle" },
    h("span", { class: "toggle-words" }, h("span", null, label), hint && h("span", { class: "field-hint" }, hint)),
    h("input", { type: "checkbox", role: "switch", checked: on, "data-testid": testid, onchange: (/** @type {any} */ e) => change(e.target.checked) }));
