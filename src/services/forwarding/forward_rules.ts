/**
 * The rules of one node: what peers may have it connect to and listen on. Without one, nothing.
 * And the report of a node on its forwarding, for its status.
 */
import { VerackError } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import {
  formatForwardRule,
  type ForwardRule,
  ruleAllows,
  type RuleKind,
} from "./forward_target.ts";
import type { ForwardedConnection } from "./forwarded_connection.ts";

/** Rules that were given together, and what came of them. */
export interface RuleSet {
  readonly connect: readonly ForwardRule[];
  readonly listen: readonly ForwardRule[];
  /** Decides for rules that name no peer. @default every peer */
  readonly accept: ((peer: PeerId) => boolean) | undefined;
  /** Aborts when they are taken back. */
  readonly signal: AbortSignal;
  /** Called for each connection that one of them allows; `done` never rejects. */
  onConnection(connection: ForwardedConnection, done: Promise<void>): void;
  /** Called for each request that no rule allows. */
  onRefusal(): void;
}

/** All rules of one node. */
export class ForwardRules {
  readonly #sets = new Set<RuleSet>();

  /** How many sets there are. */
  get size(): number {
    return this.#sets.size;
  }

  /** Whether a rule is for that peer, and not for all. */
  names(peer: PeerId): boolean {
    return [...this.#sets].some(({ connect, listen, accept }) =>
      [...connect, ...listen].some((rule) => rule.peer === peer) ||
      accept?.(peer)
    );
  }

  /** Those of one kind, in full. */
  list(kind: RuleKind): string[] {
    return [...this.#sets].flatMap((rules) =>
      rules[kind].map(formatForwardRule)
    );
  }

  add(rules: RuleSet): void {
    this.#sets.add(rules);
  }

  delete(rules: RuleSet): void {
    this.#sets.delete(rules);
  }

  /**
   * The rules that allow an address to a peer.
   *
   * @throws {VerackError} `not-allowed`.
   */
  find(kind: RuleKind, address: Address, peer: PeerId): RuleSet {
    for (const rules of this.#sets) {
      const allowing = rules[kind].filter((it) =>
        ruleAllows(it, address, peer)
      );
      if (allowing.length === 0) continue;
      if (allowing.some((it) => it.peer === peer)) return rules;
      if (rules.accept?.(peer) ?? true) return rules;
    }
    for (const rules of this.#sets) rules.onRefusal();
    const what = kind === "connect" ? "connect to" : "listen on";
    throw new VerackError(
      "not-allowed",
      `Cannot ${what} ${
        formatAddress(address)
      }: no rule of the serving node allows it`,
    );
  }
}

/** What a node forwards at present. */
export interface ForwardingReport {
  /** Rules for connections. */
  readonly connect: readonly string[];
  /** Rules for listeners. */
  readonly listen: readonly string[];
  /** Connections that are forwarded, in either role. */
  readonly connections: number;
  /** Sockets that peers have it listen on. */
  readonly listeners: number;
}

/** How to get the report of each node of this process that has forwarded anything. */
const reporters = new WeakMap<object, () => ForwardingReport>();

/** Sets how to get the report of a node. */
export function reportForwarding(
  node: object,
  reporter: () => ForwardingReport,
): void {
  reporters.set(node, reporter);
}

/** The report of a node; none if it forwards nothing and allows nothing. */
export function forwardingReport(node: object): ForwardingReport | undefined {
  const report = reporters.get(node)?.();
  if (report === undefined) return undefined;
  const { connect, listen, connections } = report;
  const isIdle = connect.length + listen.length + connections === 0;
  return isIdle ? undefined : report;
}
