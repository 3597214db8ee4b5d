// @ts-check
/** What a persona may do, and when; saved one change at a time. */

import { patch, signOut } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { mandates } from "../elements/mandates.js";
import { chip, copyable, field, page, skeleton, toggle } from "../elements/parts.js";
import { programs } from "../elements/programs.js";
import { toast, toastError } from "../elements/toast.js";
import { icon } from "../icons.js";
import { currentPersona } from "../model.js";
import { setTheme, theme } from "../prefs.js";
import { update } from "../store.js";
import { refresh } from "../sync.js";
import { zoneList } from "./onboarding.js";

/** @typedef {import("../model.js").Persona} Persona */

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** @param {Persona} us @param {object} change */
async function save(us, change) {
  const before = us.settings;
  us.settings = { ...before, ...change };
  update();
  try {
    await patch(`/v1/personas/${encodeURIComponent(us.id)}`, { settings: us.settings });
    toast("Saved");
  } catch (error) {
    us.settings = before;
    update();
    toastError("The setting was not saved", error);
  }
  refresh("personas");
}

/** @param {Persona} us @param {string} path */
async function saveCalendar(us, path) {
  if (path === "" || path === us.calendar) return;
  try {
    await patch(`/v1/personas/${encodeURIComponent(us.id)}`, { calendar: path });
    toast("Calendar connected");
  } catch (error) {
    toastError("The calendar was not connected", error);
  }
  refresh("personas");
}

export function settings() {
  const us = currentPersona();
  if (!us) return page({ title: "Settings" }, skeleton(5));
  return page({ title: "Settings", words: `What ${us.name} may do in your name.` },
    identity(us), alone(us), privacy(us), time(us), calendar(us), limits(us), programs(), browser());
}

/** @param {string} title @param {string} words @param {...import("../dom.js").Child} content */
const group = (title, words, ...content) =>
  h("section", { class: "panel settings-group", key: title },
    h("header", null, h("h2", null, title), words && h("p", { class: "muted" }, words)), content);

/** @param {Persona} us @param {string} key @param {string} label @param {string} hint */
const flag = (us, key, label, hint) =>
  toggle({ label, hint, on: Boolean(us.settings[key]), change: (on) => save(us, { [key]: on }) });

/** @param {Persona} us @param {string} key @param {string} label @param {string} hint @param {number} min @param {number} max */
const number = (us, key, label, hint, min, max) =>
  field(label, h("input", {
    type: "number", min, max, value: String(us.settings[key] ?? ""),
    onchange: (/** @type {any} */ e) => {
      const value = Math.round(Number(e.target.value));
      if (Number.isFinite(value) && value >= min && value <= max) save(us, { [key]: value });
      else {
        toast("Not saved", `${label}: a number from ${min} to ${max} is expected.`, "error");
        e.target.value = us.settings[key];
      }
    },
  }), { hint });

