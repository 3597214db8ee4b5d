// @ts-check
/** Signing in: a one-time code instead of a password. */

import { h } from "../dom.js";
import { toastLoginError } from "../elements/toast.js";
import { icon } from "../icons.js";

let code = "";
let busy = false;

/**
 * @param {"unknown" | "out" | "in"} session
 * @param {(code: string) => Promise<void>} signIn
 */
export function login(session, signIn) {
  if (session === "unknown") {
    return h("div", { class: "login", role: "status", "aria-label": "Signing in" },
      h("img", { class: "login-mark pulsing", src: "./icon.svg", alt: "", width: 56, height: 56 }));
  }
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const typed = code.trim().replace(/^.*#\/?login=/, "");
    if (typed === "" || busy) return;
    busy = true;
    try {
      await signIn(typed);
      code = "";
    } catch (error) {
      toastLoginError(error);
    } finally {
      busy = false;
    }
  };
  return h("main", { class: "login" },
    h("div", { class: "login-card" },
      h("img", { class: "login-mark", src: "./icon.svg", alt: "", width: 56, height: 56 }),
      h("h1", null, "Sign in to your node"),
      h("p", { class: "muted" }, "Conclave has no password. Your node hands out links that work once and only on this computer."),
      h("ol", { class: "login-steps" },
        h("li", null, "Run ", h("code", null, "conclave login"), " in a terminal, or look at the one where ", h("code", null, "conclave up"), " runs."),
        h("li", null, "Open the link it prints, or paste the code here.")),
      h("form", { onsubmit: submit, class: "login-form" },
        h("label", { class: "field" },
          h("span", { class: "field-label" }, "Code or link"),
          h("input", {
            type: "text", value: code, autocomplete: "one-time-code", autocapitalize: "off", spellcheck: "false", required: true, "data-testid": "login-code",
            oninput: (/** @type {any} */ e) => { code = e.target.value; },
          })),
        h("button", { class: "button primary", type: "submit", "data-testid": "login-submit" }, "Sign in")),
      h("p", { class: "login-foot muted small" }, icon("lock", 16), "Everything stays on your own machine.")));
}
