/** `verack peers` and `find`: the peers on record, all or some. */
import type { SessionRow } from "../control/answers.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { type PeerId, shortId } from "../core/peer_id.ts";
import {
  namesOf,
  peerLabel,
  type PeerNames,
  sameName,
  shownName,
} from "../identity/peer_name.ts";
import { MIN_IDENTITY_DIGITS } from "../mesh/mesh_limits.ts";
import type { Member } from "../mesh/peers/find_peers.ts";
import type { AccessRule } from "../mesh/peers/node_store.ts";
import { answerCommand, utcMinute } from "./answer_command.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { type Command, command } from "./command.ts";
import { type PeerView, withRecords } from "./data_commands.ts";
import { EXIT } from "./exit.ts";
import { quoted, UsageError } from "./flags.ts";
import { ageText } from "./links.ts";
import { roundTripText } from "./ping.ts";
import { OUTPUT_FLAGS, type Palette } from "./terminal.ts";
import { showWatched, WATCH_FLAG } from "./watch_screen.ts";

/** A peer, its session if it has one, and its access rule. */
type KnownPeer = PeerView & {
  readonly session?: SessionFigures;
  readonly rule?: AccessRule;
};

/** A peer and its access rule, or the rule for an id that is not on record. */
type PeerOrRule =
  | KnownPeer
  | { readonly id: PeerId; readonly rule: AccessRule };

/** Lists peers. */
export const peersCommand: Command = command({
  description: [
    "Each line has the first digits of an id, as many as are unique, the name that " +
    "you have given the peer and the one it advertises, its address, for how long it has " +
    "been connected and the last round trip, when it was first and last seen, and how it " +
    "was first trusted.",
  ],
  flags: { ...CLIENT_FLAGS, watch: WATCH_FLAG, ...OUTPUT_FLAGS },
  examples: [
    [
      "verack peers --data data/alice",
      "The peers that alice has on record, seen last first",
    ],
    ["verack peers --watch", "As they come and go, until Ctrl-C"],
  ],
  async action({ flags, terminal, outputLost }) {
    const { json, watch } = flags;
    const { stdout, stderr, out } = terminal;
    if (watch) {
      return await withNode(flags, (node) =>
        showWatched(node, {
          ...{ json, terminal, outputLost },
          view: ({ peers }) => ({ peers: withSessions(peers) }),
          lines: ({ peers }, now) => peerLines(peers, out, now),
        }));
    }
    const peers = await withRecords(flags, async (commands) => {
      const known = withSessions(await commands.peers());
      return withRules(known, await commands.accessRules());
    });
    if (json) { for (const peer of peers) stdout.line(jsonLine(peer)); }
    else {
      if (peers.length === 0) stderr.line(NO_PEERS);
      const lines = peers.length === 0
        ? []
        : peerLines(peers, out, systemClock.now());
      for (const line of lines) stdout.line(line);
    }
    return EXIT.success;
  },
});

const NO_PEERS = "No peers are on record.";

/** The figures of a session, without what its peer has already. */
type SessionFigures = Omit<SessionRow, "id" | "name" | "boundName">;

function withSessions(
  { peers, sessions = [] }: {
    readonly peers: readonly PeerView[];
    readonly sessions?: readonly SessionRow[];
  },
): KnownPeer[] {
  const found = usedSessions(sessions);
  return peers.map((peer) => {
    const session = found.get(peer.id);
    if (session === undefined) return peer;
    const { id: _id, name: _name, boundName: _bound, ...figures } = session;
    return { ...peer, session: figures };
  });
}

/** The session of each peer that is used: a direct one before a relayed one, which it replaces. */
function usedSessions(
  sessions: readonly SessionRow[],
): ReadonlyMap<PeerId, SessionRow> {
  const relayedFirst = sessions.toSorted((a, b) =>
    Number(b.via !== undefined) - Number(a.via !== undefined)
  );
  return new Map(relayedFirst.map((it) => [it.id, it]));
}

function withRules(
  peers: readonly KnownPeer[],
  rules: readonly { readonly id: PeerId; readonly rule: AccessRule }[],
): PeerOrRule[] {
  const rest = new Map(rules.map((it) => [it.id, it.rule]));
  const known = peers.map((peer) => {
    const rule = rest.get(peer.id);
    rest.delete(peer.id);
    return { ...peer, ...(rule !== undefined && { rule }) };
  });
  return [...known, ...[...rest].map(([id, rule]) => ({ id, rule }))];
}

function peerLines(
  peers: readonly PeerOrRule[],
  out: Palette,
  now: number,
): string[] {
  if (peers.length === 0) return [NO_PEERS];
  const digits = distinctDigits(peers.map(({ id }) => id));
  const known = new Map(peers.map((peer) => [peer.id, peer]));
  const label = (id: PeerId) => {
    const peer = known.get(id);
    return peer !== undefined && "addresses" in peer
      ? peerLabel(id, peer.name, peer.boundName)
      : shortId(id);
  };
  return peers.map((peer) =>
    "addresses" in peer
      ? peerLine(peer, { digits, now, label }, out)
      : `${out.bold(peer.id.slice(0, digits))}  ${peer.rule}`
  );
}

