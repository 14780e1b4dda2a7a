/** What a node remembers, for commands, whether it runs or not. */
// deno-lint-ignore-file require-await -- the methods of a running node are async
import { systemClock } from "../core/clock.ts";
import type { AccessRuleRow, InviteRow, PeerRow } from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import type { InviteInfo } from "../mesh/admission/invites.ts";
import type { PeerId } from "../identity/identity.ts";
import { namesOf } from "../identity/peer_name.ts";
import { Records } from "../store/records.ts";
import { formatAddress } from "../transport/address.ts";
import { withDataOwner } from "./data_owner.ts";
import { UsageError } from "./flags.ts";

/** A peer on record; without a running node, its standing is not known. */
export type PeerView = Omit<PeerRow, "standing"> & {
  readonly standing?: boolean;
};

/** What a node remembers, and what can be done about it, whether it runs or not. */
export interface DataCommands extends
  Pick<
    ControlClient,
    "joinRequests" | "invites" | "revoke" | "allow" | "deny" | "forget"
  > {
  peers(): Promise<{ readonly peers: readonly PeerView[] }>;
  accessRules(): Promise<
    readonly Pick<AccessRuleRow, "id" | "rule">[]
  >;
}

/**
 * Runs `use` on what the node of a data directory remembers, whether it runs or not.
 *
 * @throws {VerackError} as `openStore`, or for a running node as `ControlClient`.
 */
export async function withRecords<T>(
  directory: string,
  use: (commands: DataCommands) => Promise<T>,
): Promise<T> {
  return await withDataOwner(
    directory,
    (opened) => use(storedCommands(new Records(opened.store))),
    use,
  );
}

function storedCommands(records: Records): DataCommands {
  const time = (at: number) => new Date(at).toISOString();
  return {
    // Field by field: a record has more than is shown.
    peers: async () => ({
      peers: records.peers().map((peer) => {
        const { id, trust, ephemeral, nameHeldBy, admittedBy } = peer;
        return {
          id,
          ...namesOf(peer),
          ...(nameHeldBy !== undefined && { nameHeldBy }),
          connected: false,
          addresses: peer.addresses.map((it) => formatAddress(it.address)),
          trust,
          ephemeral,
          firstSeen: time(peer.firstSeen),
          lastSeen: time(peer.lastSeen),
          ...(admittedBy !== undefined && { admittedBy }),
        };
      }),
    }),
    accessRules: async () => records.accessRules(),
    joinRequests: async () =>
      records.joinRequests().map((
        { id, address, direction, firstSeen, lastSeen },
      ) => ({
        id,
        address: formatAddress(address),
        direction,
        firstSeen: time(firstSeen),
        lastSeen: time(lastSeen),
      })),
    invites: async () => records.invites().map(inviteRow),
    revoke: async (text) => inviteRow(records.revoke(text)),
    allow: async (text, name) =>
      decide(() => records.allow(text, systemClock.now(), name)),
    deny: async (text) => decide(() => records.deny(text, systemClock.now())),
    forget: async (text) =>
      decide(() => records.forget(text, systemClock.now())),
  };
}

function inviteRow({ expiresAt, ...invite }: InviteInfo): InviteRow {
  return { ...invite, expiresAt: expiresAt.toISOString() };
}

/** Runs a decision about a peer that the user typed. */
function decide(action: () => PeerId): PeerId {
  try {
    return action();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}
