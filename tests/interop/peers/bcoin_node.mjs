/**
 * A bcoin regtest full node, run by Node: `node bcoin_node.mjs FOLDER [HOST:PORT]`.
 * FOLDER holds `node_modules`. Says on stdout, one JSON object a line, where it
 * listens and what happens between it and its peers; with HOST:PORT it dials that
 * node, and only that. Ends with its stdin.
 */
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const [folder, dialed] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), "package.json"));
// Its native parts were not built; they are only faster.
process.env.NODE_BACKEND = "js";

const { FullNode } = require("bcoin");
const Peer = require("bcoin/lib/net/peer");
const { typesByVal } = require("bcoin/lib/net/packets");

// Half a minute is longer than the whole test.
Peer.PING_INTERVAL = 100;

const node = new FullNode({
  network: "regtest",
  memory: true,
  listen: dialed === undefined,
  host: "127.0.0.1",
  seeds: [],
  ...(dialed !== undefined && { only: [dialed] }),
  logConsole: false,
  logFile: false,
});
// Any free port, which the options do not allow.
node.pool.options.port = 0;
// Nobody asks it anything but by the peer-to-peer port.
node.http.open = async () => {};
node.http.close = async () => {};

const say = (event, fields = {}) =>
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
const facts = (peer) => ({
  outbound: peer.outbound,
  protocolVersion: peer.version,
  services: peer.services,
  userAgent: peer.agent,
  startHeight: peer.height,
  relay: !peer.noRelay,
});

node.on("error", (error) => say("error", { message: error.message }));
node.pool.on("listening", ({ port }) => say("listening", { port }));
node.pool.on("peer open", (peer) => say("open", facts(peer)));
node.pool.on("packet", (packet, peer) => {
  const command = typesByVal[packet.type].toLowerCase();
  // bcoin sets this only when the nonce is the one it sent.
  const answered = command === "pong" && peer.minPing >= 0;
  say("packet", { command, ...(command === "pong" && { answered }) });
});
node.pool.on("peer close", () => say("close"));

await node.open();
await node.connect();
for await (const _ of process.stdin);
process.exit(0);
