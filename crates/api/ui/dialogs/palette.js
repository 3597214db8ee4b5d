// @ts-check
/** The command palette: type a few letters to get anywhere. */

import { h } from "../dom.js";
import { openDialog } from "../elements/dialog.js";
import { icon } from "../icons.js";
import { contacts, conversations, currentPersona, proposals, titleOf } from "../model.js";
import { isDark, setTheme } from "../prefs.js";
import { go } from "../router.js";
import { findMessages, showMessage } from "../search.js";
import { update } from "../store.js";
import { openAddContact, openInvite } from "./contact.js";
import { openDirect, openNewConversation } from "./conversation.js";
import { toastError } from "../elements/toast.js";
import { openHelp } from "./help.js";

const SHOWN_MAX = 9;
/** How long the typing must rest before messages are looked for. */
const REST_MS = 180;

/** @typedef {{ label: string, hint: string, icon: string, run: () => void, parts?: import("../search.js").Found["excerpt"] }} Command */

/** @returns {Command[]} */
function commands() {
  const us = currentPersona();
  const to = (/** @type {string} */ page, /** @type {string} */ label, /** @type {string} */ name) =>
    ({ label, hint: "Go to", icon: name, run: () => go(page) });
  return [
    { label: `Ask ${us?.name ?? "your persona"} to do something`, hint: "Action", icon: "spark", run: askNow },
    { label: "New conversation", hint: "Action", icon: "plus", run: () => openNewConversation() },
    { label: "Invite someone", hint: "Action", icon: "link", run: () => openInvite() },
    { label: "Add a contact", hint: "Action", icon: "userPlus", run: () => openAddContact() },
    to("home", "Home", "home"),
    to("conversations", "Conversations", "chat"),
    to("decisions", "Decisions", "vote"),
    to("approvals", "Approvals", "inbox"),
    to("contacts", "Contacts", "people"),
    to("outbox", "Outbox", "clock"),
    to("network", "Network", "network"),
    to("activity", "Activity", "activity"),
    to("settings", "Settings", "settings"),
    ...conversations().map((c) => ({ label: titleOf(c), hint: "Conversation", icon: "chat", run: () => go("conversations", c.id) })),
    ...proposals().map((p) => ({ label: p.question, hint: "Decision", icon: "vote", run: () => go("decisions", p.id) })),
    ...contacts().filter((c) => c.state === "established").map((c) => ({ label: `Message ${c.name}`, hint: c.handle, icon: "people", run: () => void openDirect(c.persona) })),
    { label: isDark() ? "Light theme" : "Dark theme", hint: "Action", icon: isDark() ? "sun" : "moon", run: () => {
      setTheme(isDark() ? "light" : "dark");
      update();
    } },
    { label: "Help and shortcuts", hint: "Action", icon: "help", run: openHelp },
  ];
}

function askNow() {
  go("home");
  requestAnimationFrame(() => requestAnimationFrame(() =>
    /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=ask-input]"))?.focus()));
}

/** Every typed word must occur; earlier in the label is better. @param {string} query */
function search(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return commands()
    .map((command) => {
      const text = command.label.toLowerCase();
      const places = words.map((word) => text.indexOf(word));
      return { command, score: places.includes(-1) ? -1 : places.reduce((a, b) => a + b, 0) };
    })
    .filter((hit) => hit.score >= 0)
    .sort((a, b) => (words.length ? a.score - b.score : 0))
    .slice(0, words.length ? SHOWN_MAX : 12)
    .map((hit) => hit.command);
}

/** A message that was found, as a way there. @param {import("../search.js").Found} found @returns {Command} */
const wayTo = (found) => ({
  label: found.excerpt.map((part) => part.text).join(""),
  parts: found.excerpt,
  hint: found.ours ? "You" : found.author_name,
  icon: "search",
  run: () => void showMessage(found.conversation, found.message).catch((error) => toastError("The message could not be shown", error)),
});

export function openPalette() {
  let query = "";
  let at = 0;
  let rest = 0;
  /** @type {Command[]} */
  let said = [];
  /** @param {() => void} redraw */
  const lookForMessages = (redraw) => {
    clearTimeout(rest);
    said = [];
    const asked = query;
    rest = setTimeout(async () => {
      // Without an answer the rest of the palette still works; the next letter asks again.
      const found = await findMessages(asked).catch(() => []);
      if (asked !== query) return;
      said = found.map(wayTo);
      redraw();
    }, REST_MS);
  };
  openDialog({
    title: "Search or jump to",
    class: "palette",
    bare: true,
    onClose: () => clearTimeout(rest),
    draw: ({ close, redraw }) => {
      const hits = [...search(query), ...said];
      at = Math.min(at, Math.max(0, hits.length - 1));
      const run = (/** @type {Command | undefined} */ command) => {
        if (!command) return;
        close();
        command.run();
      };
      const onkeydown = (/** @type {KeyboardEvent} */ event) => {
        const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (move) {
          event.preventDefault();
          at = (at + move + hits.length) % Math.max(1, hits.length);
          redraw();
        } else if (event.key === "Enter") {
          event.preventDefault();
          run(hits[at]);
        }
      };
      return [
        h("div", { class: "palette-head" }, icon("search"),
          h("input", {
            type: "text", placeholder: "Search messages, conversations, decisions, people", "data-autofocus": true,
            role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
            "aria-activedescendant": hits.length ? `palette-${at}` : undefined, "aria-label": "Search or jump to",
            autocomplete: "off", spellcheck: "false", onkeydown,
            oninput: (/** @type {any} */ event) => {
              query = event.target.value;
              at = 0;
              lookForMessages(redraw);
              redraw();
            },
          })),
        h("ul", { class: "palette-list", id: "palette-list", role: "listbox", "aria-label": "Results" },
          hits.map((hit, index) =>
            h("li", {
              id: `palette-${index}`, role: "option", "aria-selected": index === at ? "true" : "false", onclick: () => run(hit),
              after: index === at ? (/** @type {any} */ el) => el.scrollIntoView({ block: "nearest" }) : undefined,
            }, icon(hit.icon, 18), h("span", { class: "truncate", "data-testid": hit.parts ? "found" : undefined },
              hit.parts ? hit.parts.map((part) => (part.hit ? h("mark", null, part.text) : part.text)) : hit.label), h("span", { class: "palette-hint" }, hit.hint)))),
        hits.length === 0 && h("p", { class: "palette-none muted" }, "Nothing by that name. Try fewer letters."),
      ];
    },
  });
}
