// @ts-check
/**
 * Two custom elements that keep their own words fresh: `<time-ago at="ISO">` and
 * `<count-down to="ISO">`. One timer serves all of them.
 */

import { ago, exactTime, span } from "../format.js";

/** @type {Set<Clock>} */
const running = new Set();

class Clock extends HTMLElement {
  static observedAttributes = ["at", "to"];

  connectedCallback() {
    running.add(this);
    this.tick();
  }

  disconnectedCallback() {
    running.delete(this);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.tick();
  }

  /** Writes the words for now. */
  tick() {}

  /** @param {string} words */
  write(words) {
    if (this.textContent !== words) this.textContent = words;
  }
}

class TimeAgo extends Clock {
  tick() {
    const at = this.getAttribute("at");
    if (!at) return;
    this.title = exactTime(at);
    this.write(ago(at));
  }
}

class CountDown extends Clock {
  tick() {
    const to = this.getAttribute("to");
    if (!to) return;
    const left = Date.parse(to) - Date.now();
    this.title = exactTime(to);
    this.classList.toggle("soon", left > 0 && left < 5 * 60_000);
    this.write(left > 0 ? `${span(left)} left` : this.getAttribute("over") ?? "over");
  }
}

customElements.define("time-ago", TimeAgo);
customElements.define("count-down", CountDown);

setInterval(() => {
  if (document.hidden) return;
  for (const clock of running) clock.tick();
}, 1_000);
