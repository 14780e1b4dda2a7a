/**
 * Finds members by a name, an identity, or its first digits. Names are not verified, so all
 * matches are returned, and an ambiguous one is an error.
 */
import { VerackError } from "../../core/errors.ts";
import { escapeText } from "../../core/escape.ts";
import { isPeerId, type PeerId, requireText } from "../../core/peer_id.ts";
import { isPeerName, peerLabel, sameName } from "../../identity/peer_name.ts";
import { MIN_IDENTITY_DIGITS } from "../mesh_limits.ts";
import { MAX_LISTED_MEMBERS } from "../../core/core_limits.ts";
import type { NameResolver } from "./name_resolver.ts";
import type { PeerInfo } from "./peer_info.ts";

/** A member of the mesh, as one node has it on record. */
export interface Member {
  /** Its identity. */
  readonly id: PeerId;
  /** The name that it advertises; not escaped. */
  readonly name?: string;
  /** The name that the user has given it. */
  readonly boundName?: string;
  /** Whether it is this node itself. */
  readonly self: boolean;
  /** The peer that the name is bound to here, if that is another. */
  readonly nameHeldBy?: PeerId;
  /** Whether there is a session with it now. */
  readonly connected: boolean;
  /** Its addresses, best first: `host:port`. */
  readonly addresses: readonly string[];
  /** When it last sent something. */
  readonly lastSeen?: Date;
  /** The peer whose gossip introduced it, while it is not verified. */
  readonly introducedBy?: PeerId | "lan";
}

