// @ts-check
/** What does not fit into the bottom bar of a phone. */

import { openHelp } from "../dialogs/help.js";
import { openPalette } from "../dialogs/palette.js";
import { h } from "../dom.js";
import { page } from "../elements/parts.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { isDark, setTheme } from "../prefs.js";
import { switcher } from "../shell.js";
import { update } from "../store.js";

function turnTheme() {
  setTheme(isDark() ? "light" : "dark");
  update();
}

export function more() {
  const link = (/** @type {string} */ to, /** @type {string} */ name, /** @type {string} */ label) =>
    h("a", { class: "more-link", href: href(to) }, icon(name), h("span", null, label), icon("right", 18));
  const button = (/** @type {() => void} */ onclick, /** @type {string} */ name, /** @type {string} */ label) =>
    h("button", { class: "more-link", type: "button", onclick }, icon(name), h("span", null, label), icon("right", 18));
  return page({ title: "More" },
    switcher(),
    h("div", { class: "panel more-list" },
      link("contacts", "people", "Contacts"),
      link("outbox", "clock", "Outbox"),
      link("network", "network", "Network"),
      link("activity", "activity", "Activity"),
      link("settings", "settings", "Settings"),
      button(openPalette, "search", "Search"),
      button(turnTheme, isDark() ? "sun" : "moon", isDark() ? "Light theme" : "Dark theme"),
      button(openHelp, "help", "Help")));
}
