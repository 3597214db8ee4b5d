// @ts-check
/** Opening a conversation, and changing who is in it. */

import { post, remove } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { confirm, openDialog } from "../elements/dialog.js";
import { empty, field } from "../elements/parts.js";
import { toast, toastError } from "../elements/toast.js";
import { icon } from "../icons.js";
import { conversation, friends, titleOf } from "../model.js";
import { go } from "../router.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";
import { openInvite } from "./contact.js";

/** @typedef {import("../model.js").Contact} Contact */

/** Goes to the direct conversation with a contact, opening it first if need be. @param {string} persona */
export async function openDirect(persona) {
  const known = state.conversations?.find((c) =>
    c.kind === "direct" && c.active && c.persona === state.persona && c.members.some((m) => m.persona === persona));
  if (known) return go("conversations", known.id);
  try {
    const opened = await post("/v1/conversations", { persona: state.persona, kind: "direct", members: [persona] });
    await refresh("conversations");
    go("conversations", opened.id);
  } catch (error) {
    toastError("The conversation was not opened", error);
  }
}

/** @param {string[]} [preset] Personas chosen from the start. */
export function openNewConversation(preset = []) {
  const chosen = new Set(preset);
  let title = "";
  let busy = false;
  openDialog({
    title: "New conversation",
    draw: ({ close, redraw }) => {
      const people = friends();
      if (people.length === 0) return noFriends(close);
      const group = chosen.size > 1;
      const submit = async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (chosen.size === 0 || busy) return;
        const [only] = chosen;
        if (!group) {
          close();
          return openDirect(only);
        }
        busy = true;
        redraw();
        try {
          const opened = await post("/v1/conversations", {
            persona: state.persona, kind: "group", members: [...chosen], title: title.trim() || defaultTitle(people, chosen),
          });
          close();
          await refresh("conversations");
          go("conversations", opened.id);
        } catch (error) {
          toastError("The group was not opened", error);
          busy = false;
          redraw();
        }
      };
      return h("form", { onsubmit: submit },
        h("p", { class: "muted" }, "One person makes a direct conversation, several make a group. Everything is end-to-end encrypted."),
        chooser(people, chosen, redraw),
        group && field("Group title", h("input", {
          type: "text", maxlength: 128, value: title, placeholder: defaultTitle(people, chosen), "data-testid": "conversation-title",
          oninput: (/** @type {any} */ e) => { title = e.target.value; },
        })),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", { class: "button primary", type: "submit", disabled: chosen.size === 0 || busy, "data-testid": "conversation-create" },
            busy ? "Opening…" : group ? `Open group of ${chosen.size + 1}` : "Open conversation")));
    },
  });
}

/** @param {Contact[]} people @param {Set<string>} chosen */
const defaultTitle = (people, chosen) =>
  people.filter((p) => chosen.has(p.persona)).map((p) => p.name.split(" ")[0]).join(", ").slice(0, 100);

/** @param {() => void} close */
const noFriends = (close) => empty({
  icon: "people",
  title: "No contacts yet",
  words: "Conversations are between personas that know each other. Send somebody an invite link first.",
  action: h("button", { class: "button primary", type: "button", onclick: () => {
    close();
    openInvite();
  } }, "Invite someone"),
});

/** @param {Contact[]} people @param {Set<string>} chosen @param {() => void} redraw */
const chooser = (people, chosen, redraw) =>
  h("ul", { class: "chooser" }, people.map((p) =>
    h("li", { key: p.persona },
      h("label", { class: "chooser-row", "data-testid": "contact-choice" },
        avatar(p, { title: false }),
        h("span", { class: "chooser-words" }, h("strong", null, p.name), h("span", { class: "muted" }, p.handle)),
        h("input", {
          type: "checkbox", checked: chosen.has(p.persona), "aria-label": p.name,
          onchange: (/** @type {any} */ e) => {
            if (e.target.checked) chosen.add(p.persona);
            else chosen.delete(p.persona);
            redraw();
          },
        })))));

/** Adds contacts to a group. @param {string} id */
export function openAddMembers(id) {
  const chosen = new Set();
  let busy = false;
  openDialog({
    title: "Add to the group",
    draw: ({ close, redraw }) => {
      const inside = new Set(conversation(id)?.members.map((m) => m.persona));
      const people = friends().filter((p) => !inside.has(p.persona));
      if (people.length === 0) {
        return empty({ icon: "people", title: "Everybody is here", words: "All your contacts are in this group already." });
      }
      const add = async () => {
        busy = true;
        redraw();
        try {
          await post(`/v1/conversations/${id}/members`, { members: [...chosen] });
          close();
          toast(chosen.size === 1 ? "Member added" : "Members added", "They read from now on, not what came before.");
          refresh("conversations");
        } catch (error) {
          toastError("Nobody was added", error);
          busy = false;
          redraw();
        }
      };
      return [
        h("p", { class: "muted" }, "New members cannot read what was written before they came: the group changes its keys."),
        chooser(people, chosen, redraw),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          h("button", { class: "button primary", type: "button", disabled: chosen.size === 0 || busy, onclick: add }, busy ? "Adding…" : "Add")),
      ];
    },
  });
}

/** @param {import("../model.js").Conversation} c @param {import("../model.js").Member} member */
export async function removeMember(c, member) {
  const sure = await confirm({
    title: `Remove ${member.name}?`,
    words: `${member.name} keeps what was written so far and reads nothing from now on. The keys of ${titleOf(c)} change.`,
    action: "Remove",
    danger: true,
  });
  if (!sure) return;
  try {
    await remove(`/v1/conversations/${c.id}/members/${encodeURIComponent(member.persona)}`);
    toast(`${member.name} was removed`);
    refresh("conversations");
  } catch (error) {
    toastError(`${member.name} was not removed`, error);
  }
}

/** A small button for the members panel. @param {() => void} onclick @param {string} label */
export const removeButton = (onclick, label) =>
  h("button", { class: "icon-button small", type: "button", "aria-label": label, title: label, onclick }, icon("close", 16));
