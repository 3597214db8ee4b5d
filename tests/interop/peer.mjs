// A peer of another making: js-libp2p dials a rendezvous, and one of it finds the other through
// it. Prints a line for each thing that worked; fails at the first that did not.
//
//   node peer.mjs MULTIADDR TOPIC
import "./old-node.mjs";
import { setTimeout as pause } from "node:timers/promises";
import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import { kadDHT, passthroughMapper } from "@libp2p/kad-dht";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";

const KAD = "/conclave/kad/1";
const there = multiaddr(process.argv[2]);
const within = AbortSignal.timeout(60_000);

const start = () => createLibp2p({
  addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    ping: ping(),
    // Private addresses are all there is on one machine.
    dht: kadDHT({ protocol: KAD, clientMode: false, peerInfoMapper: passthroughMapper }),
    gossip: gossipsub({ globalSignaturePolicy: "StrictNoSign", allowPublishToZeroTopicPeers: true }),
  },
});

/** Tries until it works: js-libp2p's own DHT pings at the same time, and one of two pings is reset. */
async function eventually(what, attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (within.aborted) throw new Error(`${what}: ${error.message}`);
      await pause(200);
    }
  }
}

const [one, two] = [await start(), await start()];
for (const node of [one, two]) {
  const seen = new Promise((resolve) => node.addEventListener("peer:identify", (event) => resolve(event.detail)));
  const connection = await node.dial(there, { signal: within });
  const info = await seen;
  if (!info.protocols.includes(KAD)) throw new Error(`speaks no ${KAD}: ${info.protocols}`);
  console.log(`identify ${info.agentVersion}`);
  const took = await eventually("ping", () => node.services.ping.ping(connection.remotePeer, { signal: AbortSignal.timeout(3_000) }));
  console.log(`ping ${took} ms`);
}

const found = await eventually("find", () => one.peerRouting.findPeer(two.peerId, { signal: within }));
if (found.multiaddrs.length === 0) throw new Error("found without addresses");
console.log(`find ${found.id}`);

// The node at the other end answers what it hears on the topic.
const topic = process.argv[3];
const gossip = one.services.gossip;
const heard = new Promise((resolve) => gossip.addEventListener("gossipsub:message", (event) => resolve(event.detail.msg)));
gossip.subscribe(topic);
await eventually("a subscriber", async () => {
  if (gossip.getSubscribers(topic).length === 0) throw new Error("none yet");
});
await gossip.publish(topic, new TextEncoder().encode("hello from js"));
const message = await heard;
console.log(`gossip ${new TextDecoder().decode(message.data)}`);
process.exit(0);
