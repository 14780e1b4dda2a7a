/**
 * Bitcoin's initiators that none of us wrote, each behind one function: open a
 * connection, shake hands, say whom one met. Run by Node; the packages are in
 * `node_modules` of the folder that {@linkcode loadInitiator} gets.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import process from "node:process";

// bcoin's native parts were not built; they are only faster.
process.env.NODE_BACKEND = "js";

const LOADERS = { bcoin, "bitcoin-net": bitcoinNet, "bitcore-p2p": bitcoreP2p };

/** Loads one by the name of its package; gives `open(host, port, onMessage)`. */
export function loadInitiator(folder, name) {
  const from = path.join(path.resolve(folder), "package.json");
  return LOADERS[name](createRequire(from));
}

/** `bcoin`, the peer of its pool: 70015 by default. */
function bcoin(require) {
  const Peer = require("bcoin/lib/net/peer");
  const NetAddress = require("bcoin/lib/net/netaddress");
  const Network = require("bcoin/lib/protocol/network");
  const { typesByVal } = require("bcoin/lib/net/packets");
  const network = Network.get("regtest");
  return async (host, port, onMessage) => {
    const peer = Peer.fromOptions({ network: "regtest" });
    peer.on("error", () => {});
    peer.on("packet", ({ type }) => onMessage(typesByVal[type].toLowerCase()));
    peer.connect(NetAddress.fromHost(host, port, network));
    await peer.open();
    return {
      met: {
        protocolVersion: peer.version,
        services: peer.services,
        userAgent: peer.agent,
        startHeight: peer.height,
        relay: !peer.noRelay,
      },
      ping: () => peer.sendPing(),
      close: () => peer.destroy(),
    };
  };
}

/** `bitcoin-net`: 70012, and it leaves on any command that it does not know. */
function bitcoinNet(require) {
  const { Peer } = require("bitcoin-net");
  const params = { magic: 0xdab5bffa, defaultPort: 18444 };
  return (host, port, onMessage) =>
    new Promise((resolve, reject) => {
      const peer = new Peer(params);
      peer.on("message", ({ command }) => onMessage(command));
      peer.on("error", reject);
      peer.on("disconnect", () => reject(new Error("disconnected")));
      peer.on("ready", () => {
        const { version, services, userAgent, startHeight, relay } =
          peer.version;
        resolve({
          met: {
            protocolVersion: version,
            services: services.readUInt32LE(0),
            userAgent,
            startHeight,
            relay,
          },
          ping: () => peer.ping(),
          close: () => (peer.disconnect(), socket.destroy()),
        });
      });
      const socket = net.connect(port, host, () => peer.connect(socket));
      socket.setNoDelay(true);
      socket.on("error", reject);
    });
}

/** `bitcore-p2p`: 70001 by default. */
function bitcoreP2p(require) {
  // `buffers` of the npm registry, which stands in for a fork on GitHub, is
  // older than the end of this method.
  Buffer.prototype.get ??= function (index) {
    return this[index];
  };
  const { Networks } = require("bitcore-lib");
  const { Messages, Peer } = require("bitcore-p2p");
  const network = Networks.get("regtest");
  return (host, port, onMessage) =>
    new Promise((resolve, reject) => {
      const messages = new Messages({ network });
      const peer = new Peer({ host, port, network, messages });
      const { emit } = peer;
      peer.emit = function (name, ...args) {
        if (args[0]?.command === name) onMessage(name);
        return emit.call(this, name, ...args);
      };
      let services = 0;
      peer.on("version", (version) => {
        services = Number(version.services);
      });
      peer.on("error", reject);
      peer.on("disconnect", () => reject(new Error("disconnected")));
      peer.on("ready", () =>
        resolve({
          met: {
            protocolVersion: peer.version,
            services,
            userAgent: peer.subversion,
            startHeight: peer.bestHeight,
          },
          ping: () => peer.sendMessage(messages.Ping()),
          close: () => peer.disconnect(),
        }));
      peer.connect();
    });
}
