// @ts-check
/**
 * Keeps the state like the node's: fetches lists, applies events, sends what the owner does.
 *
 * Events are treated as news that something changed. Messages carry their content and are put in
 * place directly; of everything else the current version is fetched, one request per burst.
 */

import { ApiError, get, idempotencyKey, patch, post, remove } from "./api.js";
import { announce } from "./elements/live.js";
import { toast } from "./elements/toast.js";
import { compare, exactTime } from "./format.js";
import { isSpoken } from "./model.js";
import { rememberedPersona } from "./prefs.js";
import { route } from "./router.js";
import { state, update } from "./store.js";
import { unread } from "./unread.js";

/** @typedef {import("./model.js").Message} Message */
/** @typedef {import("./model.js").Thread} Thread */

const PAGE = 50;
const SETTLE_MS = 60;
const THREADS_AT_ONCE = 4;
/** Threads with news are fetched to count them; all others when they are opened. */
const THREADS_AHEAD_MAX = 12;

/** How to fetch each list. @type {Record<string, () => Promise<void>>} */
const fetchers = {
  personas: async () => {
    const { personas } = await get("/v1/personas");
    const known = (/** @type {string | null} */ id) => personas.some((/** @type {any} */ p) => p.id === id);
    const remembered = rememberedPersona();
    const persona = known(state.persona) ? state.persona
      : known(remembered) ? remembered
      : personas[0]?.id ?? null;
    update({ personas, persona });
    if (state.mandates.size > 0) refresh("mandates");
  },
  /** Of every persona: what it may vote on by itself. */
  mandates: async () => {
    for (const { id } of state.personas ?? []) {
      state.mandates.set(id, (await get(`/v1/personas/${encodeURIComponent(id)}/mandates`)).mandates);
    }
    update();
  },
  contacts: async () => update({ contacts: (await get("/v1/contacts")).contacts }),
  conversations: async () => {
    const { conversations } = await get("/v1/conversations");
    update({ conversations });
    await loadNews(conversations);
  },
  proposals: async () => {
    /** @type {{ proposals: import("./model.js").Proposal[] }} */
    const { proposals } = await get("/v1/proposals");
    for (const { voters } of proposals) voters.sort((a, b) => a.name.localeCompare(b.name));
    update({ proposals });
  },
  inquiries: async () => update({ inquiries: (await get("/v1/inquiries")).inquiries }),
  tasks: async () => update({ tasks: (await get("/v1/tasks")).tasks }),
  approvals: async () => update({ approvals: (await get("/v1/approvals")).approvals }),
  queue: async () => update({ queue: await get("/v1/queue") }),
  network: async () => update({ network: await get("/v1/network") }),
  tokens: async () => update({ tokens: (await get("/v1/tokens")).tokens }),
  audit: async () => update({ audit: (await get("/v1/audit")).entries }),
};

/** @typedef {keyof typeof fetchers} Topic */

/** @type {Map<string, Promise<void>>} */
const pending = new Map();

/**
 * Fetches a list again. Calls made while one is about to start share it.
 * @param {string} topic
 * @returns {Promise<void>}
 */
export function refresh(topic) {
  const waiting = pending.get(topic);
  if (waiting) return waiting;
  const run = new Promise((done) => setTimeout(done, SETTLE_MS)).then(() => {
    pending.delete(topic);
    return fetchers[topic]();
  });
  // A failed refresh is said by the connection state; the next event or visit tries again.
  const guarded = run.catch(() => {});
  pending.set(topic, guarded);
  return guarded;
}

/** Everything a fresh page needs. */
export async function loadAll() {
  await fetchers.personas();
  await Promise.all(["contacts", "conversations", "proposals", "inquiries", "tasks", "approvals"].map(refresh));
}

/** After a gap in the events: everything again, including the threads on record. */
export async function resync() {
  state.threads.clear();
  await refresh("personas");
  await Promise.all(["contacts", "conversations", "proposals", "inquiries", "tasks", "approvals"].map(refresh));
  if (state.network) refresh("network");
  if (state.queue) refresh("queue");
  if (state.audit) refresh("audit");
}

