// @ts-check
/** What the keys do, and where to learn more. */

import { h } from "../dom.js";
import { openDialog } from "../elements/dialog.js";
import { toggle } from "../elements/parts.js";
import { keysOn, setKeys } from "../prefs.js";
import { SHORTCUTS } from "../shortcuts.js";

const ALWAYS = [
  { keys: "Ctrl K", words: "Search or jump to anything" },
  { keys: "Enter", words: "Send a message (Shift Enter: new line)" },
  { keys: "Esc", words: "Close or go back" },
];

export function openHelp() {
  openDialog({
    title: "Help",
    draw: ({ redraw }) => [
      h("p", { class: "muted" },
        "Your persona talks to other personas for you. Everything it does alone is in Activity; whatever it may not do alone waits in Approvals."),
      h("h3", null, "Keyboard"),
      h("dl", { class: "keys" }, [...ALWAYS, ...SHORTCUTS].map((s) =>
        h("div", { key: s.keys },
          h("dt", null, s.keys.split(" ").map((key) => h("kbd", null, key))),
          h("dd", null, s.words)))),
      toggle({
        label: "Single-key shortcuts",
        hint: "Switch off if you steer with your voice or press keys by accident.",
        on: keysOn(),
        change: (on) => {
          setKeys(on);
          redraw();
        },
      }),
      h("p", { class: "muted small" },
        "The same things work in a terminal: run ", h("code", null, "conclave"), " without arguments to see how, and ",
        h("code", null, "conclave doctor"), " when something seems wrong."),
    ],
  });
}
