/**
 * Relayed sessions without the parts of the mesh that choose a relay: a member joins two streams
 * by hand, under protocols of the test, and may be hostile.
 */
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import type { PeerSession } from "../../src/mesh/peers/peer_session.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { failure } from "../../src/transport/net_errors.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { until } from "./until.ts";

/** From the dialing end to the relay; metadata: the target. */
const TO_RELAY = "hand-relay/1";
/** From the relay to the accepting end; metadata: the dialing end. */
export const TO_TARGET = "hand-relayed/1";

/** What a relay hands on of the bytes from one end; `null` ends the direction. */
export type RelayTamper = (
  from: "dialing" | "accepting",
  bytes: Uint8Array,
) => readonly (Uint8Array | null)[] | Promise<readonly (Uint8Array | null)[]>;

/** What a relay does. */
export interface HandRelayOptions {
  readonly tamper?: RelayTamper;
  /** The target in place of the one that the dialing end names. */
  readonly target?: () => PeerId;
  /** The dialing end in place of the one that opened the stream. */
  readonly claims?: () => PeerId;
  /** Handles the stream of the dialing end itself. */
  readonly serve?: (stream: PeerStream) => Promise<void>;
}

/** Has `relay` join streams. */
export function relayByHand(
  relay: Node,
  { tamper = (_from, bytes) => [bytes], ...options }: HandRelayOptions = {},
): Disposable {
  return relay.handle(TO_RELAY, async (stream) => {
    if (options.serve !== undefined) return await options.serve(stream);
    const target = options.target?.() ?? idIn(stream);
    const opener = options.claims?.() ?? stream.peer;
    const onward = await relay.open(target, TO_TARGET, { metadata: opener });
    await Promise.all([
      pipe(stream, onward, (bytes) => tamper("dialing", bytes)),
      pipe(onward, stream, (bytes) => tamper("accepting", bytes)),
    ]);
  });
}

/** Has `target` accept sessions over streams that relays open. */
export function acceptByHand(target: Node): Disposable {
  return target.handle(
    TO_TARGET,
    (stream) =>
      partsOf(target).relaying.sessions.accept(
        stream,
        { relay: sessionOf(target, stream.peer), hops: 2 },
        idIn(stream),
      ),
  );
}

/** Opens a session with `target` through `relay`. */
export async function dialByHand(
  from: Node,
  relay: Node,
  target: Node,
  signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<PeerSession> {
  const { id } = target.identity;
  const via = sessionOf(from, relay.identity.id);
  const stream = await from.open(relay.identity.id, TO_RELAY, {
    metadata: id,
  });
  const { certificate } = partsOf(from).table.get(id) ?? {};
  return await partsOf(from).relaying.sessions.dial(
    stream,
    { relay: via, hops: 2 },
    certificate ?? verifyCertificate(target.identity.certificate),
    signal,
  );
}

/** The session that `node` sends on to a peer. */
export function sessionOf(node: Node, id: PeerId): PeerSession {
  const session = partsOf(node).table.get(id)?.primary;
  if (session === undefined) throw new TypeError(`No session with ${id}`);
  return session;
}

/** TLS that cannot dial the ports which `isCut` names, as behind a firewall. */
export function cutTransport(isCut: (port: number) => boolean): Transport {
  const tls = tlsTransport();
  const refuse = (address: { host: string; port: number }) => {
    if (!isCut(address.port)) return;
    throw failure("unreachable", "dial", address, "the test has cut it off");
  };
  return {
    secure: true,
    get overlay() {
      return tls.overlay;
    },
    // deno-lint-ignore require-await -- rejects, rather than throws
    async dial(address, options) {
      refuse(address);
      return tls.dial(address, options);
    },
    // deno-lint-ignore require-await -- rejects, rather than throws
    async fetchCertificate(address, options) {
      refuse(address);
      return tls.fetchCertificate(address, options);
    },
    listen: (address, options) => tls.listen(address, options),
  };
}

/** What a test of three needs: the relay, and two nodes that cannot dial each other. */
export interface ThreeNodes extends AsyncDisposable {
  readonly relay: Node;
  readonly dialing: Node;
  readonly accepting: Node;
  /** Whether the two cannot dial each other; true at first. */
  isCut: boolean;
}

/** Starts three nodes over TLS; the two ends have sessions with the relay only. */
export async function threeNodes(
  options: NodeOptions = {},
  ends: NodeOptions = {},
): Promise<ThreeNodes> {
  const ports = new Set<number>();
  const cut = { isCut: true };
  const transport = cutTransport((port) => cut.isCut && ports.has(port));
  // It joins streams by hand only.
  const relay = await Node.start({ relay: false, ...options, name: "relay" });
  const connect = [relay.address];
  const end = async (name: string) => {
    const node = await Node.start({
      ...options,
      relay: false,
      transport,
      connect,
      name,
      ...ends,
    });
    ports.add(Number(node.address.split(":").at(-1)));
    return node;
  };
  const dialing = await end("dialing");
  const accepting = await end("accepting");
  await until("sessions with the relay", () => relay.sessions().length === 2);
  await until(
    "the ends are told of each other",
    () =>
      dialing.peer(accepting.identity.id) !== undefined &&
      accepting.peer(dialing.identity.id) !== undefined,
  );
  return Object.assign(cut, {
    relay,
    dialing,
    accepting,
    async [Symbol.asyncDispose]() {
      await Promise.all([relay, dialing, accepting].map((it) => it.close()));
    },
  });
}

function idIn({ metadata }: PeerStream): PeerId {
  return parsePeerId(new TextDecoder().decode(metadata));
}

async function pipe(
  from: PeerStream,
  to: PeerStream,
  change: (bytes: Uint8Array) => ReturnType<RelayTamper>,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      for (const bytes of await change(buffer.slice(0, count))) {
        if (bytes === null) return await to.closeWrite();
        await to.write(bytes);
      }
    }
    await to.closeWrite();
  } catch (error) {
    to.abort(error);
    from.abort(error);
  }
}
