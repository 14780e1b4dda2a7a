/**
 * Records of a node, for commands: requested from the node that runs on a data directory, or
 * read from the directory, which is locked meanwhile.
 */
// deno-lint-ignore-file require-await -- the methods of a running node are async
import type {
  AccessRuleRow,
  InviteRow,
  PeerRow,
  SessionRow,
} from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { namesOf } from "../identity/peer_name.ts";
import type { InviteInfo } from "../mesh/admission/invites.ts";
import { type OpenedStore, openStore } from "../store/data_directory.ts";
import { Records } from "../store/records.ts";
import { formatAddress } from "../transport/address.ts";
import { type ClientFlagValues, withNode } from "./client_flags.ts";
import { dataPlace, withOtherPlaces } from "./data_place.ts";
import { asUsage } from "./flags.ts";

/** A peer on record; without a running node, its standing is not known. */
export type PeerView = Omit<PeerRow, "standing"> & {
  readonly standing?: boolean;
};

/** Records of a node and access decisions, whether it runs or not. */
export interface DataCommands extends
  Pick<
    ControlClient,
    "joinRequests" | "invites" | "revoke" | "allow" | "deny" | "forget"
  > {
  /** Peers on record, and the sessions of a node that runs. */
  peers(): Promise<{
    readonly peers: readonly PeerView[];
    readonly sessions?: readonly SessionRow[];
  }>;
  accessRules(): Promise<
    readonly Pick<AccessRuleRow, "id" | "rule">[]
  >;
}

/** Runs `use` on the records of a data directory, whether its node runs or not. */
export async function withRecords<T>(
  flags: ClientFlagValues,
  use: (commands: DataCommands) => Promise<T>,
): Promise<T> {
  return await withDataOwner(
    flags,
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
    allow: async (text, name) => records.allow(text, systemClock.now(), name),
    deny: async (text) => records.deny(text, systemClock.now()),
    forget: async (text) => records.forget(text, systemClock.now()),
  };
}

function inviteRow({ expiresAt, ...invite }: InviteInfo): InviteRow {
  return { ...invite, expiresAt: expiresAt.toISOString() };
}

/**
 * Runs `stored` on a data directory, or `live` with the node that uses it, or with the one at
 * a URL.
 */
export async function withDataOwner<T>(
  flags: ClientFlagValues,
  stored: (opened: OpenedStore) => Promise<T>,
  live: (client: ControlClient) => Promise<T>,
): Promise<T> {
  if (flags.url !== undefined) return await withNode(flags, live);
  const place = dataPlace(flags.data);
  let opened: OpenedStore;
  try {
    opened = openStore(place.directory);
  } catch (error) {
    if (error instanceof VerackError && error.code === "data-in-use") {
      return await withNode(flags, live);
    }
    throw withOtherPlaces(error, place);
  }
  using _closed = opened;
  return await asUsage(() => stored(opened));
}
