// @ts-check
/** The tokens programs have: what each may do, a way to make one and to take it back. */

import { post, remove } from "../api.js";
import { h } from "../dom.js";
import { listTime } from "../format.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";
import { confirm, openDialog } from "./dialog.js";
import { chip, copyable, field, skeleton } from "./parts.js";
import { toast, toastError } from "./toast.js";

/** @typedef {import("../model.js").Token} Token */

/** @type {[string, string, string][]} */
const SCOPES = [
  ["read", "Read", "See everything you see: conversations, contacts, decisions, your tasks."],
  ["send", "Send", "Write messages in your personas' names, and open conversations."],
  ["vote", "Vote", "Put questions, cast ballots, give tasks to your personas."],
  ["admin", "Everything", "Also personas, contacts, members, your approvals and tokens."],
];

export function programs() {
  const tokens = state.tokens;
  return h("section", { class: "panel settings-group", key: "programs" },
    h("header", null, h("h2", null, "Programs"),
      h("p", { class: "muted" }, "A program of yours needs a token to use this node. Everything it changes is in Activity under its name.")),
    tokens === null ? skeleton(2)
      : tokens.length === 0 ? h("p", { class: "muted" }, "No program has a token.")
      : h("ul", { class: "rows" }, tokens.map(row)),
    h("div", { class: "settings-row" },
      h("p", { class: "field-hint" }, "conclave token create does the same on the command line."),
      h("button", { class: "button", type: "button", "data-testid": "token-new", onclick: openNewToken }, "New token")));
}

/** @param {Token} t */
const row = (t) =>
  h("li", { class: "row", key: t.id, "data-testid": "token" },
    h("div", { class: "row-words" }, h("span", null, t.name, " ", t.scopes.map((scope) => [chip(scope, scope === "admin" ? "warn" : "ok"), " "])),
      h("span", { class: "muted small" }, `Made ${listTime(t.created_at)}${t.expires_at ? `, until ${new Date(t.expires_at).toLocaleDateString()}` : ""}`)),
    h("button", { class: "button small", type: "button", "aria-label": `Revoke ${t.name}`, "data-testid": "token-revoke", onclick: () => revoke(t) }, "Revoke"));

/** @param {Token} t */
async function revoke(t) {
  const sure = await confirm({ title: `Revoke "${t.name}"?`, words: "The program that has it can do nothing any more, at once.", action: "Revoke", danger: true });
  if (!sure) return;
  try {
    await remove(`/v1/tokens/${encodeURIComponent(t.id)}`);
    toast("Revoked");
  } catch (error) {
    toastError("The token was not revoked", error);
  }
  refresh("tokens");
}

function openNewToken() {
  let name = "";
  let days = "";
  let busy = false;
  const scopes = new Set(["read"]);
  /** @type {string | null} */
  let made = null;
  const dialog = openDialog({
    title: "New token",
    draw: ({ close }) => made === null ? form() : [
      h("p", null, "Copy it now: it is shown this once, and the node keeps only its hash."),
      copyable(made, "token", { "data-testid": "token-made" }),
      h("footer", { class: "dialog-foot" }, h("button", { class: "button primary", type: "button", "data-autofocus": true, onclick: close }, "Done")),
    ],
  });
  const form = () => h("form", { onsubmit: create },
    field("Name", h("input", {
      type: "text", value: name, maxlength: 64, required: true, placeholder: "What will use it", "data-testid": "token-name", "data-autofocus": true,
      oninput: (/** @type {any} */ e) => { name = e.target.value; },
    })),
    h("fieldset", { class: "choices" }, h("legend", null, "It may"), SCOPES.map(([scope, label, hint]) =>
      h("label", { class: "choice", key: scope },
        h("input", {
          type: "checkbox", checked: scopes.has(scope), "data-testid": `scope-${scope}`,
          onchange: (/** @type {any} */ e) => {
            if (e.target.checked) scopes.add(scope);
            else scopes.delete(scope);
            dialog.redraw();
          },
        }),
        h("span", null, h("strong", null, label), h("span", { class: "field-hint" }, hint))))),
    field("Until, in days", h("input", {
      type: "number", min: 1, max: 3650, value: days, placeholder: "No end",
      oninput: (/** @type {any} */ e) => { days = e.target.value; },
    })),
    h("footer", { class: "dialog-foot" },
      h("button", { class: "button primary", type: "submit", disabled: busy || scopes.size === 0, "data-testid": "token-create" }, "Make the token")));

  /** @param {Event} event */
  async function create(event) {
    event.preventDefault();
    busy = true;
    dialog.redraw();
    try {
      const until = Number(days) > 0 ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
      made = (await post("/v1/tokens", { name: name.trim(), scopes: [...scopes], expires_at: until })).token;
      refresh("tokens");
    } catch (error) {
      toastError("No token was made", error);
    }
    busy = false;
    dialog.redraw();
  }
}
