/**
 * Two mesh handshakes, machine against machine, with somebody in between who may
 * change what is said.
 */
import { assert, assertEquals } from "@std/assert";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import type { Identity } from "../../src/identity/identity.ts";
import {
  Handshake,
  type HandshakeAction,
} from "../../src/session/handshake.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
  type MeshProfileOptions,
  SERVICE_EPHEMERAL,
  type VerifiedPeer,
} from "../../src/session/mesh_profile.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import type { VersionMessage } from "../../src/wire/messages/version.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";

const EMPTY = new Uint8Array(0);
/** Magic of the mesh that both ends belong to, unless told. */
export const MAGIC = networkMagic("test");
/** One end of a handshake. */
export interface End {
  readonly machine: Handshake;
  readonly profile: MeshProfile;
  /** Peers that admission was asked about. */
  readonly asked: VerifiedPeer[];
}

export function version(identity: Identity, nonce: bigint): VersionMessage {
  const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
  return {
    version: MESH_PROTOCOL_VERSION,
    services: identity.ephemeral ? SERVICE_EPHEMERAL : 0n,
    timestamp: 0n,
    addrRecv: nowhere,
    addrFrom: nowhere,
    nonce,
    userAgent: EMPTY,
    startHeight: 0,
    relay: false,
  };
}

export function end(
  identity: Identity,
  other: { listener: Identity } | { challenge: number },
  options: Partial<MeshProfileOptions> = {},
): End {
  const asked: VerifiedPeer[] = [];
  const profile = new MeshProfile({
    magic: MAGIC,
    identity,
    instance: BigInt(`0x${identity.id.slice(0, 15)}`),
    admit: (peer) => {
      asked.push(peer);
      return undefined;
    },
    ...("listener" in other
      ? { listener: verifyCertificate(other.listener.certificate) }
      : { challenge: new Uint8Array(32).fill(other.challenge) }),
    ...options,
  });
  const nonce = "listener" in other ? 1n : 2n;
  const machine = new Handshake({
    role: "listener" in other ? "initiator" : "responder",
    profile,
    local: version(identity, nonce),
  });
  return { machine, profile, asked };
}

export type Meddle = (
  command: string,
  payload: Uint8Array,
) => Uint8Array | undefined;

/** Carries messages both ways until nobody says anything; `meddle` may change them. */
export function converse(
  dialer: End,
  listener: End,
  meddle: Meddle = (_, payload) => payload,
): { log: string[]; failures: Map<End, HandshakeAction & { type: "fail" }> } {
  const log: string[] = [];
  const failures = new Map<End, HandshakeAction & { type: "fail" }>();
  const queue: [End, string, Uint8Array][] = [];
  const take = (from: End, actions: HandshakeAction[]) => {
    for (const action of actions) {
      if (action.type === "send") {
        const name = from === dialer ? "D" : "A";
        log.push(`${name} ${action.command}`);
        const payload = meddle(action.command, action.payload);
        if (payload === undefined) continue;
        queue.push([
          from === dialer ? listener : dialer,
          action.command,
          payload,
        ]);
      } else if (action.type === "fail") failures.set(from, action);
    }
  };
  take(dialer, dialer.machine.start());
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [to, command, payload] = next;
    if (to.machine.state !== "running") continue;
    take(to, to.machine.receive({ command, payload }));
  }
  return { log, failures };
}

export function assertRefused(
  listener: End,
  failures: ReturnType<typeof converse>["failures"],
  code: string,
  reject: ReasonName | undefined,
): void {
  const failure = failures.get(listener);
  assert(failure !== undefined, "the listener did not refuse");
  assertEquals(failure.error.code, code as typeof failure.error.code);
  assertEquals(failure.reject, reject);
  // Refused before anything was known about the peer.
  assertEquals(listener.profile.peer, undefined);
}

/** Shows the certificate of one and signs with the key of another. */
export function forged(
  shown: Identity,
  signer: Identity,
  certificate: Uint8Array<ArrayBuffer> = shown.certificate,
): Identity {
  const { id, ephemeral } = shown;
  const sign = (data: Uint8Array) => signer.sign(data);
  return { id, ephemeral, certificate, sign } as unknown as Identity;
}
