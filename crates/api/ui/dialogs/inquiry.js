// @ts-check
/** Asking a group something that binds nobody. */

import { ApiError, post } from "../api.js";
import { h } from "../dom.js";
import { openDialog } from "../elements/dialog.js";
import { empty, field, toggle } from "../elements/parts.js";
import { toastError } from "../elements/toast.js";
import { count, sentence } from "../format.js";
import { icon } from "../icons.js";
import { conversation, conversations, titleOf } from "../model.js";
import { go } from "../router.js";
import { refresh } from "../sync.js";

/** Up to so many are asked without a further question. */
const USUALLY_MAX = 20;
/** How long an answer may take, in seconds. */
const SPANS = [[600, "10 minutes"], [3_600, "an hour"], [14_400, "4 hours"], [86_400, "a day"], [259_200, "3 days"]];

/** @param {string | null} [preset] The conversation asked, if already known. */
export function openNewInquiry(preset = null) {
  const open = conversations().filter((c) => c.active && c.members.length > 1);
  const draft = { conversation: preset ?? open[0]?.id ?? null, question: "", inTurn: false, seconds: 600, busy: false, problem: "" };
  openDialog({
    title: "Ask without deciding",
    draw: ({ close, redraw }) => {
      const where = draft.conversation ? conversation(draft.conversation) : null;
      if (!where) {
        return empty({ icon: "chat", title: "Nobody to ask yet", words: "Open a conversation with the people you want to ask." });
      }
      const set = (/** @type {object} */ change) => {
        Object.assign(draft, { problem: "" }, change);
        redraw();
      };
      const others = where.members.length - 1;
      const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (draft.question.trim() === "") return set({ problem: "Write the question first." });
        set({ busy: true });
        try {
          const made = await post(`/v1/conversations/${where.id}/inquiries`, bodyFrom(draft, where, others));
          close();
          await refresh("inquiries");
          if (made?.id) go("decisions", made.id);
        } catch (error) {
          if (!(error instanceof ApiError && error.field)) toastError("The question was not asked", error);
          set({ busy: false, problem: error instanceof ApiError && error.field ? sentence(error.message) : "" });
        }
      };
      return h("form", { onsubmit: submit, class: "proposal-form", novalidate: true },
        !preset && field("Who is asked", h("select", {
          value: draft.conversation, onchange: (/** @type {any} */ e) => set({ conversation: e.target.value }),
        }, open.map((c) => h("option", { value: c.id, key: c.id }, `${titleOf(c)} (${count(c.members.length - 1, "other")})`)))),
        field("Question", h("input", {
          type: "text", maxlength: 4000, required: true, value: draft.question, placeholder: "What do you want to know?",
          "data-autofocus": true, "data-testid": "inquiry-question",
          oninput: (/** @type {any} */ e) => { draft.question = e.target.value; },
        }), { problem: draft.problem }),
        toggle({
          label: "One after another", hint: "Each knows the answers before. Whoever does not answer in its turn is passed over, and may still answer afterwards.",
          on: draft.inTurn, change: (inTurn) => set({ inTurn }), testid: "inquiry-in-turn",
        }),
        field(draft.inTurn ? "Time for each" : "Time for answers", h("select", {
          value: String(draft.seconds), onchange: (/** @type {any} */ e) => set({ seconds: Number(e.target.value) }),
        }, SPANS.map(([seconds, label]) => h("option", { value: String(seconds), key: seconds }, label)))),
        h("p", { class: "rule-words" }, icon("info", 18),
          h("span", null, "What comes of it binds nobody: there are no ballots and no certificate.")),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", { class: "button primary", type: "submit", disabled: draft.busy, "data-testid": "inquiry-create" },
            draft.busy ? "Asking…" : `Ask ${count(others, "other")}`)));
    },
  });
}

/** @param {any} draft @param {import("../model.js").Conversation} where @param {number} others */
const bodyFrom = (draft, where, others) => ({
  question: draft.question.trim(),
  persona: where.persona,
  // The button has said how many there are.
  ...(others > USUALLY_MAX ? { at_most: others } : {}),
  ...(draft.inTurn ? { way: "sequential", turn_seconds: draft.seconds } : { way: "broadcast", open_seconds: draft.seconds }),
});
