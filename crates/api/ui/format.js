// @ts-check
/** Times, shares and sizes in the words people use. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const INSTANT = "\\d{4}-\\d{2}-\\d{2}T[\\d:.]+Z";
const INTERVAL = new RegExp(`^(${INSTANT})/(${INSTANT})$`);

/**
 * Orders times and ids by their characters. Not by `localeCompare`, which knows better.
 * @param {string} a @param {string} b
 */
export const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const shortDate = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const moment = new Intl.DateTimeFormat(undefined, {
  weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** `14:05` @param {string} iso */
export const timeOfDay = (iso) => clock.format(new Date(iso));

/** `Thu, 15 Oct, 19:00` @param {string} iso */
export const dateAndTime = (iso) => moment.format(new Date(iso));

/** Everything, for tooltips. @param {string} iso */
export const exactTime = (iso) => exact.format(new Date(iso));

/** Days from today's midnight to that day's; 0 today, 1 yesterday. @param {Date} date */
function daysAgo(date) {
  const today = new Date();
  const midnight = (/** @type {Date} */ d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  return Math.round((midnight(today) - midnight(date)) / DAY);
}

/** `Today`, `Yesterday`, `Tuesday`, `Tuesday, 3 March` @param {string} iso */
export function dayName(iso) {
  const date = new Date(iso);
  const days = daysAgo(date);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days > 0 && days < 7 ? weekday.format(date) : longDate.format(date);
}

/** As short as a list allows: `14:05`, `Yesterday`, `Tue`, `3 Mar`. @param {string} iso */
export function listTime(iso) {
  const date = new Date(iso);
  const days = daysAgo(date);
  if (days === 0) return clock.format(date);
  if (days === 1) return "Yesterday";
  return days > 0 && days < 7 ? weekday.format(date).slice(0, 3) : shortDate.format(date);
}

/** `just now`, `5 minutes ago`, `yesterday at 14:05` @param {string} iso */
export function ago(iso) {
  const passed = Date.now() - Date.parse(iso);
  if (passed < MINUTE) return "just now";
  if (passed < HOUR) return `${count(Math.floor(passed / MINUTE), "minute")} ago`;
  if (passed < 8 * HOUR) return `${count(Math.floor(passed / HOUR), "hour")} ago`;
  const day = dayName(iso);
  return `${day === "Today" || day === "Yesterday" ? day.toLowerCase() : day} at ${timeOfDay(iso)}`;
}

/** `2 d 4 h`, `3 h 12 min`, `12 min`, `45 s` @param {number} ms */
export function span(ms) {
  if (ms >= DAY) return pair(Math.floor(ms / DAY), "d", Math.floor((ms % DAY) / HOUR), "h");
  if (ms >= HOUR) return pair(Math.floor(ms / HOUR), "h", Math.floor((ms % HOUR) / MINUTE), "min");
  if (ms >= 5 * MINUTE) return `${Math.floor(ms / MINUTE)} min`;
  if (ms >= MINUTE) return pair(Math.floor(ms / MINUTE), "min", Math.floor((ms % MINUTE) / 1000), "s");
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}

/** @param {number} a @param {string} unitA @param {number} b @param {string} unitB */
const pair = (a, unitA, b, unitB) => (b > 0 ? `${a} ${unitA} ${b} ${unitB}` : `${a} ${unitA}`);

/** `1 vote`, `3 votes` @param {number} n @param {string} one @param {string} [many] */
export const count = (n, one, many) => `${n} ${n === 1 ? one : many ?? `${one}s`}`;

/** `Thu, 15 Oct, 19:00 – 21:00` @param {string} start @param {string} end */
export function timeRange(start, end) {
  const sameDay = new Date(start).toDateString() === new Date(end).toDateString();
  return `${dateAndTime(start)} – ${sameDay ? timeOfDay(end) : dateAndTime(end)}`;
}

/**
 * What an option of a proposal says. Times are written as ISO 8601 intervals, which are the same
 * for everyone, and shown as each reader's own time.
 * @param {string} option Such as `2026-11-24T18:00:00Z/2026-11-24T20:00:00Z`, or any text.
 */
export function optionInWords(option) {
  const [, start, end] = option.match(INTERVAL) ?? [];
  if (!start || !(Date.parse(start) < Date.parse(end))) return option;
  return timeRange(start, end);
}

/** With a capital at its start, as a line of its own has. @param {string} text */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A fraction such as `7/10` as a number; NaN when it is none. @param {string} share */
export function fraction(share) {
  const [top, bottom = "1"] = share.split("/");
  return Number(top) / Number(bottom);
}

/** `70%`, `two thirds`, `everyone` @param {string} share */
export function shareInWords(share) {
  const value = fraction(share);
  if (value === 1) return "all";
  if (share === "1/2") return "half";
  if (share === "2/3") return "two thirds";
  if (share === "3/4") return "three quarters";
  return `${Math.round(value * 1000) / 10}%`;
}

/** A proposal's rule as a sentence. @param {import("./model.js").Rule} rule @param {number} voters */
export function ruleInWords(rule, voters) {
  const quorum = rule.quorum > 1 ? ` At least ${rule.quorum} of ${voters} must vote.` : "";
  if (rule.method === "threshold") {
    const of = rule.base === "electorate" ? "members" : rule.base === "cast" ? "ballots cast" : "yes and no votes";
    const share = shareInWords(rule.share);
    const who = share === "all" ? `all ${of}` : `${share} of ${of}`;
    return `Passes with yes from ${share === "all" ? "" : "at least "}${who}.${quorum}`;
  }
  if (rule.method === "veto") {
    const share = shareInWords(rule.share);
    const of = rule.base === "electorate" ? "members" : "ballots cast";
    return `Passes with yes from ${share === "all" ? "" : "at least "}${share} of ${of}, unless one of ${rule.holders.length} with a veto says no.${quorum}`;
  }
  if (rule.method === "consent") return `Passes unless someone objects.${quorum}`;
  if (rule.method === "ranked") return `The winner of everyone's rankings, by Schulze's method.${quorum}`;
  if (rule.method === "score") {
    const win = rule.winners === 1 ? "The option with the most points wins" : `The ${rule.winners} options with the most points win`;
    return `${win}; up to ${rule.points} from each.${quorum}`;
  }
  if (rule.method === "suitability") {
    const win = rule.winners === 1 ? "The option that suits most, if need be, wins" : `The ${rule.winners} options that suit most, if need be, win`;
    const least = fraction(rule.minimum) > 0 ? `, if it suits at least ${shareInWords(rule.minimum)} of the ballots` : "";
    return `${win}${least}.${quorum}`;
  }
  const winners = rule.winners === 1 ? "The option with the most approvals wins" : `The ${rule.winners} most approved options win`;
  const minimum = fraction(rule.minimum) > 0 ? `, if at least ${shareInWords(rule.minimum)} of the ballots approve it` : "";
  return `${winners}${minimum}.${quorum}`;
}

/** `next door (1 ms)`, `near (12 ms)` @param {number | null} ms */
export function distanceInWords(ms) {
  if (ms === null || ms === undefined) return "not measured yet";
  const figure = `${ms} ms`;
  if (ms < 2) return `next door (${figure})`;
  if (ms < 30) return `near (${figure})`;
  if (ms < 120) return `some way off (${figure})`;
  return `far away (${figure})`;
}

/** A size for people. @param {number} n */
export function bytes(n) {
  if (n < 1024) return `${n} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
