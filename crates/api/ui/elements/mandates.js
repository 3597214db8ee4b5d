// @ts-check
/** What a persona may vote on by itself: the mandates that stand, a new one, an end to one. */

import { post, remove } from "../api.js";
import { h } from "../dom.js";
import { exactTime } from "../format.js";
import { conversations } from "../model.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";
import { field } from "./parts.js";
import { toast, toastError } from "./toast.js";

/** @typedef {import("../model.js").Persona} Persona */
/** @typedef {import("../model.js").Mandate} Mandate */

const DAY_MS = 24 * 60 * 60 * 1000;
/** What the form offers when it is opened. */
const USUAL_DAYS = 30;

/** @param {Persona} us */
const path = (us) => `/v1/personas/${encodeURIComponent(us.id)}/mandates`;

const changed = () => Promise.all([refresh("personas"), refresh("mandates")]);

/** @param {Persona} us @param {Mandate} mandate */
async function revoke(us, mandate) {
  try {
    await remove(`${path(us)}/${mandate.number}`);
    toast("Taken back", "Your persona asks you again. What it voted stays voted.");
  } catch (error) {
    toastError("The mandate still stands", error);
  }
  await changed();
}

/** @param {Persona} us @param {HTMLFormElement} form */
async function grant(us, form) {
  const given = new FormData(form);
  const conversation = String(given.get("conversation") ?? "");
  // To the end of that day where the owner is.
  const until = new Date(`${given.get("until")}T23:59:59`);
  try {
    await post(path(us), {
      ...(conversation && { conversation }),
      topic: "times",
      expires_at: Number.isNaN(until.getTime()) ? undefined : until.toISOString(),
    });
    toast("Signed", "Your persona may vote on times by itself until then.");
  } catch (error) {
    toastError("The mandate was not signed", error);
  }
  await changed();
}

/** A day as date inputs spell it, where the owner is. @param {number} ms */
const dayOf = (ms) => {
  const day = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
};

/** Where a mandate holds, by name. @param {Mandate} m */
function where(m) {
  if (m.proposal) return "the vote of one task";
  if (!m.conversation) return "all conversations";
  return state.conversations?.find((c) => c.id === m.conversation)?.title ?? "one conversation";
}

/** @param {Persona} us */
export function mandates(us) {
  const standing = (state.mandates.get(us.id) ?? []).filter((m) => m.state === "standing");
  const groups = conversations().filter((c) => c.active);
  return h("div", { class: "mandates", "data-testid": "mandates" },
    h("h3", null, "May vote by itself"),
    h("p", { class: "field-hint" }, "Each is signed, ends by itself, and stands in every ballot cast under it, so others see that your persona voted and not you."),
    standing.length === 0 && h("p", { class: "muted" }, "On nothing: it asks you before each vote."),
    h("ul", null, standing.map((m) =>
      h("li", { key: m.number, class: "settings-row", "data-testid": "mandate" },
        h("span", null, m.topic === "times" ? "On times" : "On any question", `, in ${where(m)}, until ${exactTime(m.expires_at)} `,
          h("span", { class: "muted" }, `number ${m.number}`)),
        h("button", { class: "button", type: "button", "data-testid": "mandate-revoke", onclick: () => revoke(us, m) }, "Take back")))),
    h("form", {
      class: "field-row",
      onsubmit: (/** @type {any} */ e) => {
        e.preventDefault();
        grant(us, e.target);
      },
    },
    field("Votes on times in", h("select", { name: "conversation" },
      h("option", { value: "" }, "all conversations"),
      groups.map((c) => h("option", { key: c.id, value: c.id }, c.title)))),
    field("Until", h("input", {
      type: "date", name: "until", required: true, min: dayOf(Date.now()), max: dayOf(Date.now() + 365 * DAY_MS),
      value: dayOf(Date.now() + USUAL_DAYS * DAY_MS),
    })),
    h("button", { class: "button", type: "submit", "data-testid": "mandate-grant" }, "Sign")));
}
