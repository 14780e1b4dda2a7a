/**
 * Which peers' messages start the program of `--exec`. Starting programs is more than
 * talking, so that in an open mesh not everything that joins may do it.
 */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { isPeerId, type PeerId } from "../../identity/identity.ts";
import { parsePeerName, sameName } from "../../identity/peer_name.ts";
import { EXEC_NAME_KEPT_MS } from "../../limits.ts";
import { logger } from "../../core/log.ts";
import { staysClosed } from "../../mesh/admission/credentials.ts";
import type { Node } from "../../mesh/node.ts";
import type { NodeOptions } from "../../mesh/options.ts";
import { formatAddress, parseAddress } from "../../transport/address.ts";
import { isLoopbackHost } from "../../transport/scope.ts";
import { UsageError } from "../flags.ts";

const log = logger("cli");

/** Whether messages of a sender are for the program. */
export type SenderRule = (sender: PeerId) => boolean;

/** A name or a whole identity, as `--exec-from` takes them. */
export function parseSender(text: string): string {
  const id = text.toLowerCase();
  return isPeerId(id) ? id : parsePeerName(text);
}

/** The rule for a node's options and `--exec-from`; `undefined` admits all senders. */
export function senderRule(
  options: NodeOptions,
  from: readonly string[],
  clock: Clock,
): ((node: Node) => SenderRule) | undefined {
  const isClosed = staysClosed(options);
  if (from.length > 0) {
    return (node) => {
      if (!isClosed) warnOfNames(node, from);
      return namedSenders(node, from, clock);
    };
  }
  if (isClosed) return undefined;
  const { host = "127.0.0.1", port = 0 } = options;
  if (isLoopbackHost(host)) return localSenders;
  throw new UsageError(
    `--exec in an open mesh that listens on ${
      formatAddress({ host, port })
    } would let every stranger start the program, needs --exec-from NAME|ID, or --trust known, or --host 127.0.0.1`,
  );
}

/** A name can become another peer's; an identity cannot. */
function warnOfNames(node: Node, from: readonly string[]): void {
  for (const name of from.filter((it) => !isPeerId(it))) {
    const holder = holderOf(node, name);
    if (holder === undefined) {
      log.warn(
        "this name of --exec-from means no peer yet, and the mesh is open: whichever peer takes a name first can start the program; give an identity instead",
        { name },
      );
    } else {
      log.warn(
        "the mesh is open, and a name of --exec-from means the peer it is bound to; give the identity instead",
        { name, identity: holder },
      );
    }
  }
}

/** The peer that a name means, as for `verack send`. */
function holderOf(node: Node, name: string): PeerId | undefined {
  try {
    return node.resolvePeer(name);
  } catch (error) {
    if (!(error instanceof VerackError)) throw error;
    return undefined;
  }
}

function namedSenders(
  node: Node,
  from: readonly string[],
  clock: Clock,
): SenderRule {
  const ids = new Set(from);
  const names = from.filter((it) => !isPeerId(it))
    .map((name) => new Holder(node, name, clock));
  return (sender) => {
    if (ids.has(sender)) return true;
    if (names.length === 0) return false;
    const { name, boundName, nameHeldBy } = node.peer(sender) ?? {};
    const called = [boundName, nameHeldBy === undefined ? name : undefined]
      .filter((it) => it !== undefined);
    return names.some((it) =>
      called.some((name) => sameName(it.name, name)) && it.is(sender)
    );
  };
}

/** The peer that a name means, looked up now and then. */
class Holder {
  readonly name: string;
  readonly #node: Node;
  readonly #clock: Clock;
  #found: PeerId | undefined;
  /** Monotonic clock, milliseconds. */
  #until = -Infinity;

  constructor(node: Node, name: string, clock: Clock) {
    this.#node = node;
    this.name = name;
    this.#clock = clock;
  }

  is(sender: PeerId): boolean {
    const now = this.#clock.monotonic();
    if (now >= this.#until) {
      this.#until = now + EXEC_NAME_KEPT_MS;
      this.#found = holderOf(this.#node, this.name);
    }
    return this.#found === sender;
  }
}

/** A peer on this machine may have brought others into the mesh, so each sender is checked. */
function localSenders(node: Node): SenderRule {
  return (sender) =>
    node.sessions().some(({ identity, remoteAddress }) =>
      identity === sender && isLoopbackHost(parseAddress(remoteAddress).host)
    );
}
