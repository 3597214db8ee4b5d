// @ts-check
/** What this browser remembers: theme, persona on screen, shortcuts, what has been read. */

const PREFIX = "conclave.";

/** @param {string} name */
const read = (name) => localStorage.getItem(PREFIX + name);
/** @param {string} name @param {string} value */
const write = (name, value) => localStorage.setItem(PREFIX + name, value);

/** @returns {"light" | "dark" | "system"} */
export const theme = () => {
  const chosen = read("theme");
  return chosen === "light" || chosen === "dark" ? chosen : "system";
};

/** @param {"light" | "dark" | "system"} chosen */
export function setTheme(chosen) {
  write("theme", chosen);
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** Whether the page is dark right now. */
export const isDark = () =>
  theme() === "dark" || (theme() === "system" && matchMedia("(prefers-color-scheme: dark)").matches);

export const rememberedPersona = () => read("persona");
/** @param {string} id */
export const rememberPersona = (id) => write("persona", id);

/** Single-key shortcuts can be switched off, for people who steer by voice. */
export const keysOn = () => read("keys") !== "off";
/** @param {boolean} on */
export const setKeys = (on) => write("keys", on ? "on" : "off");

/** @type {Record<string, string>} */
const seen = JSON.parse(read("seen") ?? "{}");

/** What was there before this browser's first visit does not count as unread. */
const firstVisit = read("first") ?? new Date().toISOString();
write("first", firstVisit);

/** When a conversation was last looked at, ISO-8601. @param {string} conversation */
export const seenAt = (conversation) => seen[conversation] ?? firstVisit;

/** Whether that is news. @param {string} conversation @param {string} at */
export function markSeen(conversation, at) {
  if (seenAt(conversation) >= at) return false;
  seen[conversation] = at;
  write("seen", JSON.stringify(seen));
  return true;
}
