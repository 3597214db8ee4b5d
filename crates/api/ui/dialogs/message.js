// @ts-check
/** What one can do with a message, and what it said before. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { startEdit, startReply } from "../elements/composer.js";
import { confirm, openDialog } from "../elements/dialog.js";
import { skeleton } from "../elements/parts.js";
import { toastError } from "../elements/toast.js";
import { exactTime } from "../format.js";
import { icon } from "../icons.js";
import { react, unsay } from "../sync.js";

/** @typedef {import("../model.js").Message} Message */

/** Reactions at hand, with the words a screen reader says. @type {[string, string][]} */
const COMMON = [
  ["\u{1F44D}", "Thumbs up"], ["\u{2764}\u{FE0F}", "Heart"], ["\u{1F602}", "Laughing"], ["\u{1F62E}", "Surprised"],
  ["\u{1F622}", "Sad"], ["\u{1F64F}", "Thanks"], ["\u{1F389}", "Party"], ["\u{1F440}", "Looking"],
];

/** @param {import("../model.js").Conversation} c @param {Message} m */
export function openActions(c, m) {
  const own = m.author === c.persona;
  openDialog({
    title: "Message",
    class: "dialog-small message-actions",
    draw: ({ close }) => [
      h("div", { class: "emoji-row", role: "group", "aria-label": "React" }, COMMON.map(([emoji, words], index) => {
        const on = m.reactions?.some((r) => r.emoji === emoji && r.by.includes(c.persona)) ?? false;
        return h("button", {
          class: "emoji", type: "button", "aria-label": words, title: words, "aria-pressed": on ? "true" : "false", "data-autofocus": index === 0, "data-testid": "emoji",
          onclick: () => {
            close();
            react(c, m, emoji, !on).catch((error) => toastError("The reaction was not sent", error));
          },
        }, emoji);
      })),
      h("div", { class: "action-list" },
        action("reply", "Reply", "message-reply", () => { close(); startReply(m); }),
        action("copy", "Copy text", "message-copy", () => { close(); copy(m.text); }),
        own && m.kind === "text" && action("edit", "Edit", "message-edit", () => { close(); startEdit(m); }),
        m.edited_at && action("clock", "Earlier versions", "message-history", () => { close(); openHistory(m); }),
        own && action("trash", "Delete for everyone", "message-delete", () => { close(); askToDelete(m); })),
    ],
  });
}

/** @param {string} name @param {string} words @param {string} id @param {() => void} run */
const action = (name, words, id, run) =>
  h("button", { class: "menu-item", type: "button", "data-testid": id, onclick: run }, icon(name, 18), h("span", null, words));

/** @param {string} text */
const copy = (text) => void navigator.clipboard?.writeText(text).catch((error) => toastError("The text was not copied", error));

/** @param {Message} m */
async function askToDelete(m) {
  const sure = await confirm({
    title: "Delete for everyone?",
    words: "The text and its earlier versions are erased here and on the others' nodes as soon as they hear of it. Who has read it may still remember it.",
    action: "Delete",
    danger: true,
  });
  if (sure) await unsay(m).catch((error) => toastError("The message was not deleted", error));
}

/** What a message said before. @param {Message} m */
export function openHistory(m) {
  /** @type {{ text: string, sent_at: string }[] | null} */
  let edits = null;
  const control = openDialog({
    title: "Earlier versions",
    draw: () => edits === null ? skeleton(3, "Loading")
      : h("ol", { class: "versions" }, edits.map((edit) =>
        h("li", { "data-testid": "version" }, h("time", { class: "muted small", datetime: edit.sent_at }, exactTime(edit.sent_at)), h("p", null, edit.text)))),
  });
  get(`/v1/messages/${m.id}/edits`).then((reply) => {
    edits = reply.edits;
    control.redraw();
  }).catch((error) => {
    control.close();
    toastError("The earlier versions could not be loaded", error);
  });
}
