// @ts-check
/**
 * The shapes of the local API's answers, and the questions views ask about them.
 */

import { compare, optionInWords } from "./format.js";
import { state } from "./store.js";

/**
 * Ids are strings: personas `did:key:...`, the rest hexadecimal. Times are ISO-8601.
 *
 * @typedef {{ id: string, name: string, handle: string, settings: Record<string, any>,
 *   calendar: string | null, created_at: string, published: boolean }} Persona
 * @typedef {{ owner: string, persona: string, name: string, handle: string, tier: string,
 *   state: "requested" | "pending" | "established", online: boolean, path: string, last_seen: string | null }} Contact
 * @typedef {{ persona: string, name: string, ours: boolean, online: boolean, rejoined_at: string | null }} Member
 * @typedef {{ state: "asking" | "back" | "replaced", since: string, asked: number | null, words: string }} Rejoin
 * @typedef {{ id: string, persona: string, kind: "direct" | "group", title: string,
 *   members: Member[], sequencer: string, epoch: number, active: boolean, rejoin: Rejoin | null, created_at: string,
 *   last_activity: string, last_message: LastMessage | null }} Conversation
 * @typedef {{ id: string, author: string, author_name: string, committed_at: string, kind: string,
 *   text: string }} LastMessage
 * @typedef {{ recipient: string, state: "queued" | "stored" | "delivered" | "expired" | "cancelled" | "failed", mailboxes: { held: number, of: number } | null, at: string }} Delivery
 * @typedef {{ author: string, author_name: string, text: string }} Quote
 * @typedef {{ emoji: string, by: string[] }} Reaction
 * @typedef {{ id: string, name: string, size: number, media_type: string, caption: string,
 *   state: "here" | "fetching" | "waiting" | "offered" | "refused" | "stopped" | "lost",
 *   have: number, reason: string | null }} FileInfo
 * @typedef {{ id: string, conversation: string, author: string, author_name: string, ours: boolean,
 *   sent_at: string, committed_at: string, kind: string, text: string,
 *   proposal: string | null, file?: FileInfo | null, reply_to?: string | null, quoted?: Quote | null, reactions?: Reaction[],
 *   edited_at?: string | null, deleted_at?: string | null, deliveries: Delivery[],
 *   pending?: "sending" | "refused", key?: string }} Message
 * @typedef {"yes" | "no" | "abstain" | number[] | { points: number[] } | { rank: number[] } | { object: string }} Choice
 * @typedef {{ persona: string, name: string, ours: boolean, choice: Choice | null, hidden: boolean, void: boolean,
 *   by: "owner" | "persona" | null, mandate: { number: number, covers: string, expires_at: string } | null }} Voter
 * @typedef {{ method: "threshold", share: string, base: string, quorum: number }
 *   | { method: "approval", winners: number, minimum: string, quorum: number }
 *   | { method: "score", points: number, winners: number, quorum: number }
 *   | { method: "suitability", winners: number, minimum: string, quorum: number }
 *   | { method: "ranked", quorum: number } | { method: "consent", quorum: number }
 *   | { method: "veto", share: string, base: string, quorum: number, holders: number[] }} Rule
 * @typedef {{ id: string, conversation: string, persona: string, proposer: string,
 *   question: string, options: string[], rule: Rule, opens_at: string, deadline: string, early_close: boolean,
 *   secrecy: "open" | "hidden", reveal_seconds: number | null,
 *   phase: "open" | "revealing" | "closing" | "deciding" | "decided" | "forked", waiting: string,
 *   voters: Voter[], tally: number[], cast: number, outcome: string | null, winners: number[],
 *   tie: boolean, certified: boolean, receipts: number | null, receipts_needed: number,
 *   evidence: { persona: string, name: string, offence: string }[], reminded: boolean, approval: string | null }} Proposal
 * @typedef {{ number: number, persona: string, conversation: string | null, proposal: string | null,
 *   topic: "times" | "any", methods: string[], covers: string, granted_at: string, expires_at: string,
 *   revoked_at: string | null, state: "standing" | "expired" | "revoked" }} Mandate
 * @typedef {{ persona: string, name: string, ours: boolean, text: string | null, answered_at: string | null, had_seen: string[],
 *   standing: "answered" | "late" | "due" | "next" | "passed" | "silent" }} Asked
 * @typedef {{ id: string, conversation: string, asker: string, asker_name: string, way: "broadcast" | "sequential",
 *   question: string, asked_at: string, deadline: string, turn_seconds: number | null, turn_ends_at: string | null,
 *   enough: string, phase: "open" | "complete" | "enough" | "too_few", waiting: string, answered: number,
 *   participation: number, asked: Asked[] }} Inquiry
 * @typedef {{ at: string, text: string }} Step
 * @typedef {{ id: string, persona: string, text: string, state: string, steps: Step[],
 *   question: string | null, conversation: string | null, proposal: string | null,
 *   slot: { start: string, end: string } | null, result: string | null,
 *   created_at: string }} Task
 * @typedef {{ id: string, persona: string, kind: string, summary: string, from: string | null,
 *   from_name: string | null, created_at: string, expires_at: string }} Approval
 * @typedef {{ node: string, address: string, transport: string, path: string, rtt_ms: number | null,
 *   contacts: string[] }} Peer
 * @typedef {{ level: string, about: string, words: string, remedy: string | null }} Finding
 * @typedef {{ node: string, addresses: string[], told: string[], reachability: string,
 *   findings: Finding[], peers: Peer[], routing_table: number }} Network
 * @typedef {{ at: string, persona: string | null, by: string | null, action: string, detail: string }} AuditEntry
 * @typedef {{ id: string, name: string, scopes: string[], created_at: string, expires_at: string | null }} Token
 * @typedef {{ persona: string, name: string, handle: string, home_node: string,
 *   capabilities: string[], expires_at: string }} Discovered
 * @typedef {{ recipient: string, name: string, online: boolean, last_seen_at: string | null,
 *   next_try_at: string | null, mailboxes: number, envelopes: number, bytes: number,
 *   stored: number, oldest_at: string }} Waiting
 * @typedef {{ message: string, conversation: string, author: string, created_at: string,
 *   waiting: string[], cancellable: boolean }} Queued
 * @typedef {{ envelopes: number, bytes: number, oldest_at: string | null,
 *   recipients: Waiting[], messages: Queued[] }} Queue
 * @typedef {{ messages: Message[], next: string | null, loading: boolean, fetched: boolean,
 *   failed: boolean, complete: boolean }} Thread
 *
 * @typedef {{ session: "unknown" | "out" | "in", live: "connecting" | "live" | "lost",
 *   persona: string | null, personas: Persona[] | null, contacts: Contact[] | null,
 *   conversations: Conversation[] | null, proposals: Proposal[] | null, inquiries: Inquiry[] | null, tasks: Task[] | null,
 *   approvals: Approval[] | null, network: Network | null, queue: Queue | null, audit: AuditEntry[] | null, tokens: Token[] | null,
 *   mandates: Map<string, Mandate[]>,
 *   threads: Map<string, Thread> }} State
 */

