/**
 * An attacker that has copied a member's certificate but lacks its key: it dials another
 * member over TLS, opens with a valid `version`, and signs the proof with a key of its own.
 * Made of the library's own parts, so that nothing but the key is wrong.
 */
import { deadline, systemClock, systemRandom } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { verifyCertificate } from "../../identity/certificate.ts";
import { serverNameOf } from "../../core/peer_id.ts";
import { Identity } from "../../identity/identity.ts";
import { randomU64 } from "../../mesh/sessions/session_opener.ts";
import {
  MESH_PROTOCOL_VERSION,
  MeshProfile,
} from "../../session/mesh_profile.ts";
import { Session } from "../../session/session.ts";
import { formatAddress, parseAddress } from "../../transport/address.ts";
import { tlsTransport } from "../../transport/tls.ts";
import { USER_AGENT } from "../../version.ts";
import { networkMagic } from "../../wire/frame.ts";
import {
  UNSPECIFIED_ADDRESS,
  type VersionMessage,
} from "../../wire/messages/version.ts";

/** Settings of {@linkcode tryAsImpostor}. */
export interface ImpostorOptions {
  /** The certificate to show, X.509 DER: a member's. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** `host:port` of the member to dial. */
  readonly to: string;
  /** Called with the impostor's end of the connection, which the member's refusal names. */
  readonly onConnected: (address: string) => void;
  /** Gives up after this long. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How the attempt ended. */
export interface Attempt {
  /** The impostor's own end of the connection. */
  readonly address: string;
  readonly admitted: boolean;
  /** The reason that the impostor received. */
  readonly told: string;
}

/** The default network of `verack run` and `Node.start`. */
const NETWORK = "main";

/** Tries to open a session as the certificate's owner; rejects if the member cannot be reached. */
export async function tryAsImpostor(
  options: ImpostorOptions,
): Promise<Attempt> {
  const address = parseAddress(options.to);
  const magic = networkMagic(NETWORK);
  const transport = tlsTransport();
  using limit = deadline(systemClock, options.timeoutMs, options.signal);
  const identity = await forge(options.certificate);
  const listener = verifyCertificate(
    await transport.fetchCertificate(address, limit),
  );
  const connection = await transport.dial(address, {
    pin: { certificate: listener.der, serverName: serverNameOf(listener.id) },
    signal: limit.signal,
  });
  const source = formatAddress(connection.localAddress);
  options.onConnected(source);
  const instance = randomU64(systemRandom);
  const admit = () => undefined;
  try {
    const session = await Session.open({
      connection,
      role: "initiator",
      magic,
      profile: new MeshProfile({ magic, identity, instance, listener, admit }),
      local: version(),
      clock: systemClock,
      random: systemRandom,
      signal: limit.signal,
    });
    // The listener ends the handshake, so it accepted the proof.
    session.close(new VerackError("stopped", "The impostor leaves"));
    return { address: source, admitted: true, told: "verack" };
  } catch (error) {
    return { address: source, admitted: false, told: messageOf(error) };
  }
}

/** An identity with that certificate and another key; `Identity` cannot be so, hence the cast. */
async function forge(certificate: Uint8Array<ArrayBuffer>): Promise<Identity> {
  const own = await Identity.generate();
  const forged: Pick<Identity, "id" | "certificate" | "ephemeral" | "sign"> = {
    id: verifyCertificate(certificate).id,
    certificate,
    ephemeral: false,
    sign: (data) => own.sign(data),
  };
  return forged as Identity;
}

function version(): VersionMessage {
  return {
    version: MESH_PROTOCOL_VERSION,
    services: 0n,
    timestamp: BigInt(Math.floor(systemClock.now() / 1_000)),
    addrRecv: UNSPECIFIED_ADDRESS,
    addrFrom: UNSPECIFIED_ADDRESS,
    nonce: randomU64(systemRandom),
    userAgent: USER_AGENT,
    startHeight: 0,
    relay: false,
  };
}
