// @ts-check
/** The first minute: making a persona. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { field } from "../elements/parts.js";
import { toast, toastError } from "../elements/toast.js";
import { icon } from "../icons.js";
import { rememberPersona } from "../prefs.js";
import { go } from "../router.js";
import { state, update } from "../store.js";
import { refresh } from "../sync.js";

const draft = { name: "", zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", calendar: "", busy: false };

/** Choices for a time zone field. */
export const zoneList = () =>
  h("datalist", { id: "zones" }, Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone, key: zone })));

async function submit(/** @type {Event} */ event) {
  event.preventDefault();
  if (draft.busy || draft.name.trim() === "") return;
  draft.busy = true;
  update();
  try {
    const made = await post("/v1/personas", {
      name: draft.name.trim(),
      settings: { zone: draft.zone },
      ...(draft.calendar.trim() ? { calendar: draft.calendar.trim() } : {}),
    });
    rememberPersona(made.id);
    update({ persona: made.id });
    await refresh("personas");
    toast(`${made.name} is ready`, "Invite somebody, so that it has someone to talk to.");
    draft.name = "";
    go("home");
  } catch (error) {
    toastError("The persona was not made", error);
  } finally {
    draft.busy = false;
    update();
  }
}

export function onboarding() {
  const first = (state.personas ?? []).length === 0;
  return h("main", { class: "login" },
    h("form", { class: "login-card welcome-card", onsubmit: submit },
      h("div", { class: "welcome-face" },
        draft.name.trim()
          ? avatar({ persona: draft.name.trim(), name: draft.name }, { size: "l", title: false })
          : h("img", { src: "./icon.svg", alt: "", width: 56, height: 56 })),
      h("h1", null, first ? "Make your persona" : "Another persona"),
      h("p", { class: "muted" },
        "A persona speaks for you: it finds times with the personas of your friends, asks you before it promises anything, and votes as you say."),
      field("Its name", h("input", {
        type: "text", maxlength: 48, required: true, placeholder: "Maya", value: draft.name, autocomplete: "off", "data-testid": "persona-name",
        oninput: (/** @type {any} */ e) => {
          draft.name = e.target.value;
          update();
        },
      }), { hint: "Others see it. You can have several personas, each with keys of its own." }),
      field("Your time zone", h("input", {
        type: "text", list: "zones", required: true, value: draft.zone, "data-testid": "persona-zone",
        oninput: (/** @type {any} */ e) => { draft.zone = e.target.value; },
      }), { hint: "Taken from this browser." }),
      zoneList(),
      field("Calendar file (optional)", h("input", {
        type: "text", placeholder: "/home/you/calendar.ics", value: draft.calendar, autocapitalize: "off", spellcheck: "false", "data-testid": "persona-calendar",
        oninput: (/** @type {any} */ e) => { draft.calendar = e.target.value; },
      }), { hint: "Path of an iCalendar file on this computer. Others learn only which times suit you, never what is in it." }),
      h("button", { class: "button primary wide", type: "submit", disabled: draft.busy, "data-testid": "persona-create" },
        draft.busy ? "Making keys…" : "Create persona"),
      !first && h("a", { class: "button ghost wide", href: "#/" }, "Cancel"),
      h("p", { class: "login-foot muted small" }, icon("lock", 16), "Its keys are made on this computer and stay here.")));
}
