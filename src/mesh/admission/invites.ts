/**
 * The invites that a node has given out: each admits one identity, until it expires or is
 * revoked. The line is in `identity/invite.ts`.
 *
 * One that has ended is deleted from the store at once, so that neither a crash nor a
 * clock that is set back revives it.
 */
import type { Random } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  formatInvite,
  INVITE_CODE_BYTES,
  inviteSecret,
} from "../../identity/invite.ts";
import { MAX_INVITES, MIN_INVITE_DIGITS } from "../mesh_limits.ts";
import type { Address } from "../../transport/address.ts";
import type { KeptTime } from "../kept_time.ts";
import type { NodeStore, StoredInvite } from "../peers/node_store.ts";

/** The store of invites, and the clock by which they expire. */
export interface InvitesOptions {
  readonly store: NodeStore;
  readonly keptTime: KeptTime;
}

/** An invite that has not ended. */
export interface InviteInfo {
  /** Its id, 32 hex digits, from which its code cannot be derived. */
  readonly id: string;
  /** When it ends. */
  readonly expiresAt: Date;
  /** The guest that has used it, and is the only one that may. */
  readonly usedBy?: PeerId;
}

/** Invites of one node. */
export class Invites {
  readonly #options: InvitesOptions;
  /** In no order. */
  readonly #invites = new Map<string, StoredInvite>();

  /** Loads those in the store that have not ended. */
  constructor(options: InvitesOptions) {
    this.#options = options;
    for (const invite of options.store.invites()) {
      this.#invites.set(invite.id, invite);
    }
    this.tick();
  }

  /**
   * Makes an invite to a host at an address, and stores it. Throws `full` when too many have
   * not ended yet, or what the store throws.
   */
  issue(
    host: PeerId,
    address: Address,
    ttlMs: number,
    random: Random,
  ): string {
    this.tick();
    if (this.#invites.size >= MAX_INVITES) {
      throw new VerackError(
        "full",
        `Cannot invite: ${MAX_INVITES} invites have not ended yet, the most there may be (\`verack invites\` lists them)`,
      );
    }
    const code = random.bytes(INVITE_CODE_BYTES);
    const { id, key } = inviteSecret(code);
    this.#put({
      id,
      key: Uint8Array.from(key),
      expiresAt: this.#options.keptTime.latest() + ttlMs,
    });
    return formatInvite({ host, address, code });
  }

  /** Those that have not ended, the next to expire first. */
  list(): InviteInfo[] {
    this.tick();
    return [...this.#invites.values()]
      .sort((a, b) => a.expiresAt - b.expiresAt)
      .map(infoOf);
  }

  /** The key of an invite that has not ended. */
  find(id: string): Uint8Array | undefined {
    return this.#valid(id)?.key;
  }

  /** Whether this guest may use it, because no other has. */
  accepts(id: string, guest: PeerId): boolean {
    const invite = this.#valid(id);
    return invite !== undefined && (invite.usedBy ?? guest) === guest;
  }

  /** Whether this guest was admitted by an invite that has not ended. */
  wereUsedBy(guest: PeerId): boolean {
    return [...this.#invites.values()].some(({ id, usedBy }) =>
      usedBy === guest && this.#valid(id) !== undefined
    );
  }

  /**
   * Binds the invite to this guest; durable when the call returns. Throws `bad-invite` if it
   * may not use it, or what the store throws.
   */
  redeem(id: string, guest: PeerId): void {
    const invite = this.#valid(id);
    if (invite === undefined || !this.accepts(id, guest)) {
      throw new VerackError(
        "bad-invite",
        "Cannot accept invite: it has ended or is used by another guest",
      );
    }
    if (invite.usedBy === undefined) this.#put({ ...invite, usedBy: guest });
  }

  /**
   * Revokes an invite. `text` is its id, or the first digits. Returns it as it was, with the
   * guest that was admitted by it. Throws `unknown-invite`, `ambiguous`, or what the store
   * throws; it has ended all the same, until the next start.
   */
  revoke(text: string): InviteInfo {
    this.tick();
    const digits = text.toLowerCase();
    const found = digits.length < MIN_INVITE_DIGITS
      ? []
      : [...this.#invites.values()].filter(({ id }) => id.startsWith(digits));
    const [invite] = found;
    const shown = escapeText(text, { max: 80 });
    if (invite === undefined) {
      throw new VerackError(
        "unknown-invite",
        `Cannot revoke "${shown}": no invite has this id, must be one that \`verack invites\` lists, or its first ${MIN_INVITE_DIGITS} digits or more`,
      );
    }
    if (found.length > 1) {
      throw new VerackError(
        "ambiguous",
        `Cannot revoke "${shown}": ${found.length} invites begin so, must be a whole id`,
      );
    }
    this.#end([invite.id]);
    return infoOf(invite);
  }

  /** Ends those that a guest has used, so that it is not admitted by them again. */
  endOf(guest: PeerId): void {
    this.#end(
      [...this.#invites.values()].filter(({ usedBy }) => usedBy === guest)
        .map(({ id }) => id),
    );
  }

  /** Ends those that have expired. */
  tick(): void {
    const now = this.#options.keptTime.latest();
    this.#expire(
      [...this.#invites.values()].filter(({ expiresAt }) => now >= expiresAt)
        .map(({ id }) => id),
    );
  }

  #valid(id: string): StoredInvite | undefined {
    const invite = this.#invites.get(id);
    if (invite === undefined) return undefined;
    if (this.#options.keptTime.latest() < invite.expiresAt) return invite;
    this.#expire([id]);
    return undefined;
  }

  /** In the store first: an invite that cannot be stored must not be used. */
  #put(invite: StoredInvite): void {
    const { store } = this.#options;
    store.putInvite(invite);
    store.commit();
    this.#invites.set(invite.id, invite);
  }

  #expire(ids: readonly string[]): void {
    try {
      this.#end(ids);
    } catch {
      // The store reports by itself that it cannot write.
    }
  }

  /** In the store last: the invite has ended even if that cannot be stored. */
  #end(ids: readonly string[]): void {
    if (ids.length === 0) return;
    for (const id of ids) this.#invites.delete(id);
    const { store } = this.#options;
    for (const id of ids) store.deleteInvite(id);
    store.commit();
  }
}

function infoOf({ id, expiresAt, usedBy }: StoredInvite): InviteInfo {
  return {
    id,
    expiresAt: new Date(expiresAt),
    ...(usedBy !== undefined && { usedBy }),
  };
}