function peerLine(
  peer: KnownPeer,
  { digits, now, label }: {
    readonly digits: number;
    readonly now: number;
    readonly label: (id: PeerId) => string;
  },
  out: Palette,
): string {
  const { id, name, boundName, nameHeldBy } = peer;
  const { addresses, introducedBy, admittedBy, rule } = peer;
  const [best] = addresses;
  const words = [
    out.bold(id.slice(0, digits)),
    ...namesShown(name, boundName),
    ...(nameHeldBy === undefined
      ? []
      : [out.yellow(`a name of ${nameHeldBy.slice(0, digits)}`)]),
    best === undefined ? "no address" : escapeText(best, { max: 300 }),
    ...(best !== undefined && peer.unreachable
      ? [out.yellow("others cannot dial it")]
      : []),
    ...(peer.connected ? [out.green(connectedText(peer, now, label))] : []),
    ...(peer.firstSeen === undefined
      ? []
      : [`first ${utcMinute(peer.firstSeen)}`]),
    ...(peer.lastSeen === undefined
      ? []
      : [`last ${utcMinute(peer.lastSeen)}`]),
    introducedBy === "lan"
      ? "announced on the local network"
      : introducedBy !== undefined
      ? `in gossip of ${introducedBy.slice(0, digits)}`
      : peer.trust === "first-use"
      ? "unverified, first use"
      : peer.trust,
    ...(peer.ephemeral ? ["key in memory"] : []),
    ...(admittedBy === undefined
      ? []
      : [`admitted by ${admittedBy.slice(0, digits)}`]),
    ...(rule === undefined ? [] : [out.yellow(rule)]),
  ];
  return words.join("  ");
}

/** `connected`, through which relay, for how long, and how far away. */
function connectedText(
  { session }: KnownPeer,
  now: number,
  label: (id: PeerId) => string,
): string {
  if (session === undefined) return "connected";
  const { openedAt, rttMs, via } = session;
  const far = rttMs === undefined ? "" : `, ${roundTripText(rttMs)} ms`;
  const how = via === undefined ? "connected" : `relayed via ${label(via)}`;
  return `${how} for ${ageText(now - Date.parse(openedAt))}${far}`;
}

/** `eva (calls itself eve)`, or one name. */
function namesShown(name: string | undefined, boundName?: string): string[] {
  if (name === undefined || boundName === undefined) {
    return [name ?? boundName].filter((it) => it !== undefined).map(shownName);
  }
  return sameName(name, boundName)
    ? [shownName(name)]
    : [`${shownName(boundName)} (calls itself ${shownName(name)})`];
}

/** The number of digits by which all of these differ, at least the usual one. */
function distinctDigits(identities: readonly PeerId[]): number {
  let digits: number = MIN_IDENTITY_DIGITS;
  const distinct = () =>
    new Set(identities.map((id) => id.slice(0, digits))).size;
  while (distinct() < new Set(identities).size) digits++;
  return digits;
}

/** Finds members. */
export const findCommand: Command = answerCommand({
  description: [
    "Searches the peers that a running node has on record or in gossip. All with " +
    "the name are listed, and which of them it is bound to: the first that " +
    "used it. Their ids differ.",
  ],
  positionals: [{
    name: "NAME",
    help: "A name, an id, or its first 8 digits or more",
    completes: "peer",
  }],
  flags: CLIENT_FLAGS,
  examples: [[
    "verack find alice --data data/bob",
    "Id and addresses of all that are called alice",
  ]],
  ask: (flags, [name = ""]) => {
    if (name === "") {
      throw new UsageError("NAME is empty, must be a name or an id");
    }
    return withNode(flags, async (node) => {
      const [{ peers, self }, { sessions }] = await Promise.all([
        node.peers(name),
        node.peers(),
      ]);
      if (peers.length === 0 && !self) {
        throw new VerackError(
          "unknown-peer",
          `Cannot find ${quoted(name)}: no peer goes by it`,
        );
      }
      const relayOf = relaysOf(sessions);
      const found = peers.map((peer) => ({
        ...peer,
        ...relayOf(peer.id),
        self: false,
      }));
      if (!self) return found;
      const own = await node.status();
      const { id, addresses } = own;
      return [
        {
          id,
          ...namesOf(own),
          self: true,
          connected: false,
          addresses,
        },
        ...found,
      ];
    });
  },
  lines: (members, out) => members.map((member) => memberLines(member, out)),
  remark: ({ length }, [name = ""]) =>
    length > 1 &&
    `${length} peers use ${quoted(name)}: their ids differ`,
});

/** The relay of the session with a peer, if that is relayed, and its name. */
interface ViaRelay {
  readonly via?: PeerId;
  readonly viaName?: string;
}

/** The relay of each peer with a relayed session. */
export function relaysOf(
  sessions: readonly (PeerNames & {
    readonly id: PeerId;
    readonly via?: PeerId;
  })[],
): (id: PeerId) => ViaRelay {
  const direct = new Set(
    sessions.filter(({ via }) => via === undefined).map(({ id }) => id),
  );
  return (id) => {
    const via = direct.has(id)
      ? undefined
      : sessions.find((it) => it.id === id)?.via;
    if (via === undefined) return {};
    const relay = sessions.find((it) => it.id === via);
    const viaName = relay?.boundName ?? relay?.name;
    return { via, ...(viaName !== undefined && { viaName }) };
  };
}

/** A member, for people. */
export function memberLines(
  member: Omit<Member, "lastSeen"> & ViaRelay,
  out: Palette,
): string {
  const { id, name, boundName, nameHeldBy, self, connected } = member;
  const { addresses, introducedBy, via, viaName } = member;
  const state = self
    ? "this node itself"
    : connected
    ? via === undefined ? "connected" : `relayed via ${peerLabel(via, viaName)}`
    : introducedBy === undefined
    ? "away"
    : introducedBy === "lan"
    ? "announced on the local network"
    : `in gossip of ${shortId(introducedBy)}`;
  return [
    `${out.bold(peerLabel(id, name, boundName))}  ${state}`,
    `  ${id}`,
    ...(nameHeldBy === undefined
      ? []
      : [`  the name is bound to ${nameHeldBy}`]),
    ...addresses.map((it) => `  ${escapeText(it, { max: 300 })}`),
  ].join("\n");
}
