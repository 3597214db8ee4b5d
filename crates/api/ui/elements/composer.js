// @ts-check
/** The box to write in. What is half written stays with its conversation. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { titleOf } from "../model.js";
import { state, update } from "../store.js";
import { edit, say } from "../sync.js";
import { attach, shareAll, uploadsOf } from "../attachments.js";
import { uploadTray } from "./file.js";
import { toastError } from "./toast.js";

const TEXT_MAX = 60_000;

/** @type {Map<string, string>} */
const drafts = new Map();

/** @typedef {import("../model.js").Message} Message */

/** What the next text is about: a message to answer or to edit. @type {Map<string, { message: Message, edits: boolean }>} */
const about = new Map();

/** Writes an answer to a message. @param {Message} message */
export function startReply(message) {
  about.set(message.conversation, { message, edits: false });
  focus();
}

/** Writes another text for a message. @param {Message} message */
export function startEdit(message) {
  about.set(message.conversation, { message, edits: true });
  drafts.set(message.conversation, message.text);
  focus();
}

/** Puts the cursor into the box once it is drawn. Whoever is in it already may have begun to select or write. */
function focus() {
  update();
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const box = /** @type {HTMLTextAreaElement | null} */ (document.querySelector("[data-testid=composer]"));
    if (!box || box === document.activeElement) return;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }));
}

/** @param {import("../model.js").Conversation} c */
function leave(c) {
  if (about.get(c.id)?.edits) drafts.delete(c.id);
  about.delete(c.id);
  update();
}

/** @param {import("../model.js").Conversation} c */
function send(c) {
  const text = (drafts.get(c.id) ?? "").trim();
  const files = uploadsOf(c.id).some((upload) => !upload.wanted);
  if (files && !about.get(c.id)) {
    drafts.delete(c.id);
    return shareAll(c, text);
  }
  if (text === "") return;
  const now = about.get(c.id);
  drafts.delete(c.id);
  about.delete(c.id);
  if (now?.edits) {
    if (text === now.message.text) return update();
    edit(now.message, text).catch((error) => {
      toastError("The message was not edited", error);
      about.set(c.id, now);
      drafts.set(c.id, text);
      update();
    });
  } else {
    say(c, text, undefined, now?.message).catch((error) => toastError("The message was not sent", error));
  }
}

/** The last message of ours, which the up arrow edits. @param {import("../model.js").Conversation} c */
const lastOwn = (c) =>
  state.threads.get(c.id)?.messages.findLast((m) => m.author === c.persona && m.kind === "text" && !m.deleted_at && !m.pending);

/** @param {import("../model.js").Conversation} c */
function subject(c) {
  const now = about.get(c.id);
  if (!now) return null;
  const words = now.edits ? "Editing your message" : `Replying to ${now.message.author === c.persona ? "yourself" : now.message.author_name}`;
  return h("div", { class: "composer-about", "data-testid": "composer-about" },
    icon(now.edits ? "edit" : "reply", 16),
    h("span", { class: "composer-about-words" }, h("strong", null, words), h("span", { class: "truncate muted" }, now.message.text)),
    h("button", { class: "icon-button", type: "button", "aria-label": now.edits ? "Stop editing" : "Do not reply", title: "Esc", onclick: () => leave(c) }, icon("close", 16)));
}

/** As high as its text, up to a limit the style sheet sets. @param {HTMLTextAreaElement} el */
function fit(el) {
  el.style.setProperty("height", "auto");
  el.style.setProperty("height", `${el.scrollHeight}px`);
}

/** Another copy of the persona is the member now; which one to keep is for the owner to say. @param {import("../model.js").Conversation} c */
const lockedOut = (c) =>
  h("div", { class: "composer-closed muted", role: "status", "data-testid": "locked-out" },
    h("p", null, "Another copy of this persona came back to this conversation, for example from a backup. This copy is locked out: it can neither read nor write here any more. You can read what was said before."),
    h("button", {
      class: "button small", type: "button", onclick: () => {
        post(`/v1/conversations/${c.id}/rejoin`, { persona: c.persona }).catch((error) => toastError("The others were not asked", error));
      },
    }, "Lock the other copy out and come back here"));

/** @param {import("../model.js").Conversation} c */
export function composer(c) {
  const asking = c.rejoin?.state === "asking";
  if (c.rejoin?.state === "replaced") return lockedOut(c);
  if (!c.active && !asking) return h("p", { class: "composer-closed muted" }, "You are no longer a member. You can read what was said while you were.");
  const text = drafts.get(c.id) ?? "";
  return h("form", {
    class: "composer", onsubmit: (/** @type {Event} */ e) => {
      e.preventDefault();
      send(c);
    },
  },
  asking && h("p", { class: "composer-closed muted", role: "status", "data-testid": "rejoining" }, `${c.rejoin?.words}. What you write now leaves when you are back.`),
  subject(c),
  uploadTray(c),
  h("label", { class: "icon-button attach", title: "Add files" },
    icon("attach"),
    h("input", {
      class: "visually-hidden", type: "file", multiple: true, "aria-label": "Add files", "data-testid": "attach",
      onchange: (/** @type {any} */ e) => {
        attach(c, [...e.target.files]);
        e.target.value = "";
      },
    })),
  h("textarea", {
    key: c.id, rows: 1, maxlength: TEXT_MAX, value: text, placeholder: `Message ${titleOf(c)}`, "aria-label": `Message ${titleOf(c)}`,
    "data-testid": "composer", enterkeyhint: "send", after: fit,
    oninput: (/** @type {any} */ e) => {
      drafts.set(c.id, e.target.value);
      update();
    },
    onpaste: (/** @type {ClipboardEvent} */ e) => {
      const files = [...(e.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      e.preventDefault();
      attach(c, files);
    },
    onkeydown: (/** @type {KeyboardEvent} */ e) => {
      if (e.key === "Escape" && about.has(c.id)) {
        e.stopPropagation();
        return leave(c);
      }
      if (e.key === "ArrowUp" && text === "" && !about.has(c.id)) {
        const own = lastOwn(c);
        if (own) {
          e.preventDefault();
          startEdit(own);
        }
        return;
      }
      if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
      e.preventDefault();
      send(c);
    },
  }),
  h("button", { class: "icon-button send", type: "submit", "aria-label": "Send", title: "Send (Enter)", disabled: text.trim() === "" && !uploadsOf(c.id).some((upload) => !upload.wanted), "data-testid": "send" }, icon("send")));
}