/** @param {import("./model.js").Conversation[]} conversations */
async function loadNews(conversations) {
  const fresh = conversations.filter((c) => unread(c) > 0 && !state.threads.get(c.id)?.fetched);
  const missing = [...new Set(fresh.map((c) => c.id))].slice(0, THREADS_AHEAD_MAX);
  const worker = async () => {
    for (let id = missing.shift(); id; id = missing.shift()) await loadOlder(id).catch(() => {});
  };
  await Promise.all(Array.from({ length: THREADS_AT_ONCE }, worker));
}

/** @param {string} conversation @returns {Thread} */
export function thread(conversation) {
  let found = state.threads.get(conversation);
  if (!found) {
    found = { messages: [], next: null, loading: false, fetched: false, failed: false, complete: false };
    state.threads.set(conversation, found);
  }
  return found;
}

/** Fetches the page before the oldest message on record. @param {string} conversation */
export async function loadOlder(conversation) {
  const record = thread(conversation);
  if (record.loading || record.complete) return;
  Object.assign(record, { loading: true, failed: false });
  update();
  try {
    const before = record.next ? `&before=${encodeURIComponent(record.next)}` : "";
    const page = await get(`/v1/conversations/${conversation}/messages?limit=${PAGE}${before}`);
    for (const message of page.messages) place(record, message);
    record.next = page.next ?? null;
    record.complete = record.next === null;
    record.fetched = true;
  } catch (error) {
    record.failed = true;
    throw error;
  } finally {
    record.loading = false;
    update();
  }
}

/** Puts a message where it belongs, or renews it. @param {Thread} record @param {Message} message */
function place(record, message) {
  const at = record.messages.findIndex((m) => m.id === message.id);
  if (at >= 0) {
    const known = record.messages[at];
    record.messages[at] = { ...known, ...message, quoted: message.quoted ?? known.quoted, pending: undefined };
    return;
  }
  // Our own message may arrive as an event before the request that sent it is answered.
  if (message.ours) {
    const echo = record.messages.findIndex((m) => m.pending === "sending" && m.text === message.text);
    if (echo >= 0) {
      message = { ...message, quoted: message.quoted ?? record.messages[echo].quoted };
      record.messages.splice(echo, 1);
    }
  }
  record.messages.push(message);
  record.messages.sort((a, b) => compare(order(a), order(b)));
}

/** @param {Message} m */
const order = (m) => (m.pending ? `~${m.sent_at}` : m.committed_at);

/** Messages of which news came before they did. @type {Set<string>} */
const early = new Set();
const EARLY_MAX = 1_000;

/** Fetches a message again, where its thread is on record. @param {string} conversation @param {string} id */
async function renew(conversation, id) {
  if (!state.threads.has(conversation)) return void refresh("conversations");
  try {
    place(thread(conversation), await get(`/v1/messages/${id}`));
    update();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) return;
    if (early.size >= EARLY_MAX) early.clear();
    early.add(id);
  }
}

/**
 * Puts an emoji on a message or takes it off, on the page at once.
 * @param {import("./model.js").Conversation} c @param {Message} m @param {string} emoji @param {boolean} on
 */
export async function react(c, m, emoji, on) {
  const others = (m.reactions ?? []).map((r) => ({ ...r, by: r.emoji === emoji ? r.by.filter((id) => id !== c.persona) : r.by }));
  if (on) {
    const same = others.find((r) => r.emoji === emoji);
    if (same) same.by.push(c.persona);
    else others.push({ emoji, by: [c.persona] });
  }
  m.reactions = others.filter((r) => r.by.length > 0);
  update();
  try {
    await post(`/v1/messages/${m.id}/reactions`, { emoji, on, persona: c.persona });
  } catch (error) {
    await renew(m.conversation, m.id);
    throw error;
  }
}

/** @param {Message} m @param {string} text */
export async function edit(m, text) {
  await patch(`/v1/messages/${m.id}`, { text });
  await renew(m.conversation, m.id);
}

/** Deletes a message for everyone. @param {Message} m */
export async function unsay(m) {
  await remove(`/v1/messages/${m.id}`);
  await renew(m.conversation, m.id);
}

/**
 * Says something: shown at once, sent with a key that makes trying again safe.
 * @param {import("./model.js").Conversation} c
 * @param {string} text
 * @param {string} [key]
 * @param {Message | null} [to] The message it answers.
 */
