/**
 * The credentials of this node: the network's key, its invite, the attestation that admits it;
 * and whether it is closed. The content of a host's `welcome` is stored, so that the next start
 * needs no invite.
 */
import { VerackError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import type { Identity } from "../../identity/identity.ts";
import { inviteSecret } from "../../identity/invite.ts";
import { networkSecret } from "../../identity/shared_secret.ts";
import {
  SECRET_ID_BYTES,
  type SharedSecret,
} from "../../identity/shared_secret.ts";
import {
  decodeAttestation,
  verifyAttestation,
} from "../../identity/attestation.ts";
import { COMMAND } from "../../wire/commands.ts";
import {
  decodeWelcome,
  encodeWelcome,
  type WelcomeMessage,
} from "../../wire/messages/credentials.ts";
import type { PeerSession } from "../peers/peer_session.ts";
import type { NodeStore } from "../peers/node_store.ts";
import type { NodeOptions, ResolvedNodeOptions } from "../options.ts";
import { followAdmission, forgetSecret, wasClosed } from "./protection.ts";

/** Dependencies of {@linkcode Credentials}. */
export interface CredentialsOptions {
  readonly identity: Identity;
  readonly log: Log;
  readonly magic: Uint8Array;
  readonly settings: Pick<
    ResolvedNodeOptions,
    | "admission"
    | "invite"
    | "keyIsRemembered"
    | "network"
    | "networkKey"
    | "store"
  >;
}

/** Credentials of one node. */
export class Credentials {
  readonly #options: CredentialsOptions;
  /** The invite of this node, until its host has sent `welcome`. */
  #invite:
    | { readonly host: PeerId; readonly secret: SharedSecret }
    | undefined;
  #welcome: WelcomeMessage | undefined;
  /** Whether a welcome has brought a newer key than the stored one. */
  #superseded = false;

  constructor(options: CredentialsOptions) {
    this.#options = options;
    const { invite } = options.settings;
    const kept = this.#recall();
    this.#welcome = kept?.welcome;
    if (invite === undefined) return;
    const secret = inviteSecret(invite.code);
    if (secret.id !== kept?.inviteId) {
      this.#invite = { host: invite.host, secret };
    }
  }

  /**
   * Whether admission is closed: by the option, else as at the host of the invite, and until
   * that has answered.
   */
  get closed(): boolean {
    const { admission } = this.#options.settings;
    if (admission !== undefined) return admission === "closed";
    return this.#invite !== undefined || (this.#welcome?.closed ?? false);
  }

  /** Whether the host of its invite has not sent `welcome` yet: it may lack the secret. */
  get awaitsWelcome(): boolean {
    return this.#invite !== undefined;
  }

  /** The attestation that admits this node, to show to members. */
  get attestation(): Uint8Array | undefined {
    const attestation = this.#welcome?.attestation;
    return attestation?.length ? attestation : undefined;
  }

  /** Derived from the network's secret, if it has one. */
  get networkKey(): Uint8Array<ArrayBuffer> | undefined {
    const { networkKey } = this.#options.settings;
    const own = this.#superseded ? undefined : networkKey;
    return own ?? this.#welcome?.networkKey;
  }

  /** The secret to show to this listener before our own identity. */
  shows(listener: PeerId): SharedSecret | undefined {
    if (this.#invite?.host === listener) return this.#invite.secret;
    return this.networkKey && networkSecret(this.networkKey);
  }

  /** The welcome of a guest; `attestation` is ours about it. */
  welcome(attestation: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const { closed, networkKey } = this;
    return encodeWelcome({
      attestation,
      closed,
      ...(networkKey && { networkKey }),
    });
  }

  /** Handles `welcome` on a session. */
  register(session: PeerSession): void {
    session.channel.handle(
      COMMAND.welcome,
      (it) => this.#onWelcome(session, it),
    );
  }

  /** Keeps the welcome of the inviting host before using it, and ignores any other. */
  #onWelcome(session: PeerSession, payload: Uint8Array): void {
    const { identity, log, magic, settings } = this.#options;
    const invite = this.#invite;
    if (
      session.shown?.kind !== "invite" || session.shown.id !== invite?.secret.id
    ) {
      return;
    }
    const welcome = decodeWelcome(payload);
    const context = { magic, subject: identity.id };
    const admits = () =>
      verifyAttestation(
        session.remote.certificate,
        context,
        decodeAttestation(welcome.attestation),
      );
    if (welcome.closed && !admits()) {
      throw new VerackError(
        "protocol",
        "Cannot accept welcome: it does not admit this node, must be stated by the host that invited it",
      );
    }
    // Encoded anew, without fields of later releases.
    const bytes = encodeWelcome(welcome);
    const kept = new Uint8Array(SECRET_ID_BYTES + bytes.length);
    kept.set(Uint8Array.fromHex(invite.secret.id));
    kept.set(bytes, SECRET_ID_BYTES);
    settings.store.putSetting(this.#key, kept);
    const supersedes = settings.keyIsRemembered &&
      welcome.networkKey !== undefined;
    if (supersedes) forgetSecret(settings.store, settings.network);
    const isOpen = settings.admission === undefined && !welcome.closed;
    if (isOpen) followAdmission(settings.store, false);
    settings.store.commit();
    this.#welcome = welcome;
    this.#superseded ||= supersedes;
    this.#invite = undefined;
    log.info("welcomed", { closed: welcome.closed });
  }

  #recall(): { inviteId: string; welcome: WelcomeMessage } | undefined {
    const { log, settings } = this.#options;
    try {
      return welcomeOnRecord(settings.store, this.#key);
    } catch (error) {
      if (!(error instanceof VerackError)) throw error;
      log.warn("welcome on record refused", { reason: error.message });
      return undefined;
    }
  }

  /** It admits this key to this network only. */
  get #key(): string {
    const { identity, settings } = this.#options;
    return welcomeName(settings.network, identity.id);
  }
}

/**
 * Whether a node with this key is closed when it starts, see {@linkcode Credentials.closed}.
 */
export function startsClosed(
  { admission, invite, network, store }: CredentialsOptions["settings"],
  own: PeerId,
): boolean {
  if (admission !== undefined) return admission === "closed";
  const kept = usableWelcome(store, welcomeName(network, own));
  if (invite !== undefined && inviteSecret(invite.code).id !== kept?.inviteId) {
    return true;
  }
  return kept?.welcome.closed ?? false;
}

/**
 * Whether a node of these options is closed as long as it runs. With an invite that is not
 * certain: its host may have an open mesh.
 */
export function staysClosed(options: NodeOptions): boolean {
  const { admission, store, network = "main", identity, invite } = options;
  if (admission !== undefined) return admission === "closed";
  if (store === undefined) return false;
  if (wasClosed(store, network)) return true;
  if (identity === undefined || invite !== undefined) return false;
  const kept = usableWelcome(store, welcomeName(network, identity.id));
  return kept?.welcome.closed ?? false;
}

function usableWelcome(store: NodeStore, name: string) {
  try {
    return welcomeOnRecord(store, name);
  } catch (error) {
    if (error instanceof VerackError) return undefined;
    throw error;
  }
}

function welcomeName(network: string, id: PeerId): string {
  return `welcome ${network} ${id}`;
}

/** Throws `malformed`. */
function welcomeOnRecord(store: NodeStore, name: string) {
  const kept = store.setting(name);
  if (!kept?.length) return undefined;
  const welcome = decodeWelcome(kept.subarray(SECRET_ID_BYTES));
  const inviteId = kept.subarray(0, SECRET_ID_BYTES).toHex();
  return { inviteId, welcome };
}