/** Minutes since midnight as a clock face; 24:00 shows as 23:59, the nearest an input offers. */
const clockOf = (/** @type {number} */ minute) => {
  const at = Math.min(minute, 1439);
  return `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
};

/** @param {Persona} us @param {string} key @param {string} label @param {boolean} [end] */
const clock = (us, key, label, end = false) =>
  field(label, h("input", {
    type: "time", value: clockOf(us.settings[key] ?? 0),
    onchange: (/** @type {any} */ e) => {
      const [hours, minutes] = e.target.value.split(":").map(Number);
      if (!Number.isFinite(hours)) return;
      const minute = hours * 60 + minutes;
      save(us, { [key]: end && (minute === 1439 || minute === 0) ? 1440 : minute });
    },
  }));

/** @param {Persona} us @param {string} key @param {[string, string, string][]} choices */
const choice = (us, key, choices) =>
  h("div", { class: "choices", role: "radiogroup" }, choices.map(([value, label, hint]) =>
    h("label", { class: "choice", key: value },
      h("input", { type: "radio", name: `${us.id}-${key}`, checked: us.settings[key] === value, onchange: () => save(us, { [key]: value }) }),
      h("span", null, h("strong", null, label), h("span", { class: "field-hint" }, hint)))));

/** @param {Persona} us */
const identity = (us) =>
  h("section", { class: "panel identity", key: "identity" },
    avatar({ persona: us.id, name: us.name }, { size: "l", title: false }),
    h("div", null, h("h2", null, us.name), h("p", { class: "muted" }, us.handle, " ",
      us.published ? chip("findable in the network", "ok") : chip("not published yet", "warn")),
    copyable(us.id, "key"),
    h("p", { class: "field-hint" }, "This key is the persona. Compare it with friends in person or by phone to be sure of each other.")));

/** @param {Persona} us */
const alone = (us) => group("Without asking you", "Everything switched off here waits in Approvals until you answer.",
  flag(us, "auto_schedule", "Answer contacts which of their times suit", "They learn which of the times they offer fit, never what is in your calendar."),
  flag(us, "auto_vote", "Vote on times", "Votes by your calendar when a group looks for a time: signs a mandate for 90 days. Otherwise it asks you for each vote."),
  flag(us, "auto_book", "Write agreed meetings into your calendar", "After the group has decided and the result is certified."),
  mandates(us));

/** @param {Persona} us */
const privacy = (us) => group("Privacy", "How much contacts learn without you being asked.",
  choice(us, "privacy", [
    ["strict", "Strict", "Only contacts you marked as trusted get answers about your times."],
    ["moderate", "Moderate", "All accepted contacts get them."],
    ["open", "Open", "As moderate, and strangers can find this persona by its handle."],
  ]),
  flag(us, "allow_direct_mentions", "Take part in direct conversations", "Switched off, the persona does not react in them."),
  flag(us, "allow_group_mentions", "Take part in groups", "Switched off, the persona does not react in groups."));

/** @param {Persona} us */
const time = (us) => group("Your time", "When the persona may place meetings.",
  field("Time zone", h("input", {
    type: "text", list: "zones", value: us.settings.zone ?? "",
    onchange: (/** @type {any} */ e) => save(us, { zone: e.target.value.trim() }),
  }), { hint: `In this browser: ${Intl.DateTimeFormat().resolvedOptions().timeZone}` }),
  zoneList(),
  h("div", { class: "field-row" }, clock(us, "earliest_minute", "No meeting starts before"), clock(us, "latest_minute", "None ends after", true)),
  h("div", { class: "field-row" }, clock(us, "working_from_minute", "Work begins"), clock(us, "working_to_minute", "Work ends", true)),
  h("fieldset", { class: "days" }, h("legend", null, "Working days"),
    DAYS.map((day, index) => h("label", { class: "day-box", key: day },
      h("input", {
        type: "checkbox", checked: Boolean(us.settings.working_days?.[index]), "aria-label": day,
        onchange: (/** @type {any} */ e) => save(us, { working_days: DAYS.map((_, i) => (i === index ? e.target.checked : Boolean(us.settings.working_days?.[i]))) }),
      }), h("span", { "aria-hidden": "true" }, day.slice(0, 2))))),
  h("div", { class: "field-row" },
    number(us, "default_minutes", "Usual length, minutes", "When nobody says how long.", 5, 720),
    number(us, "buffer_minutes", "Free around entries, minutes", "Before and after everything in your calendar.", 0, 240),
    number(us, "notice_minutes", "Notice, minutes", "How long before its start a meeting must be proposed.", 0, 10080)));

/** @param {Persona} us */
const calendar = (us) => group("Calendar and abilities", "What the persona may use at all.",
  field("Calendar file", h("input", {
    type: "text", value: us.calendar ?? "", placeholder: "/home/you/calendar.ics", autocapitalize: "off", spellcheck: "false",
    onchange: (/** @type {any} */ e) => saveCalendar(us, e.target.value.trim()),
  }), { hint: "Path of an iCalendar file on the computer your node runs on." }),
  flag(us, "can_access_calendar", "Read and write the calendar", "Without it the persona cannot say when you are free."),
  flag(us, "can_schedule", "Look for and propose times", "Without it the persona leaves meetings alone."),
  flag(us, "can_make_reservations", "Commit to things that cost money", "Even then it asks you each time."));

/** @param {Persona} us */
const limits = (us) => group("Manner and limits", "",
  choice(us, "response_style", [
    ["brief", "Brief", "As few words as possible."],
    ["friendly", "Friendly", "Whole, plain sentences."],
    ["formal", "Formal", "Whole sentences, more distant."],
  ]),
  number(us, "max_concurrent_conversations", "Open conversations at a time", "More are refused.", 1, 65535));

/** What concerns only this browser. */
const browser = () => group("This browser", "",
  h("div", { class: "segments", role: "group", "aria-label": "Theme" },
    /** @type {["system" | "light" | "dark", string, string][]} */ ([["system", "As the system", "settings"], ["light", "Light", "sun"], ["dark", "Dark", "moon"]]).map(([value, label, name]) =>
      h("button", {
        class: "segment", type: "button", key: value, "aria-pressed": theme() === value ? "true" : "false",
        onclick: () => {
          setTheme(value);
          update();
        },
      }, icon(name, 16), label))),
  h("div", { class: "settings-row" },
    h("p", { class: "field-hint" }, "Signing out ends this session. conclave login prints a link for the next one."),
    h("button", { class: "button", type: "button", "data-testid": "sign-out", onclick: () => signOut().catch((error) => toastError("You are still signed in", error)) }, "Sign out")));
