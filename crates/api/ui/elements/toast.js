// @ts-check
/** Short notices in a corner: what happened and what to do about it. */

import { ApiError } from "../api.js";
import { h, render } from "../dom.js";
import { icon } from "../icons.js";

const STAYS_MS = 5_000;
const ERROR_STAYS_MS = 12_000;
const SHOWN_MAX = 4;

/** @typedef {{ id: number, tone: "info" | "ok" | "error", title: string, detail: string }} Toast */

/** @type {Toast[]} */
let shown = [];
let counter = 0;

/**
 * @param {string} title
 * @param {string} [detail]
 * @param {Toast["tone"]} [tone]
 */
export function toast(title, detail = "", tone = "ok") {
  const id = ++counter;
  shown = [...shown, { id, tone, title, detail }].slice(-SHOWN_MAX);
  draw();
  setTimeout(() => dismiss(id), tone === "error" ? ERROR_STAYS_MS : STAYS_MS);
}

/**
 * Says what failed and what would help.
 * @param {string} what Such as "The message was not sent".
 * @param {unknown} error
 */
export function toastError(what, error) {
  if (error instanceof ApiError && error.status === 401) return;
  const detail = error instanceof Error ? error.message : String(error);
  toast(what, detail.charAt(0).toUpperCase() + detail.slice(1), "error");
}

/**
 * Says why a login code failed; a refused one is used up or too old.
 * @param {unknown} error
 */
export function toastLoginError(error) {
  if (error instanceof ApiError && error.status === 401) {
    toast("This code does not work any more", "Each works once and for ten minutes. Run conclave login for a fresh link.", "error");
  } else toastError("You could not be signed in", error);
}

/** @param {number} id */
function dismiss(id) {
  shown = shown.filter((t) => t.id !== id);
  draw();
}

function draw() {
  const host = document.getElementById("toasts");
  if (!host) return;
  // An open dialog covers everything outside of it, so notices move into it.
  const dialogs = document.querySelectorAll("dialog[open]");
  const parent = dialogs[dialogs.length - 1] ?? document.body;
  if (host.parentElement !== parent) parent.append(host);
  render(host, shown.map((t) =>
    h("div", { key: t.id, class: `toast toast-${t.tone}`, role: t.tone === "error" ? "alert" : "status" },
      icon(t.tone === "error" ? "warn" : t.tone === "ok" ? "check" : "info"),
      h("div", { class: "toast-words" }, h("strong", null, t.title), t.detail && h("p", null, t.detail)),
      h("button", { class: "icon-button small", "aria-label": "Dismiss", onclick: () => dismiss(t.id) }, icon("close", 16)))));
}

/** Brings the notices back to the page before a dialog disappears. */
export function rescueToasts() {
  const host = document.getElementById("toasts");
  if (host && host.parentElement !== document.body) document.body.append(host);
}
