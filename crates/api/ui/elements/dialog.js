// @ts-check
/** Modal dialogs on the browser's own `<dialog>`, which keeps the focus inside and closes on Esc. */

import { h, render } from "../dom.js";
import { icon } from "../icons.js";
import { watch } from "../store.js";
import { rescueToasts } from "./toast.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {{ close: () => void, redraw: () => void }} DialogControl */

let counter = 0;

/**
 * Opens a dialog whose content `draw` describes; it is drawn again when the state changes or when
 * the content calls `redraw`.
 * @param {{ title: string, class?: string, bare?: boolean, onClose?: () => void,
 *   draw: (control: DialogControl) => Child }} options
 * @returns {DialogControl}
 */
export function openDialog(options) {
  const dialog = document.createElement("dialog");
  const titleId = `dialog-title-${++counter}`;
  dialog.className = `dialog ${options.class ?? ""}`;
  if (options.bare) dialog.setAttribute("aria-label", options.title);
  else dialog.setAttribute("aria-labelledby", titleId);
  const host = document.createElement("div");
  host.className = "dialog-body";
  dialog.append(host);

  const control = { close: () => dialog.close(), redraw };
  function redraw() {
    render(host, [
      !options.bare && h("header", { class: "dialog-head" },
        h("h2", { id: titleId }, options.title),
        h("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: control.close }, icon("close"))),
      options.draw(control),
    ]);
  }
  const unwatch = watch(redraw);
  dialog.addEventListener("close", () => {
    unwatch();
    rescueToasts();
    dialog.remove();
    options.onClose?.();
  });
  // A press that starts and ends on the backdrop closes; dragging a selection out does not.
  let pressed = false;
  dialog.addEventListener("pointerdown", (event) => {
    pressed = event.target === dialog;
  });
  dialog.addEventListener("click", (event) => {
    if (pressed && event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  redraw();
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector("[data-autofocus]"))?.focus();
  return control;
}

/** Whether a dialog is open now. */
export const dialogOpen = () => document.querySelector("dialog[open]") !== null;

/**
 * Asks before something that cannot be undone.
 * @param {{ title: string, words: string, action: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export function confirm(question) {
  return new Promise((answer) => {
    let yes = false;
    openDialog({
      title: question.title,
      class: "dialog-small",
      onClose: () => answer(yes),
      draw: ({ close }) => [
        h("p", { class: "muted" }, question.words),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", {
            class: question.danger ? "button danger" : "button primary",
            type: "button",
            "data-autofocus": true,
            onclick: () => {
              yes = true;
              close();
            },
          }, question.action)),
      ],
    });
  });
}
