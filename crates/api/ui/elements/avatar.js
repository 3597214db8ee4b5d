// @ts-check
/** A face for a key: the colour comes from the id, the initials from the name. */

import { h } from "../dom.js";

/** Golden angle, which keeps hues of neighbouring numbers apart. */
const GOLDEN = 137.508;

/** @param {string} id */
export function hueOf(id) {
  let hash = 2166136261;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
  return Math.round(((hash >>> 0) % 4096) * GOLDEN) % 360;
}

/** @param {string} name */
export function initials(name) {
  const words = name.replace(/[^\p{L}\p{N}\s]/gu, "").split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? "?")][0] ?? "?";
  const last = words.length > 1 ? [...(words.at(-1) ?? "")][0] ?? "" : "";
  return (first + last).toUpperCase();
}

/**
 * @param {{ persona: string, name: string, online?: boolean }} who
 * @param {{ size?: "xs" | "s" | "m" | "l", title?: string | false, ring?: boolean }} [options]
 */
export function avatar(who, options = {}) {
  const { size = "m", title = who.name, ring = false } = options;
  return h("span", {
    class: `avatar avatar-${size}${ring ? " avatar-ring" : ""}`,
    style: { "--hue": hueOf(who.persona) },
    title: title || undefined,
    "aria-hidden": "true",
  },
  initials(who.name),
  who.online !== undefined && h("span", { class: who.online ? "presence on" : "presence" }));
}

/**
 * Several faces in a row, the rest as a number.
 * @param {{ persona: string, name: string }[]} people
 * @param {{ max?: number, size?: "xs" | "s" }} [options]
 */
export function avatarStack(people, { max = 5, size = "xs" } = {}) {
  const rest = people.length - max;
  const names = people.map((p) => p.name).join(", ");
  return h("span", { class: "avatar-stack", role: "img", "aria-label": names, title: names },
    people.slice(0, max).map((p) => avatar(p, { size, title: false, ring: true })),
    rest > 0 && h("span", { class: `avatar avatar-${size} avatar-rest` }, `+${rest}`));
}

/**
 * One face for two people, two for a group.
 * @param {import("../model.js").Conversation} c
 * @param {import("../model.js").Member[]} others
 */
export function conversationAvatar(c, others) {
  const [first, second] = others;
  if (!first) return avatar({ persona: c.id, name: c.title || "?" });
  if (c.kind === "direct" || !second) {
    return avatar({ persona: first.persona, name: first.name, online: c.kind === "direct" ? first.online : undefined });
  }
  return h("span", { class: "avatar-pair", "aria-hidden": "true" },
    avatar({ persona: second.persona, name: second.name }, { size: "s", title: false }),
    avatar({ persona: first.persona, name: first.name }, { size: "s", title: false, ring: true }));
}
