// @ts-check
/** Who this node is connected to, and how. */

import { h } from "../dom.js";
import { avatar, avatarStack } from "../elements/avatar.js";
import { chip, copyable, empty, page, skeleton } from "../elements/parts.js";
import { count, distanceInWords } from "../format.js";
import { icon } from "../icons.js";
import { shortId } from "../model.js";
import { state } from "../store.js";
import { refresh } from "../sync.js";

/** @type {Record<string, string>} */
const TRANSPORTS = { quic: "QUIC", tcp: "TCP" };

/** @type {Record<string, string>} */
const REACHABILITY = {
  unknown: "Nobody has tested yet whether others can dial this node",
  direct: "Others can dial this node",
  relayed: "Others reach this node through relays",
  hidden: "Nobody can dial this node",
};

export function network() {
  const actions = h("button", { class: "button", type: "button", onclick: () => refresh("network") }, icon("refresh", 18), "Refresh");
  const head = { title: "Network", words: "The nodes yours is connected to, and how far away they are.", actions };
  const net = state.network;
  if (net === null) return page(head, skeleton(4));
  return page(head,
    h("section", { class: "panel facts" },
      h("div", null, h("h2", null, "This node"), copyable(net.node, "node id"),
        h("p", { class: "muted small" }, `Knows ${count(net.routing_table, "node")} in the network's directory.`)),
      h("div", null, h("h2", null, "Reachable at"),
        net.addresses.length > 0
          ? net.addresses.map((address) => copyable(address, "address", { key: address }))
          : h("p", { class: "muted" }, "No address others could dial yet. Messages still leave; run ", h("code", null, "conclave doctor"), " to see what is in the way."))),
    h("h2", { class: "section-title" }, REACHABILITY[net.reachability] ?? net.reachability),
    h("ul", { class: "panel rows", "data-testid": "findings" }, net.findings.map((finding) =>
      h("li", { class: "row", key: finding.words },
        h("div", { class: "row-words" },
          h("span", { class: "row-title" }, finding.words),
          finding.remedy && h("span", { class: "row-line muted small" }, finding.remedy)),
        finding.level !== "good" && chip(finding.level === "problem" ? "Problem" : "Could be better", finding.level === "problem" ? "danger" : "warn")))),
    h("h2", { class: "section-title" }, count(net.peers.length, "connected node")),
    net.peers.length === 0
      ? empty({ icon: "network", title: "Nobody is connected", words: "Your node keeps looking. If it stays like this, check the internet connection or run conclave doctor." })
      : h("ul", { class: "panel rows" }, net.peers.map((peer) =>
        h("li", { class: "row peer", key: peer.node },
          peer.contacts.length > 0
            ? faces(peer.contacts.map((name) => ({ persona: personaNamed(name), name })))
            : h("span", { class: "empty-icon small" }, icon("network", 18)),
          h("div", { class: "row-words" },
            h("span", { class: "row-title" }, h("strong", { class: "truncate" }, peer.contacts.length > 0 ? peer.contacts.join(", ") : "Helper node"),
              chip(TRANSPORTS[peer.transport] ?? peer.transport), chip(peer.path === "relayed" ? "through a relay" : "direct", peer.path === "relayed" ? "warn" : "ok")),
            h("span", { class: "row-line muted small" },
              h("span", null, distanceInWords(peer.rtt_ms)),
              h("code", { class: "truncate", title: peer.address }, peer.address))),
          h("code", { class: "key-button muted", title: peer.node }, shortId(peer.node))))));
}

/** @param {{ persona: string, name: string }[]} people */
const faces = (people) => (people.length === 1 ? avatar(people[0], { title: false }) : avatarStack(people, { size: "s", max: 3 }));

/** The key behind a contact's name, so that the face has its usual colour. @param {string} name */
const personaNamed = (name) => state.contacts?.find((c) => c.name === name)?.persona ?? name;
