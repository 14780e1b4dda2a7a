/** Allows peers to reach addresses through a node, and to have it listen for them. */
import type { Clock } from "../../core/clock.ts";
import { VerackError } from "../../core/errors.ts";
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import type { Node } from "../../mesh/node.ts";
import type { Resolver } from "../../transport/resolve.ts";
import { MAX_FORWARD_RULES } from "../services_limits.ts";
import { forwardHubOf, type ForwardingNode } from "./forward_hub.ts";
import {
  formatForwardRule,
  type ForwardRule,
  parseForwardRule,
  type RuleKind,
} from "./forward_target.ts";
import { type ForwardCounters, ForwardTraffic } from "./forward_traffic.ts";

/**
 * What peers may reach: `[ID@][HOST:]PORT[-PORT]`, by default at `127.0.0.1`; IPv6 in brackets;
 * with an identity, for that peer alone. Or the same with the peer, its whole identity or a
 * name that is bound already, beside it.
 */
export type ForwardRuleText = string | {
  readonly address: string;
  readonly from: string;
};

/** Rules of {@linkcode allowForwarding}. */
export interface ForwardingRules {
  /** What peers may have this node connect to. @default nothing */
  readonly connect?: readonly ForwardRuleText[];
  /**
   * On what they may have it listen; port 0 allows any free port, chosen by the system.
   *
   * @default nothing
   */
  readonly listen?: readonly ForwardRuleText[];
  /**
   * Decides, at each request, whether the rules without a peer are for this one.
   *
   * @default {they are for every peer}
   */
  readonly accept?: (peer: PeerId) => boolean;
  /** Time, for tests. @default the real clock */
  readonly clock?: Clock;
  /** Looks names up, for tests. @default the operating system */
  readonly resolve?: Resolver;
}

/** Rules that are in force, and what came of them. */
export interface AllowedForwarding extends Disposable {
  /** The rules for connections, in full. */
  readonly connect: readonly string[];
  /** The rules for listeners, in full. */
  readonly listen: readonly string[];
  /** Connections by these rules, and requests that no rule of the node allowed. */
  readonly counters: ForwardCounters;
}

/**
 * Allows peers to reach addresses through this node, and to have it listen for them, until the
 * result is disposed of, which also closes the connections. Rules add up. Without a rule
 * nothing is reachable.
 *
 * A host is compared by its text: a rule for `127.0.0.1` is none for `localhost`. A name is
 * looked up when a peer connects; its addresses must be of the same scope (private or public) as
 * when the rule was made, and never of this machine, for which only addresses and `localhost`
 * stand. So the owner of a name cannot direct it at what is not meant.
 *
 * @throws {SyntaxError} when a rule is none.
 * @throws {RangeError} for more than 1,024 rules.
 * @throws {VerackError} `unknown-peer`, `ambiguous` for the name of a peer.
 *
 * @example
 * ```ts
 * import { Node } from "../../../mod.ts";
 * import { allowForwarding } from "../mod.ts";
 *
 * await using node = await Node.start();
 * using allowed = allowForwarding(node, { connect: ["5432"] });
 * console.assert(allowed.connect[0] === "127.0.0.1:5432");
 * ```
 */
export function allowForwarding(
  node: Node,
  rules: ForwardingRules,
): AllowedForwarding {
  const { accept, clock, resolve } = rules;
  const connect = parseRules(node, rules.connect ?? [], "connect");
  const listen = parseRules(node, rules.listen ?? [], "listen");
  if (connect.length + listen.length > MAX_FORWARD_RULES) {
    throw new RangeError(
      `Cannot allow forwarding: there are ${
        connect.length + listen.length
      } rules, must be at most ${MAX_FORWARD_RULES}`,
    );
  }
  const hub = forwardHubOf(node, {
    ...(clock !== undefined && { clock }),
    ...(resolve !== undefined && { resolve }),
  });
  const traffic = new ForwardTraffic(hub.counters);
  const stop = new AbortController();
  const allowed = hub.allow({
    connect,
    listen,
    accept,
    signal: stop.signal,
    onConnection: (connection, done) => {
      traffic.add(connection, done);
      traffic.countOpened();
    },
    onRefusal: () => traffic.countRefused(),
  });
  return {
    connect: connect.map(formatForwardRule),
    listen: listen.map(formatForwardRule),
    counters: traffic,
    [Symbol.dispose]: () => {
      const reason = new VerackError("not-allowed", "The rule was taken back");
      allowed[Symbol.dispose]();
      stop.abort(reason);
      traffic.abort(reason);
    },
  };
}

function parseRules(
  node: Pick<ForwardingNode, "resolvePeer">,
  rules: readonly ForwardRuleText[],
  kind: RuleKind,
): ForwardRule[] {
  return rules.map((rule) => {
    if (typeof rule === "string") return parseForwardRule(rule, kind);
    const peer = wholePeer(node, rule.from);
    return { ...parseForwardRule(rule.address, kind), peer };
  });
}

/** Any key can be made to begin with the same digits, so that these do not stand for a peer. */
function wholePeer(
  node: Pick<ForwardingNode, "resolvePeer">,
  text: string,
): PeerId {
  if (isPeerId(text)) return text;
  if (/^[0-9a-f]+$/.test(text)) {
    throw new SyntaxError(
      `Cannot allow forwarding from ${
        JSON.stringify(text)
      }: it is a part of an identity, must be the whole`,
    );
  }
  return node.resolvePeer(text);
}
