/**
 * How commands reach what a node remembers, whether it runs or not. Who answers is
 * decided in `data_owner.ts`.
 */
import { systemClock } from "../core/clock.ts";
import type { ControlClient } from "../control/control_client.ts";
import type { PeerId } from "../identity/identity.ts";
import type { Trust } from "../mesh/events.ts";
import type { InviteInfo } from "../mesh/admission/invites.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { Records } from "../store/records.ts";
import { formatAddress } from "../transport/address.ts";
import { askNode } from "./ask_node.ts";
import { withDataOwner } from "./data_owner.ts";
import { UsageError } from "./flags.ts";

/** A peer as `--json` shows it, and all that is known of it. */
export interface PeerView {
  readonly identity: PeerId;
  /** Not escaped. */
  readonly name?: string;
  /** What it is called here because a person said so; not escaped. */
  readonly boundName?: string;
  readonly connected: boolean;
  /** The peer that the name is bound to here, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** `host:port`, best first. */
  readonly addresses: readonly string[];
  /** Of a running node, whether bounded things are kept for it first. */
  readonly standing?: boolean;
  readonly trust: Trust;
  readonly ephemeral: boolean;
  /** ISO 8601; absent if it is only known from others. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  /** Who spoke of it, while it is only known from others. */
  readonly introducedBy?: PeerId;
  /** By which member it was admitted, if by one. */
  readonly admittedBy?: PeerId;
  /** What a person decided. */
  readonly verdict?: AccessRule;
}

/** Who was not let in, as `--json` shows it. */
export interface PendingView {
  readonly identity: PeerId;
  /** `host:port`. */
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly lastSeen: string;
}

/** What was decided about an identity. */
export interface VerdictView {
  readonly identity: PeerId;
  readonly verdict: AccessRule;
}

/** An invite as `--json` shows it. */
export interface InviteView {
  readonly id: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly usedBy?: PeerId;
}

/** What a person decides. */
export type Decision = "allow" | "deny" | "forget";

/** What a node remembers, and what may be done about it. */
export interface DataCommands {
  readonly peers: () => Promise<readonly PeerView[]>;
  readonly verdicts: () => Promise<readonly VerdictView[]>;
  readonly pending: () => Promise<readonly PendingView[]>;
  readonly invites: () => Promise<readonly InviteView[]>;
  /** Takes the invite of this id, or of these first digits, back. */
  readonly revoke: (text: string) => Promise<InviteView>;
  /**
   * Whom it is about is given as a person types it; who was meant is returned.
   * `name` is for `allow`.
   */
  readonly decide: (
    decision: Decision,
    text: string,
    name?: string,
  ) => Promise<PeerId>;
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
    (client) => use(liveCommands(client)),
  );
}

function storedCommands(records: Records): DataCommands {
  const time = (at: number) => new Date(at).toISOString();
  return {
    // deno-lint-ignore require-await -- the other one has to wait
    peers: async () =>
      records.peers().map(({ certificate: _, ...peer }) => {
        const { name, addresses, firstSeen, lastSeen, ...rest } = peer;
        return {
          ...rest,
          ...(name !== "" && { name }),
          connected: false,
          addresses: addresses.map(({ address }) => formatAddress(address)),
          firstSeen: time(firstSeen),
          lastSeen: time(lastSeen),
        };
      }),
    // deno-lint-ignore require-await -- the other one has to wait
    verdicts: async () => records.verdicts(),
    // deno-lint-ignore require-await -- the other one has to wait
    pending: async () =>
      records.pending().map((
        { identity, address, direction, firstSeen, lastSeen },
      ) => ({
        identity,
        address: formatAddress(address),
        direction,
        firstSeen: time(firstSeen),
        lastSeen: time(lastSeen),
      })),
    // deno-lint-ignore require-await -- the other one has to wait
    invites: async () => records.invites().map(inviteView),
    // deno-lint-ignore require-await -- the other one has to wait
    revoke: async (text) => inviteView(records.revoke(text)),
    // deno-lint-ignore require-await -- the other one has to wait
    decide: async (decision, text, name) => {
      try {
        return records[decision](text, systemClock.now(), name);
      } catch (error) {
        if (error instanceof SyntaxError || error instanceof RangeError) {
          throw new UsageError(error.message);
        }
        throw error;
      }
    },
  };
}

function inviteView({ expiresAt, ...invite }: InviteInfo): InviteView {
  return { ...invite, expiresAt: expiresAt.toISOString() };
}

/** The answers are those of this program, behind a directory of ours. */
function liveCommands(client: ControlClient): DataCommands {
  const list = async <T>(path: string, field: string) => {
    const answer = await client.ask({ method: "GET", path });
    return answer[field] as readonly T[];
  };
  const verdicts = () => list<VerdictView>("/v1/verdicts", "verdicts");
  return {
    peers: async () => {
      const known = await list<PeerView>("/v1/peers", "peers");
      const decided = new Map(
        (await verdicts()).map((it) => [it.identity, it.verdict]),
      );
      return known.map((peer) => {
        const verdict = decided.get(peer.identity);
        return verdict === undefined ? peer : { ...peer, verdict };
      });
    },
    verdicts,
    pending: () => list<PendingView>("/v1/pending", "pending"),
    invites: () => list<InviteView>("/v1/invites", "invites"),
    revoke: async (text) => {
      const path = "/v1/invites/revoke";
      const answer = await askNode(client, {
        method: "POST",
        path,
        body: { id: text },
      });
      return answer as unknown as InviteView;
    },
    decide: async (decision, text, name) => {
      const path = `/v1/${decision}`;
      const body = { identity: text, ...(name !== undefined && { name }) };
      const answer = await askNode(client, { method: "POST", path, body });
      return answer.identity as PeerId;
    },
  };
}