/** Kinds of message that people write; everything else is protocol. */
const SPOKEN = new Set(["text", "file"]);

/** The persona whose page this is now. @returns {Persona | null} */
export const currentPersona = () => state.personas?.find((p) => p.id === state.persona) ?? null;

/** Conversations of the current persona, the liveliest first. */
export function conversations() {
  return (state.conversations ?? [])
    .filter((c) => c.persona === state.persona)
    .sort((a, b) => compare(lastActivity(b), lastActivity(a)));
}

/** Contacts of the current persona, by name. */
export function contacts() {
  return (state.contacts ?? [])
    .filter((c) => c.owner === state.persona)
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Contacts one can talk to. */
export const friends = () => contacts().filter((c) => c.state === "established" && c.tier !== "blocked");

/** Proposals of the current persona: those still running first, each group the newest first. */
export function proposals() {
  const rank = (/** @type {Proposal} */ p) => (p.phase === "decided" ? 1 : 0);
  return (state.proposals ?? [])
    .filter((p) => p.persona === state.persona)
    .sort((a, b) => rank(a) - rank(b) || compare(b.opens_at, a.opens_at));
}

/** Tasks of the current persona, the newest first. */
export function tasks() {
  return (state.tasks ?? [])
    .filter((t) => t.persona === state.persona)
    .sort((a, b) => compare(b.created_at, a.created_at));
}

/** @param {string} id */
export const conversation = (id) =>
  state.conversations?.find((c) => c.id === id && c.persona === state.persona) ??
  state.conversations?.find((c) => c.id === id) ??
  null;

/** @param {string} id */
export const proposal = (id) =>
  state.proposals?.find((p) => p.id === id && p.persona === state.persona) ??
  state.proposals?.find((p) => p.id === id) ??
  null;

/** What people call a conversation: its title, or the others in it. @param {Conversation} c */
export function titleOf(c) {
  if (c.kind === "group" && c.title) return c.title;
  const names = others(c).map((m) => m.name || "Unknown");
  return names.join(", ") || c.title || "Only you";
}

/** Everyone in it but our persona. @param {Conversation} c */
export const others = (c) => c.members.filter((m) => m.persona !== c.persona);

/**
 * The last thing a person said, or failing that the last of all.
 * @param {Conversation} c
 * @returns {LastMessage | null}
 */
export function lastMessage(c) {
  const messages = state.threads.get(c.id)?.messages ?? [];
  const here = messages.findLast((m) => isSpoken(m)) ?? messages.at(-1) ?? null;
  const there = c.last_message;
  if (!here || !there) return here ?? there;
  if (isSpoken(here) !== isSpoken(there)) return isSpoken(here) ? here : there;
  return here.committed_at < there.committed_at ? there : here;
}

/** When something last happened in it. @param {Conversation} c */
export function lastActivity(c) {
  const said = state.threads.get(c.id)?.messages.at(-1)?.committed_at ?? "";
  return said > c.last_activity ? said : c.last_activity;
}

/** Whether a person wrote it, as opposed to the protocol. @param {{ kind: string }} m */
export const isSpoken = (m) => SPOKEN.has(m.kind);

/** Inquiries of the conversations of the persona on screen, the newest first. */
export function inquiries() {
  const here = new Set(conversations().map((c) => c.id));
  return (state.inquiries ?? []).filter((i) => here.has(i.conversation));
}

/** @param {string} id */
export const inquiry = (id) => state.inquiries?.find((i) => i.id === id) ?? null;

/** Ours among those asked, if it may answer now. @param {Inquiry} i */
export const ourTurn = (i) => i.asked.find((a) => a.ours && (a.standing === "due" || a.standing === "passed")) ?? null;

/** Our ballot paper in a proposal, if we are an elector. @param {Proposal} p */
export const ourVoter = (p) => p.voters.find((v) => v.persona === p.persona) ?? null;

/** Whether our ballot can still be cast. @param {Proposal} p */
export function canVote(p) {
  const us = ourVoter(p);
  return p.phase === "open" && us !== null && us.choice === null && !us.hidden && Date.parse(p.deadline) > Date.now();
}

/** Proposals that wait for our ballot. */
export const ballotsDue = () => proposals().filter(canVote);

/** Approvals that have not run out. */
export const approvalsDue = () =>
  (state.approvals ?? []).filter((a) => Date.parse(a.expires_at) > Date.now());

/** The name of any persona we have heard of. @param {string} id */
export function nameOf(id) {
  const own = state.personas?.find((p) => p.id === id);
  if (own) return own.name;
  const contact = state.contacts?.find((c) => c.persona === id);
  if (contact) return contact.name;
  for (const c of state.conversations ?? []) {
    const member = c.members.find((m) => m.persona === id);
    if (member?.name) return member.name;
  }
  return shortId(id);
}

/** An id cut to what an eye can compare. @param {string} id */
export function shortId(id) {
  const bare = id.replace(/^did:key:/, "");
  return bare.length > 14 ? `${bare.slice(0, 6)}…${bare.slice(-6)}` : bare;
}

/**
 * Whether a decided proposal was adopted. An option won, or for yes and no: the rule holds for the
 * certified numbers.
 * @param {Proposal} p
 */
export function adopted(p) {
  if (p.phase !== "decided") return false;
  if (p.rule.method === "consent") return p.cast >= Math.max(p.rule.quorum, 1) && (p.tally[1] ?? 0) === 0;
  if (p.rule.method !== "threshold" && p.rule.method !== "veto") return p.winners.length > 0;
  // A threshold has three numbers; with vetoes the fourth counts them.
  if ((p.tally[3] ?? 0) > 0) return false;
  const [top, bottom = 1] = p.rule.share.split("/").map(Number);
  const base = p.rule.base === "electorate" ? p.voters.length : p.cast;
  return p.cast >= p.rule.quorum && (p.tally[0] ?? 0) * bottom >= top * base;
}

/** The labels of a proposal's options, in the order of its tally. @param {Proposal} p */
export const optionLabels = (p) => (p.options.length > 0 ? p.options.map(optionInWords) : ["Yes", "No", "Abstain"]);

/** Whether a voter's ballot names the option at `index`. @param {Proposal} p @param {Voter} v @param {number} index */
export function chose(p, v, index) {
  if (v.choice === null || v.void) return false;
  if (Array.isArray(v.choice)) return v.choice.includes(index);
  return p.options.length === 0 && v.choice === ["yes", "no", "abstain"][index];
}
