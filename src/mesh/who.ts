/**
 * Finding members by what a person types: a name, an identity, or its first
 * digits. Names are claims, so all who fit are told, and a choice is never made
 * for the person.
 */
import { VerackError } from "../errors.ts";
import { escapeText } from "../escape.ts";
import type { IdentityId } from "../identity/identity.ts";
import { peerLabel, sameName } from "../identity/peer_name.ts";
import { MAX_LISTED_MEMBERS, MIN_IDENTITY_DIGITS } from "../limits.ts";
import type { PeerInfo } from "./peer_info.ts";

/** A member of the mesh, as one node knows it. */
export interface Member {
  /** Who it is. */
  readonly identity: IdentityId;
  /** What it calls itself; not escaped. */
  readonly name?: string;
  /** It is the node that was asked. */
  readonly self: boolean;
  /** Whether there is a session with it now. */
  readonly connected: boolean;
  /** Where it may be reached, best first: `host:port`. */
  readonly addresses: readonly string[];
  /** When it was last proven or heard. */
  readonly lastSeen?: Date;
  /** Who spoke of it, while it is only known from others. */
  readonly introducedBy?: IdentityId;
}

/** The node that is asked. */
export interface Own {
  readonly identity: IdentityId;
  /** May be empty. */
  readonly name: string;
  readonly address: string;
}

/** Members that `text` may mean: ourselves first, then connected ones. */
export function who(
  text: string,
  own: Own,
  peers: readonly PeerInfo[],
): Member[] {
  const self: Member = {
    identity: own.identity,
    ...(own.name !== "" && { name: own.name }),
    self: true,
    connected: false,
    addresses: [own.address],
  };
  const others = peers.map(({ trust: _, ephemeral: __, ...peer }): Member => ({
    ...peer,
    self: false,
  }));
  const found = others.filter((member) => means(text, member))
    .sort((a, b) => Number(b.connected) - Number(a.connected));
  return means(text, self) ? [self, ...found] : found;
}

/**
 * The one member that is meant.
 *
 * @param found What {@linkcode who} found for `text`.
 * @throws {VerackError} `unknown-peer` if there is none, `ambiguous` if there are
 * several; the message lists them.
 */
export function theOne(text: string, found: readonly Member[]): Member {
  const shown = `"${escapeText(text, { max: 80 })}"`;
  const [first, ...more] = found;
  if (first === undefined) {
    throw new VerackError(
      "unknown-peer",
      `Cannot find ${shown}: nobody goes by it, must be a name, an identity or its first ${MIN_IDENTITY_DIGITS} digits or more`,
    );
  }
  if (more.length === 0) return first;
  const listed = found.slice(0, MAX_LISTED_MEMBERS).map((member) =>
    `${member.identity}${
      member.name === undefined
        ? ""
        : ` (${peerLabel(member.identity, member.name)})`
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

function means(text: string, { identity, name }: Member): boolean {
  const digits = text.toLowerCase();
  return (/^[0-9a-f]+$/.test(digits) &&
    digits.length >= MIN_IDENTITY_DIGITS && identity.startsWith(digits)) ||
    (name !== undefined && sameName(name, text));
}
