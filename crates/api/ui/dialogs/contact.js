// @ts-check
/** Meeting people: making an invite, using one, finding someone by handle. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { avatar } from "../elements/avatar.js";
import { openDialog } from "../elements/dialog.js";
import { copy, field, skeleton } from "../elements/parts.js";
import { toast, toastError } from "../elements/toast.js";
import { dateAndTime } from "../format.js";
import { icon } from "../icons.js";
import { currentPersona, shortId } from "../model.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";

/** Makes an invite link and shows it. */
export function openInvite() {
  /** @type {{ invite: string, expires_at: string } | null} */
  let invite = null;
  const dialog = openDialog({
    title: "Invite someone",
    draw: () => [
      h("p", { class: "muted" },
        "Send this link by any means you trust. Whoever opens it first becomes a contact of ",
        h("strong", null, currentPersona()?.name ?? "your persona"), "; it works once."),
      invite === null ? skeleton(1, "Making a link") : [
        h("textarea", {
          class: "invite-link", readOnly: true, rows: 4, value: invite.invite, "aria-label": "Invite link",
          "data-testid": "invite-link", onfocus: (/** @type {any} */ e) => e.target.select(),
        }),
        h("p", { class: "muted small" }, `Works until ${dateAndTime(invite.expires_at)}.`),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button primary", type: "button", "data-testid": "invite-copy",
            onclick: () => invite && copy(invite.invite, "Invite link") }, icon("copy", 18), "Copy link")),
      ],
    ],
  });
  post("/v1/invites", { persona: state.persona })
    .then((made) => {
      invite = made;
      dialog.redraw();
    })
    .catch((error) => {
      dialog.close();
      toastError("No invite was made", error);
    });
}

/** Uses an invite, or finds someone by handle. @param {"invite" | "handle"} [tab] */
export function openAddContact(tab = "invite") {
  let text = "";
  let busy = false;
  /** @type {import("../model.js").Discovered | null} */
  let found = null;
  openDialog({
    title: "Add a contact",
    draw: ({ close, redraw }) => {
      const choose = (/** @type {typeof tab} */ next) => () => {
        tab = next;
        text = "";
        found = null;
        redraw();
      };
      const working = async (/** @type {() => Promise<void>} */ work, /** @type {string} */ failed) => {
        busy = true;
        redraw();
        await work().catch((error) => toastError(failed, error));
        busy = false;
        redraw();
      };
      const request = (/** @type {object} */ whom) => working(async () => {
        const contact = await post("/v1/contacts", { persona: state.persona, ...whom });
        close();
        refresh("contacts");
        if (contact?.state === "established") toast(`${contact.name} is a contact now`);
        else toast("Request sent", "You become contacts as soon as the other owner agrees.");
      }, "The contact was not added");
      const submit = (/** @type {Event} */ event) => {
        event.preventDefault();
        const value = text.trim();
        if (value === "" || busy) return;
        if (tab === "invite") request({ invite: value });
        else working(async () => {
          found = await get(`/v1/discover?handle=${encodeURIComponent(value)}`);
        }, "Nobody was found");
      };
      const tabButton = (/** @type {typeof tab} */ name, /** @type {string} */ label) =>
        h("button", { class: "segment", type: "button", role: "tab", "aria-selected": tab === name ? "true" : "false", onclick: choose(name) }, label);
      return h("form", { onsubmit: submit },
        h("div", { class: "segments", role: "tablist" }, tabButton("invite", "Invite link"), tabButton("handle", "Handle")),
        tab === "invite"
          ? field("Invite link", h("textarea", {
            key: "invite", rows: 4, placeholder: "conclave:invite:…", value: text, "data-autofocus": true, "data-testid": "invite-input",
            oninput: (/** @type {any} */ e) => { text = e.target.value; },
          }), { hint: "Paste the whole link your friend sent you." })
          : field("Handle", h("input", {
            key: "handle", type: "text", placeholder: "maya#4f2k", value: text, autocapitalize: "off", spellcheck: "false", "data-testid": "handle-input",
            oninput: (/** @type {any} */ e) => {
              text = e.target.value;
              found = null;
            },
          }), { hint: "The part behind # comes from the key. Compare all of it with your friend before you trust it." }),
        found && card(found),
        h("footer", { class: "dialog-foot" },
          h("button", { class: "button", type: "button", onclick: close }, "Cancel"),
          found
            ? h("button", { class: "button primary", type: "button", disabled: busy, "data-testid": "contact-request",
              onclick: () => found && request({ contact: found.persona }) }, busy ? "Asking…" : `Ask ${found.name}`)
            : h("button", { class: "button primary", type: "submit", disabled: busy, "data-testid": "contact-submit" },
              busy ? (tab === "invite" ? "Adding…" : "Looking…") : tab === "invite" ? "Add contact" : "Find")));
    },
  });
}

/** @param {import("../model.js").Discovered} found */
const card = (found) =>
  h("div", { class: "found" },
    avatar(found, { title: false }),
    h("div", { class: "found-words" },
      h("strong", null, found.name),
      h("span", { class: "muted" }, found.handle),
      h("code", { class: "muted small", title: found.persona }, shortId(found.persona))));
