/** The flags for what peers may reach through a node, and have it listen on. */
import type { Node } from "../mesh/node.ts";
import type { NodeOptions } from "../mesh/options.ts";
import {
  formatForwardRule,
  parseForwardRule,
  type RuleKind,
} from "../services/forwarding/forward_target.ts";
import { parseSender, type SenderRule, senderRule } from "./exec/exec_flags.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";

/** The flags. */
export const FORWARD_FLAGS = {
  allowForward: {
    type: "list",
    value: "[ID@][HOST:]PORT[-PORT]",
    parse: checked("connect"),
    help: "Let peers, or that one, connect to this address through the node",
  },
  allowForwardListen: {
    type: "list",
    value: "[ID@][HOST:]PORT[-PORT]",
    parse: checked("listen"),
    help:
      "Let peers, or that one, have the node listen there for them; 0 is any free port",
  },
  allowForwardFrom: {
    type: "list",
    value: "NAME|ID",
    parse: parseSender,
    help: "Only this peer, where no ID is before an address",
  },
} as const satisfies FlagSpecs;

/** What peers may reach, and which peers. */
export interface ForwardPermission {
  readonly connect: readonly string[];
  readonly listen: readonly string[];
  /** For addresses without an id; `undefined` admits every peer. */
  readonly rule: ((node: Node) => SenderRule) | undefined;
}

/** What the flags say, for a node with these options; `undefined` without an address. */
export function forwardPermission(
  flags: FlagValues<typeof FORWARD_FLAGS>,
  options: NodeOptions,
): ForwardPermission | undefined {
  const { allowForward: connect, allowForwardListen: listen } = flags;
  const { allowForwardFrom: from } = flags;
  const all = [...connect, ...listen];
  if (all.length === 0) {
    if (from.length === 0) return undefined;
    throw new UsageError(
      "--allow-forward-from needs --allow-forward or --allow-forward-listen",
    );
  }
  if (all.every((it) => it.includes("@"))) {
    return { connect, listen, rule: undefined };
  }
  const rule = senderRule(options, from, {
    flag: connect.some((it) => !it.includes("@"))
      ? "--allow-forward"
      : "--allow-forward-listen",
    fromFlag: "--allow-forward-from",
    does: "use it",
    untilBound: "their connections are refused",
  });
  return { connect, listen, rule };
}

/** The rules without an id, in full. */
export function rulesForAll({ connect, listen }: ForwardPermission): string[] {
  const inFull = (texts: readonly string[], kind: RuleKind) =>
    texts.filter((it) => !it.includes("@"))
      .map((it) => formatForwardRule(parseForwardRule(it, kind)));
  return [...inFull(connect, "connect"), ...inFull(listen, "listen")];
}

/** Allows it until the result is disposed of. */
export async function allowForwards(
  node: Node,
  { connect, listen, rule }: ForwardPermission,
): Promise<Disposable> {
  // Loaded here, because most nodes forward nothing.
  const { allowForwarding } = await import(
    "../services/forwarding/allow_forwarding.ts"
  );
  const fateOf = rule?.(node);
  return allowForwarding(node, {
    connect,
    listen,
    ...(fateOf !== undefined && {
      accept: (peer) => fateOf(peer) === "run",
    }),
  });
}

function checked(kind: RuleKind): (text: string) => string {
  return (text) => {
    parseForwardRule(text, kind);
    return text;
  };
}
