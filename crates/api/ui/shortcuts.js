// @ts-check
/** The keyboard: one table of shortcuts, which the help dialog shows. */

import { openHelp } from "./dialogs/help.js";
import { openPalette } from "./dialogs/palette.js";
import { openNewConversation } from "./dialogs/conversation.js";
import { dialogOpen } from "./elements/dialog.js";
import { conversations, proposals } from "./model.js";
import { keysOn } from "./prefs.js";
import { go, href, route } from "./router.js";
import { state } from "./store.js";

const SEQUENCE_MS = 1_200;

/** @type {{ keys: string, words: string, run: () => void }[]} */
export const SHORTCUTS = [
  { keys: "g h", words: "Home", run: () => go("home") },
  { keys: "g c", words: "Conversations", run: () => go("conversations") },
  { keys: "g d", words: "Decisions", run: () => go("decisions") },
  { keys: "g a", words: "Approvals", run: () => go("approvals") },
  { keys: "g p", words: "Contacts (people)", run: () => go("contacts") },
  { keys: "g o", words: "Outbox", run: () => go("outbox") },
  { keys: "g n", words: "Network", run: () => go("network") },
  { keys: "g s", words: "Settings", run: () => go("settings") },
  { keys: "n", words: "New conversation", run: () => openNewConversation() },
  { keys: "/", words: "Write: the message box or the task box", run: focusWriting },
  { keys: "j", words: "Next in the list", run: () => step(1) },
  { keys: "k", words: "Previous in the list", run: () => step(-1) },
  { keys: "?", words: "This help", run: () => openHelp() },
];

let typed = "";
let typedAt = 0;

export function listenForKeys() {
  addEventListener("keydown", (event) => {
    if (state.session !== "in" || !state.personas?.length) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!dialogOpen()) openPalette();
      return;
    }
    if (dialogOpen() || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return onEscape(event);
    if (!keysOn() || isWriting(event.target)) return;
    typed = typed !== "" && event.timeStamp - typedAt < SEQUENCE_MS ? `${typed} ${event.key}` : event.key;
    typedAt = event.timeStamp;
    const hit = SHORTCUTS.find((s) => s.keys === typed) ?? SHORTCUTS.find((s) => s.keys === event.key);
    if (!hit) {
      typed = event.key;
      return;
    }
    typed = "";
    event.preventDefault();
    hit.run();
  });
}

/** @param {EventTarget | null} target */
const isWriting = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select"));

/** Esc leaves, one thing at a time: a menu, the text box, then the detail pane. @param {KeyboardEvent} event */
function onEscape(event) {
  const menu = /** @type {HTMLDetailsElement | null} */ (document.querySelector("details.switcher[open], details.actions-menu[open]"));
  if (menu) menu.open = false;
  else if (isWriting(event.target)) /** @type {HTMLElement} */ (event.target).blur();
  else if (route().id) go(route().page);
}

function focusWriting() {
  const box = /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=composer], [data-testid=ask-input]"));
  if (box) box.focus();
  else go("home");
}

/** @param {number} direction */
function step(direction) {
  const { page, id } = route();
  const ids = page === "conversations" ? conversations().map((c) => c.id) : page === "decisions" ? proposals().map((p) => p.id) : [];
  if (ids.length === 0) return;
  const at = id ? ids.indexOf(id) : direction > 0 ? -1 : ids.length;
  const next = ids[Math.min(ids.length - 1, Math.max(0, at + direction))];
  location.hash = href(page, next);
}
