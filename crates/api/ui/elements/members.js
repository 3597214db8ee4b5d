// @ts-check
/** Who is in a conversation, and how it is protected. */

import { openAddMembers, removeMember } from "../dialogs/conversation.js";
import { h } from "../dom.js";
import { listTime } from "../format.js";
import { icon } from "../icons.js";
import { nameOf, shortId } from "../model.js";
import { update } from "../store.js";
import { avatar } from "./avatar.js";
import { chip, copy } from "./parts.js";

/** Wide enough for the panel to stand beside the thread instead of over it. */
const roomy = matchMedia("(min-width: 1360px)");
let open = roomy.matches;
roomy.addEventListener("change", () => {
  open = roomy.matches;
  update();
});

export const panelOpen = () => open;

export function togglePanel() {
  open = !open;
  update();
}

/** @param {import("../model.js").Conversation} c */
export function membersPanel(c) {
  const creator = c.sequencer === c.persona;
  const sorted = [...c.members].sort((a, b) => Number(b.ours) - Number(a.ours) || a.name.localeCompare(b.name));
  return h("aside", { class: "side-panel", "aria-label": "Members and encryption" },
    h("header", { class: "pane-head" }, h("h2", null, "Members"),
      h("button", { class: "icon-button", type: "button", "aria-label": "Close members", onclick: togglePanel }, icon("close"))),
    h("ul", { class: "member-list" }, sorted.map((m) =>
      h("li", { key: m.persona },
        avatar(m, { size: "s", title: false }),
        h("div", { class: "row-words" },
          h("span", { class: "truncate" }, m.name || shortId(m.persona), m.persona === c.persona && h("span", { class: "muted" }, " (you)")),
          h("button", { class: "plain muted small", type: "button", title: "Copy the full key", onclick: () => copy(m.persona, "Key") }, shortId(m.persona))),
        m.rejoined_at && h("span", { title: `Came back with new keys on ${listTime(m.rejoined_at)}` }, chip("rejoined")),
        m.persona === c.sequencer && c.kind === "group" && h("span", { title: "Orders changes of the membership" }, chip("opened it")),
        creator && c.kind === "group" && c.active && !m.ours && h("button", {
          class: "icon-button small", type: "button", "aria-label": `Remove ${m.name}`, title: `Remove ${m.name}`, onclick: () => removeMember(c, m),
        }, icon("close", 16))))),
    creator && c.kind === "group" && c.active && h("button", { class: "button small wide", type: "button", onclick: () => openAddMembers(c.id), "data-testid": "member-add" },
      icon("userPlus", 18), "Add members"),
    h("section", { class: "encryption" },
      h("h3", null, icon("lock", 16), "Encryption"),
      h("dl", null,
        fact("Protocol", "MLS, end to end"),
        fact("Epoch", String(c.epoch), "How often the keys have changed. Everyone in the group should see the same number."),
        fact("Sequencer", c.sequencer === c.persona ? "You" : nameOf(c.sequencer), "Decides the order of membership changes. It cannot read or forge more than any member."),
        fact("Opened", listTime(c.created_at)))));
}

/** @param {string} name @param {string} value @param {string} [hint] */
const fact = (name, value, hint) =>
  h("div", { class: "fact", key: name }, h("dt", null, name), h("dd", null, value), hint && h("p", { class: "field-hint" }, hint));