export async function say(c, text, key = idempotencyKey(), to = null) {
  const record = thread(c.id);
  const now = new Date().toISOString();
  record.messages = record.messages.filter((m) => m.key !== key);
  /** @type {Message} */
  const sent = {
    id: `pending-${key}`, key, conversation: c.id, author: c.persona, author_name: "", ours: true,
    sent_at: now, committed_at: now, kind: "text", text, proposal: null, deliveries: [], pending: "sending",
    reply_to: to?.id ?? null, quoted: to && { author: to.author, author_name: to.author_name, text: to.text },
  };
  record.messages.push(sent);
  update();
  try {
    const reply = await post(`/v1/conversations/${c.id}/messages`, { text, persona: c.persona, reply_to: to?.id ?? null }, { "idempotency-key": key });
    const known = record.messages.some((m) => m.id === reply.id);
    if (known) record.messages = record.messages.filter((m) => m !== sent);
    else Object.assign(sent, { id: reply.id, pending: undefined });
    update();
  } catch (error) {
    sent.pending = "refused";
    update();
    throw error;
  }
}

/** Drops a message the node refused. @param {Message} message */
export function forget(message) {
  const record = thread(message.conversation);
  record.messages = record.messages.filter((m) => m !== message);
  update();
}

/** @param {import("./events.js").EventFrame} frame */
export function apply(frame) {
  const data = frame.data ?? {};
  switch (frame.event) {
    case "message.persisted":
      return onMessage(data.message ?? data);
    case "message.updated":
      return void renew(data.conversation, data.message);
    case "file.progress":
    case "file.completed":
    case "file.updated":
      return onFile(data);
    case "message.delivery":
      return onDelivery(data, frame.at);
    case "proposal.updated":
      return void refresh("proposals");
    case "vote.missing":
      return onVoteMissing(data);
    case "inquiry.updated":
      return void refresh("inquiries");
    case "conversation.updated":
      return void refresh("conversations");
    case "contact.updated":
      return void Promise.all([refresh("contacts"), refresh("conversations")]);
    case "persona.updated":
      return void refresh("personas");
    case "task.updated":
      return void refresh("tasks");
    case "approvals.changed":
      return void refresh("approvals");
    case "presence.user.joined":
    case "presence.user.left":
      return onPresence(data.contact ?? data.persona, frame.event.endsWith("joined"), frame.at);
  }
}

/** @param {Message} message */
function onMessage(message) {
  if (!message?.conversation) return;
  place(thread(message.conversation), message);
  update();
  // An event has only the message itself; what it answers and what overtook it are fetched.
  if (early.delete(message.id) || message.reply_to) void renew(message.conversation, message.id);
  if (message.ours || !isSpoken(message)) return;
  const here = route();
  const onScreen = here.page === "conversations" && here.id === message.conversation && !document.hidden;
  if (!onScreen) announce(`${message.author_name} wrote: ${message.text}`);
}

/** Says that our vote is missing while there is time. @param {{ proposal: string, question: string, deadline: string }} data */
function onVoteMissing({ question, deadline }) {
  const until = exactTime(deadline);
  toast("Your vote is missing", `${question} Voting ends ${until}.`, "info");
  announce(`Your vote is missing: ${question} Voting ends ${until}.`);
  void refresh("proposals");
}

/** A file has come further. @param {{ file: import("./model.js").FileInfo, messages: { message: string, conversation: string }[] }} data */
function onFile({ file, messages }) {
  for (const { message, conversation } of messages) {
    const found = state.threads.get(conversation)?.messages.find((m) => m.id === message);
    if (found?.file) found.file = { ...file, caption: found.file.caption };
  }
  update();
}

/** @param {{ message: string, conversation: string, recipient: string, state: any }} data @param {string} at */
function onDelivery(data, at) {
  const message = state.threads.get(data.conversation)?.messages.find((m) => m.id === data.message);
  if (state.queue) refresh("queue");
  if (!message) return;
  const news = { recipient: data.recipient, state: data.state, mailboxes: data.mailboxes, at };
  message.deliveries = [...(message.deliveries ?? []).filter((d) => d.recipient !== data.recipient), news];
  update();
}

/** @param {string} persona @param {boolean} online @param {string} at */
function onPresence(persona, online, at) {
  for (const contact of state.contacts ?? []) {
    if (contact.persona === persona) Object.assign(contact, { online, last_seen: at });
  }
  for (const c of state.conversations ?? []) {
    for (const member of c.members) if (member.persona === persona) member.online = online || member.ours;
  }
  update();
  if (state.network) refresh("network");
  if (state.queue) refresh("queue");
}
