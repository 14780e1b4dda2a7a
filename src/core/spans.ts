/**
 * The spans of a node, with the names of their attributes, which `docs/operations.md` lists. Where
 * none are exported they are `undefined`, and nothing is made for them.
 */
import type { PeerId } from "./peer_id.ts";
import { type Span, startSpan, tracing } from "./tracing.ts";

/** Ends of a dial or a handshake that are no failure: another session is enough. */
const SUPERSEDED = ["aborted", "duplicate"];

/** A host and a port. */
interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One attempt to reach a peer at one IP address: certificate, connection, session. */
export function dialSpan(
  { address, endpoint, expected }: {
    readonly address: Endpoint;
    readonly endpoint: Endpoint;
    readonly expected?: PeerId;
  },
): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("dial", {
    kind: "client",
    // The timer or the session that brought it about is not its cause.
    parent: "none",
    harmless: SUPERSEDED,
    attributes: {
      "server.address": address.host,
      "server.port": address.port,
      ...peerAt(endpoint),
      ...(expected !== undefined && { "verack.peer.id": expected }),
    },
  });
}

/**
 * From the first byte on a connection until both ends have sent `verack`.
 *
 * @param dial Of the dial, if this node dialed.
 */
export function handshakeSpan(
  remote: Endpoint,
  isDialed: boolean,
  dial: Span | undefined,
): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("handshake", {
    kind: isDialed ? "client" : "server",
    parent: dial ?? "none",
    // Peers connect for a moment to fetch a certificate that they do not know.
    harmless: isDialed ? SUPERSEDED : [...SUPERSEDED, "closed"],
    attributes: {
      ...peerAt(remote),
      "verack.direction": isDialed ? "outbound" : "inbound",
    },
  });
}

/** A message to one peer, until its application has acked it. */
export function sendSpan(
  to: PeerId,
  topic: string | undefined,
): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("send", {
    kind: "producer",
    harmless: ["aborted"],
    attributes: { ...messageOf(topic), "verack.peer.id": to },
  });
}

/** A message to many peers, until the connected ones have acked it or are gone. */
export function broadcastSpan(
  peers: number,
  topic: string | undefined,
): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("broadcast", {
    kind: "producer",
    attributes: { ...messageOf(topic), "verack.peers": peers },
  });
}

/** A request, until its answer has come. */
export function requestSpan(peer: PeerId, method: unknown): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("request", {
    kind: "client",
    harmless: ["aborted"],
    attributes: rpc(peer, `${method}`),
  });
}

/** A request of a peer for a method that is served, until the answer is written. */
export function serveSpan(peer: PeerId, method: string): Span | undefined {
  if (!tracing()) return undefined;
  return startSpan("serve", {
    kind: "server",
    parent: "none",
    attributes: rpc(peer, method),
  });
}

function peerAt({ host, port }: Endpoint) {
  return { "network.peer.address": host, "network.peer.port": port };
}

function messageOf(topic = "") {
  return {
    "messaging.system": "verack",
    "messaging.operation.type": "send",
    "messaging.destination.name": topic,
  };
}

function rpc(peer: PeerId, method: string) {
  return {
    "rpc.system": "verack",
    "rpc.method": method,
    "verack.peer.id": peer,
  };
}
