/** How large the messages are that open a session; the bare sockets send as much. */
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Identity } from "../../src/identity/identity.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";
import {
  Handshake,
  type HandshakeAction,
  type Role,
} from "../../src/session/handshake.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
} from "../../src/session/mesh_profile.ts";
import { USER_AGENT } from "../../src/version.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import { UNSPECIFIED_ADDRESS } from "../../src/wire/messages/version.ts";
import type { OpeningSizes } from "./contestant.ts";

/**
 * Runs one handshake between two machines, without a socket.
 *
 * @throws {Error} when it does not complete in four messages.
 */
export async function openingSizes(): Promise<OpeningSizes> {
  const listener = await Identity.generate();
  const dialer = machine("initiator", await Identity.generate(), listener);
  const acceptor = machine("responder", listener, listener);
  const first = dialer.start();
  const second = deliver(first, acceptor);
  const third = deliver(second, dialer);
  const fourth = deliver(third, acceptor);
  deliver(fourth, dialer);
  if (dialer.state !== "complete" || acceptor.state !== "complete") {
    throw new Error("Cannot measure: a session does not open in four messages");
  }
  return [size(first), size(second), size(third), size(fourth)];
}

function machine(
  role: Role,
  identity: Identity,
  listener: Identity,
): Handshake {
  return new Handshake({
    role,
    profile: new MeshProfile({
      magic: networkMagic("bench"),
      identity,
      instance: 1n,
      admit: () => undefined,
      ...role === "initiator"
        ? { listener: verifyCertificate(listener.certificate) }
        : { challenge: new Uint8Array(32) },
    }),
    local: {
      version: MESH_PROTOCOL_VERSION,
      services: 0n,
      timestamp: 0n,
      addrRecv: UNSPECIFIED_ADDRESS,
      addrFrom: UNSPECIFIED_ADDRESS,
      nonce: role === "initiator" ? 1n : 2n,
      userAgent: USER_AGENT,
      startHeight: 0,
      relay: false,
    },
  });
}

/** Hands over all messages; what the receiver answers. */
function deliver(actions: HandshakeAction[], to: Handshake): HandshakeAction[] {
  return actions.flatMap((action) =>
    action.type === "send" && to.state === "running" ? to.receive(action) : []
  );
}

function size(actions: HandshakeAction[]): number {
  return actions.reduce(
    (sum, action) =>
      action.type === "send"
        ? sum + FRAME_HEADER_BYTES + action.payload.length
        : sum,
    0,
  );
}
