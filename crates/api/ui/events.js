// @ts-check
/**
 * The live stream: one WebSocket which resumes where it stopped.
 *
 * The first frame we send carries the CSRF token and the cursor of the last event seen. The node
 * then sends what we missed, or says `resync` when that is too long ago.
 */

import { getCsrf } from "./api.js";

const FIRST_DELAY_MS = 400;
const DELAY_MS_MAX = 20_000;

/**
 * @typedef {{ type: "event", cursor: number, at: string, event: string, persona: string | null,
 *   data: any }} EventFrame
 * @typedef {{ onEvent: (frame: EventFrame) => void, onResync: () => void,
 *   onState: (state: "connecting" | "live" | "lost") => void, onBroken: () => void }} Listener
 */

/** @type {WebSocket | null} */
let socket = null;
/** @type {number | string | null} */
let cursor = null;
let failures = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
let wanted = false;

/** @type {Listener | null} */
let current = null;

addEventListener("online", () => {
  if (wanted && current && socket === null) open(current);
});

/** @param {Listener} listener */
export function connect(listener) {
  if (wanted) return;
  wanted = true;
  current = listener;
  open(listener);
}

/** Closes the stream and stays closed. */
export function disconnect() {
  wanted = false;
  clearTimeout(retry);
  socket?.close();
  socket = null;
}

/** @param {Listener} listener */
function open(listener) {
  clearTimeout(retry);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/v1/events`);
  const resuming = cursor !== null;
  const hadFailed = failures > 0;
  socket = opened;
  opened.onopen = () => {
    opened.send(JSON.stringify({ type: "hello", csrf: getCsrf(), cursor }));
    listener.onState("live");
    // Without a cursor nothing is replayed, so what happened meanwhile has to be fetched.
    if (!resuming && hadFailed) listener.onResync();
  };
  opened.onmessage = (message) => {
    failures = 0;
    const frame = parse(message.data);
    if (frame === null) return;
    if (frame.cursor !== undefined && frame.cursor !== null) cursor = frame.cursor;
    if (frame.type === "event") listener.onEvent(frame);
    else if (frame.type === "resync") listener.onResync();
  };
  opened.onclose = () => {
    if (socket !== opened) return;
    socket = null;
    if (!wanted) return;
    failures += 1;
    listener.onState(failures > 1 ? "lost" : "connecting");
    listener.onBroken();
    retry = setTimeout(() => open(listener), delay(failures));
  };
}

/**
 * Doubles with each failure, and is spread so that several pages do not return together.
 * @param {number} failed
 */
function delay(failed) {
  const ceiling = Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** Math.min(failed, 8));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}

/** @param {unknown} data */
function parse(data) {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}
