// @ts-check
/** The frame around every screen: navigation, persona switcher, connection state. */

import { openHelp } from "./dialogs/help.js";
import { openPalette } from "./dialogs/palette.js";
import { h } from "./dom.js";
import { avatar } from "./elements/avatar.js";
import { badge, skeleton } from "./elements/parts.js";
import { icon } from "./icons.js";
import { approvalsDue, ballotsDue, conversations, currentPersona } from "./model.js";
import { isDark, rememberPersona, setTheme } from "./prefs.js";
import { go, href } from "./router.js";
import { state, update } from "./store.js";
import { unread } from "./unread.js";
import { activity } from "./views/activity.js";
import { approvals } from "./views/approvals.js";
import { contacts } from "./views/contacts.js";
import { conversationsView } from "./views/conversations.js";
import { decisions } from "./views/decisions.js";
import { home } from "./views/home.js";
import { more } from "./views/more.js";
import { network } from "./views/network.js";
import { outbox } from "./views/outbox.js";
import { onboarding } from "./views/onboarding.js";
import { settings } from "./views/settings.js";

/** @typedef {import("./router.js").Route} Route */

/** @type {Record<string, { title: string, view: (route: Route) => import("./dom.js").Child }>} */
const PAGES = {
  home: { title: "Home", view: home },
  conversations: { title: "Conversations", view: conversationsView },
  decisions: { title: "Decisions", view: decisions },
  contacts: { title: "Contacts", view: contacts },
  approvals: { title: "Approvals", view: approvals },
  outbox: { title: "Outbox", view: outbox },
  network: { title: "Network", view: network },
  activity: { title: "Activity", view: activity },
  settings: { title: "Settings", view: settings },
  more: { title: "More", view: more },
};

/** @param {Route} route */
export function shell(route) {
  const counts = {
    conversations: conversations().reduce((sum, c) => sum + (unread(c) > 0 ? 1 : 0), 0),
    decisions: ballotsDue().length,
    approvals: approvalsDue().length,
  };
  const waiting = counts.conversations + counts.decisions + counts.approvals;
  const current = PAGES[route.page] ?? PAGES.home;
  document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${current.title} · Conclave`;

  if (state.personas === null) return h("div", { class: "boot" }, skeleton(4, "Loading your personas"));
  if (state.personas.length === 0 || route.page === "welcome") return onboarding();
  return h("div", { class: `shell${route.id ? " has-detail" : ""}` },
    h("a", { class: "skip", href: "#main", onclick: focusMain }, "Skip to content"),
    sidebar(route, counts),
    h("main", { id: "main", class: "main", key: `${route.page}-${state.persona}`, tabindex: "-1" },
      offlineBar(), current.view(route)),
    bottomBar(route, counts));
}

/** @param {MouseEvent} event */
function focusMain(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {Route} route @param {Record<string, number>} counts */
function sidebar(route, counts) {
  const link = (/** @type {string} */ page, /** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ what = "") =>
    h("a", { class: "nav-link", href: href(page), "aria-current": route.page === page ? "page" : undefined, "data-testid": `nav-${page}` },
      icon(name), h("span", null, label), what && badge(counts[page], what));
  return h("nav", { class: "sidebar", "aria-label": "Main" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "./icon.svg", alt: "", width: 28, height: 28 }), "Conclave"),
    switcher(),
    h("button", { class: "search-button", type: "button", onclick: openPalette },
      icon("search", 16), h("span", null, "Search or jump to"), h("kbd", null, navigator.platform.startsWith("Mac") ? "⌘K" : "Ctrl K")),
    h("div", { class: "nav-group" },
      link("home", "home", "Home"),
      link("conversations", "chat", "Conversations", "unread"),
      link("decisions", "vote", "Decisions", "waiting for your vote"),
      link("approvals", "inbox", "Approvals", "waiting for you"),
      link("contacts", "people", "Contacts")),
    h("div", { class: "nav-group nav-secondary" },
      link("outbox", "clock", "Outbox"),
      link("network", "network", "Network"),
      link("activity", "activity", "Activity"),
      link("settings", "settings", "Settings")),
    h("footer", { class: "sidebar-foot" },
      connection(),
      h("button", { class: "icon-button", type: "button", "aria-label": "Keyboard shortcuts and help", title: "Help (?)", onclick: openHelp }, icon("help", 18)),
      themeButton()));
}

function themeButton() {
  const dark = isDark();
  const words = dark ? "Switch to light theme" : "Switch to dark theme";
  return h("button", {
    class: "icon-button", type: "button", "aria-label": words, title: words, "data-testid": "theme-toggle",
    onclick: () => {
      setTheme(dark ? "light" : "dark");
      update();
    },
  }, icon(dark ? "sun" : "moon", 18));
}

function connection() {
  const words = { live: "Connected", connecting: "Connecting…", lost: "Reconnecting…" }[state.live];
  return h("span", { class: `connection connection-${state.live}`, role: "status" }, h("span", { class: "dot" }), words);
}

/** Which persona's page this is; a menu where there are several. */
export function switcher() {
  const us = currentPersona();
  if (!us) return null;
  const face = [
    avatar({ persona: us.id, name: us.name }),
    h("span", { class: "switcher-words" }, h("strong", null, us.name), h("span", null, us.handle)),
  ];
  return h("details", { class: "switcher", onfocusout: closeWhenLeft, "data-testid": "persona-switcher" },
    h("summary", { "aria-label": `Persona ${us.name}. Switch persona` }, face, icon("switch", 16)),
    h("div", { class: "menu" },
      (state.personas ?? []).map((p) =>
        h("button", {
          class: "menu-item", type: "button", key: p.id, "aria-current": p.id === us.id ? "true" : undefined,
          onclick: (/** @type {any} */ e) => {
            e.target.closest("details").open = false;
            rememberPersona(p.id);
            update({ persona: p.id });
            go("home");
          },
        }, avatar({ persona: p.id, name: p.name }, { size: "s" }), h("span", null, p.name), p.id === us.id && icon("check", 16))),
      h("a", { class: "menu-item", href: "#/welcome" }, icon("plus", 18), h("span", null, "New persona"))));
}

/** @param {FocusEvent & { currentTarget: any }} event */
function closeWhenLeft(event) {
  const menu = event.currentTarget;
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
}

function offlineBar() {
  return state.live === "lost" && h("div", { class: "offline-bar", role: "alert", key: "offline" },
    icon("warn", 18),
    h("span", null, "The node does not answer. Check that ", h("code", null, "conclave up"), " is running; this page reconnects by itself."));
}

/** @param {Route} route @param {Record<string, number>} counts */
function bottomBar(route, counts) {
  const tab = (/** @type {string} */ page, /** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ n, /** @type {boolean} */ here = route.page === page) =>
    h("a", { class: "tab", href: href(page), "aria-current": here ? "page" : undefined },
      h("span", { class: "tab-icon" }, icon(name, 22), badge(n, "waiting")), h("span", null, label));
  const inMore = ["more", "outbox", "network", "activity", "settings", "contacts"].includes(route.page);
  return h("nav", { class: "bottom-bar", "aria-label": "Main" },
    tab("home", "home", "Home", 0),
    tab("conversations", "chat", "Chats", counts.conversations),
    tab("decisions", "vote", "Decisions", counts.decisions),
    tab("approvals", "inbox", "Approvals", counts.approvals),
    tab("more", "more", "More", 0, inMore));
}