/** This node. */
export interface ThisNode {
  readonly id: PeerId;
  /** May be empty. */
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Members that `text` may mean: this node first, then connected ones. */
export function findPeers(
  text: string,
  own: ThisNode,
  peers: readonly PeerInfo[],
  names: Pick<NameResolver, "holderOf">,
): Member[] {
  requireText("name or id of a peer", text);
  const self: Member = {
    id: own.id,
    ...(own.name !== "" && { name: own.name }),
    self: true,
    connected: false,
    addresses: own.addresses,
  };
  const others = peers.map(memberOf);
  const found = membersMeant(text, others, names.holderOf(text))
    .sort((a, b) => Number(b.connected) - Number(a.connected));
  return means(text, self) ? [self, ...found] : found;
}

function memberOf(
  { id, name, boundName, nameHeldBy, connected, addresses, ...peer }: PeerInfo,
): Member {
  const { lastSeen, introducedBy } = peer;
  return {
    id,
    ...(name !== undefined && { name }),
    ...(boundName !== undefined && { boundName }),
    self: false,
    ...(nameHeldBy !== undefined && { nameHeldBy }),
    connected,
    addresses,
    ...(lastSeen !== undefined && { lastSeen }),
    ...(introducedBy !== undefined && { introducedBy }),
  };
}

/**
 * Those of some members that `text` may mean.
 * `holder` is the identity to which `text` is bound as a name, also if it advertises another.
 */
export function membersMeant(
  text: string,
  members: readonly Member[],
  holder: PeerId | undefined,
): Member[] {
  return members
    .filter((member) => means(text, member) || member.id === holder);
}

/**
 * The identity that a decision about a peer is about, whether the node runs or not:
 * a whole one, or that of the one member found.
 * Throws `unknown-peer`, `ambiguous`.
 */
export function memberChosen(text: string, found: readonly Member[]): PeerId {
  const digits = text.toLowerCase();
  if (isPeerId(digits)) return digits;
  const isClear = isIdentityPrefix(text) || isPeerName(text);
  return onlyMember(text, isClear ? found : []).id;
}

/**
 * The peer to deny or forget, whether the node runs or not: one of `members`, or one of `others`,
 * of which only the id is known, as they have a join request, an access rule or a bound name.
 * Throws as {@linkcode memberChosen}.
 */
export function peerToKeepOut(
  text: string,
  members: readonly Member[],
  others: readonly PeerId[],
  holder: PeerId | undefined,
): PeerId {
  const listed = new Map(members.map((member) => [member.id, member]));
  for (const id of holder === undefined ? others : [...others, holder]) {
    listed.getOrInsert(id, {
      id,
      self: false,
      connected: false,
      addresses: [],
    });
  }
  return memberChosen(text, membersMeant(text, [...listed.values()], holder));
}

/**
 * The one member that is meant.
 * Throws `unknown-peer` if there is none, `ambiguous` if there are
 * several; the message lists them.
 */
export function onlyMember(text: string, found: readonly Member[]): Member {
  const shown = `"${escapeText(text, { max: 80 })}"`;
  const [first, ...more] = found;
  if (first === undefined) {
    throw new VerackError(
      "unknown-peer",
      `Cannot find ${shown}: no peer goes by it, must be a name, an id or its first ${MIN_IDENTITY_DIGITS} digits or more`,
    );
  }
  if (more.length === 0) return first;
  const listed = found.slice(0, MAX_LISTED_MEMBERS).map((member) =>
    `${member.id}${
      member.name === undefined && member.boundName === undefined
        ? ""
        : ` (${peerLabel(member.id, member.name, member.boundName)})`
    }`
  ).join(", ");
  const rest = found.length - MAX_LISTED_MEMBERS;
  throw new VerackError(
    "ambiguous",
    `Cannot choose among ${found.length} that ${shown} may mean, must be an identity: ${listed}${
      rest > 0 ? ` and ${rest} more` : ""
    }`,
  );
}

/**
 * The one peer that is meant, without confusion: by a name the peer to which it is bound, by
 * first digits the only one that is verified or configured. Gossip decides nothing. Throws
 * `unknown-peer`, `ambiguous`.
 */
export function resolvePeer(
  text: string,
  found: readonly Member[],
  names: Pick<NameResolver, "holderOf" | "isKnown" | "rivalOf">,
): PeerId {
  if (isPeerId(text)) return text;
  const shown = `"${escapeText(text, { max: 80 })}"`;
  const isName = !isIdentityPrefix(text);
  const holder = isName ? names.holderOf(text) : undefined;
  if (holder !== undefined) {
    const rival = names.rivalOf(text);
    const isOwn = found.some((it) => it.self && it.id === holder);
    if (rival !== undefined) throw contested(text, holder, rival, isOwn);
    if (names.isKnown(holder)) return holder;
    throw new VerackError(
      "unknown-peer",
      `Cannot choose ${shown}: the name is bound to ${holder}, which is not on record; to give it to another, allow an id with the name ${
        escapeText(text, { max: 80 })
      }`,
    );
  }
  // The name of a configured peer is from gossip until it is verified.
  const verified = found.filter(({ self, lastSeen, introducedBy }) =>
    isName ? self || lastSeen !== undefined : introducedBy === undefined
  );
  const [first] = verified;
  const [gossiped] = found;
  if (first === undefined && gossiped !== undefined) {
    throw new VerackError(
      "unknown-peer",
      `Cannot choose ${shown}: ${gossiped.id} has it by gossip only, must be the name of a verified peer, or a whole id`,
    );
  }
  if (isName && first !== undefined && !isPeerName(text)) {
    throw new VerackError(
      "unknown-peer",
      `Cannot choose ${shown}: ${first.id} uses it, but it could be mistaken for another name, must be an id or its first ${MIN_IDENTITY_DIGITS} digits or more`,
    );
  }
  return onlyMember(text, verified).id;
}

function contested(
  text: string,
  holder: PeerId,
  rival: PeerId,
  isOwn: boolean,
): VerackError {
  const name = escapeText(text, { max: 80 });
  return new VerackError(
    "ambiguous",
    `Cannot choose "${name}": ${
      isOwn ? "it is this node's own name" : `${holder} used the name first`
    }, and ${rival} uses it, too: must be an identity${
      isOwn ? "" : `; to bind the name, allow an id with the name ${name}`
    }`,
  );
}

function means(text: string, { id, name }: Member): boolean {
  // A name that looks like first digits could receive messages for another peer.
  return isIdentityPrefix(text)
    ? id.startsWith(text.toLowerCase())
    : name !== undefined && sameName(name, text);
}

function isIdentityPrefix(text: string): boolean {
  return text.length >= MIN_IDENTITY_DIGITS && /^[0-9a-f]+$/i.test(text);
}
