/**
 * The invites this node has given out: each lets one identity in, until it
 * expires. The line that is handed over is in `identity/invite.ts`.
 */
import { VerackError } from "../errors.ts";
import type { IdentityId } from "../identity/identity.ts";
import {
  formatInvite,
  INVITE_CODE_BYTES,
  inviteSecret,
} from "../identity/invite.ts";
import { MAX_INVITES } from "../limits.ts";
import type { Address } from "../transport/address.ts";
import type { MeshContext } from "./context.ts";
import type { StoredInvite } from "./node_store.ts";

/** What one node needs of its context here. */
export type InvitesContext = Pick<
  MeshContext,
  "identity" | "options" | "random"
>;

/** Invites of one node. */
export class Invites {
  readonly #context: InvitesContext;
  readonly #invites = new Map<string, StoredInvite>();

  constructor(context: InvitesContext) {
    this.#context = context;
    for (const invite of context.options.store.invites()) {
      this.#invites.set(invite.id, invite);
    }
    this.#purge();
  }

  /**
   * Makes an invite and writes it down.
   *
   * @throws {VerackError} `full` when too many have not expired yet, or what the
   * store throws.
   */
  issue(address: Address, ttlMs: number): string {
    this.#purge();
    if (this.#invites.size >= MAX_INVITES) {
      throw new VerackError(
        "full",
        `Cannot invite: ${MAX_INVITES} invites have not expired yet, the most there may be`,
      );
    }
    const { options, identity, random } = this.#context;
    const code = random.bytes(INVITE_CODE_BYTES);
    const { id, key } = inviteSecret(code);
    this.#put({
      id,
      key: Uint8Array.from(key),
      expiresAt: options.keptTime.latest() + ttlMs,
    });
    return formatInvite({ host: identity.id, address, code });
  }

  /** The key of an invite that has not expired. */
  find(id: string): Uint8Array | undefined {
    return this.#valid(id)?.key;
  }

  /** Whether this guest may use it: nobody else has. */
  accepts(id: string, guest: IdentityId): boolean {
    const invite = this.#valid(id);
    return invite !== undefined && (invite.usedBy ?? guest) === guest;
  }

  /** Whether this guest has come in by an invite that has not expired. */
  wereUsedBy(guest: IdentityId): boolean {
    return [...this.#invites.values()].some(({ id, usedBy }) =>
      usedBy === guest && this.#valid(id) !== undefined
    );
  }

  /**
   * From now on the invite is this guest's, whatever happens next: durable when
   * the call returns.
   *
   * @throws {VerackError} `bad-invite` if it may not use it, or what the store throws.
   */
  redeem(id: string, guest: IdentityId): void {
    const invite = this.#valid(id);
    if (invite === undefined || !this.accepts(id, guest)) {
      throw new VerackError(
        "bad-invite",
        "Cannot accept invite: it is expired or used by somebody else",
      );
    }
    if (invite.usedBy === undefined) this.#put({ ...invite, usedBy: guest });
  }

  #valid(id: string): StoredInvite | undefined {
    const invite = this.#invites.get(id);
    const now = this.#context.options.keptTime.latest();
    return invite !== undefined && now < invite.expiresAt ? invite : undefined;
  }

  /** In the store first: what cannot be written down does not count. */
  #put(invite: StoredInvite): void {
    const { store } = this.#context.options;
    store.putInvite(invite);
    store.commit();
    this.#invites.set(invite.id, invite);
  }

  #purge(): void {
    const { store, keptTime } = this.#context.options;
    for (const { id, expiresAt } of [...this.#invites.values()]) {
      if (keptTime.latest() < expiresAt) continue;
      this.#invites.delete(id);
      store.deleteInvite(id);
    }
  }
}
