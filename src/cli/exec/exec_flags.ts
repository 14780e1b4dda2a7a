/** The flags for passing messages to a program. */
import { logger } from "../../core/log.ts";
import { isPeerId, type PeerId } from "../../core/peer_id.ts";
import { foldName, parsePeerName, sameName } from "../../identity/peer_name.ts";
import type { AllowedUse } from "../../control/allowed_uses.ts";
import { EXEC_JOBS, EXEC_TIMEOUT_MS, MAX_EXEC_JOBS } from "../cli_limits.ts";
import { staysClosed } from "../../mesh/admission/credentials.ts";
import type { Node } from "../../mesh/node.ts";
import type { NodeOptions } from "../../mesh/options.ts";
import { checkMethod } from "../../streams/request_format.ts";
import { formatAddress, parseAddress } from "../../transport/address.ts";
import { isLoopbackHost } from "../../transport/scope.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "../flags.ts";
import { DURATION } from "../node_command.ts";
import type { ProgramCommand } from "./program_run.ts";

/** The flags. */
export const EXEC_FLAGS = {
  exec: {
    type: "path",
    value: "PROGRAM",
    help: "Hand each message to it, by standard input; its arguments follow --",
  },
  execTopic: {
    type: "string",
    value: "TOPIC",
    help: "Only messages of this topic; others are printed",
  },
  execMethod: {
    type: "list",
    value: "METHOD",
    parse: parseMethod,
    help:
      "Answer requests for it with what the program prints; messages go to it with --exec-topic only",
  },
  execFrom: {
    type: "list",
    value: "NAME|ID",
    parse: parseSender,
    help:
      "Only messages and requests of this peer; messages of others are printed",
  },
  execJobs: {
    type: "integer",
    min: 1,
    max: MAX_EXEC_JOBS,
    default: EXEC_JOBS,
    help: "So many at a time; those of one sender and topic one after another",
  },
  execTimeout: {
    ...DURATION,
    default: EXEC_TIMEOUT_MS / 1_000,
    help: "Tell it to end after so long, and refuse the message or request",
  },
} as const satisfies FlagSpecs;

/** The program of the flags. */
export interface ExecCommand extends ProgramCommand {
  readonly topic?: string;
  /** Methods of the requests that it is started for. */
  readonly methods: readonly string[];
  /** Whether it gets messages. */
  readonly takesMessages: boolean;
  /** Names and identities of the senders that it gets messages of; all if empty. */
  readonly from: readonly string[];
  readonly jobs: number;
}

/** The program to run, with the arguments that are not flags; `undefined` without `--exec`. */
export async function execCommand(
  flags: FlagValues<typeof EXEC_FLAGS>,
  args: readonly string[],
): Promise<ExecCommand | undefined> {
  const { exec: program, execTopic: topic, execFrom: from } = flags;
  const methods = [...new Set(flags.execMethod)];
  const { execJobs, execTimeout } = flags;
  if (program === undefined) {
    if (topic !== undefined) throw new UsageError("--exec-topic needs --exec");
    if (methods.length > 0) throw new UsageError("--exec-method needs --exec");
    if (from.length > 0) throw new UsageError("--exec-from needs --exec");
    return undefined;
  }
  const { checkProgram, notPermitted } = await import("./program_run.ts");
  const permission = { name: "run", command: program } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") {
    throw notPermitted(program);
  }
  checkProgram(program);
  return {
    program,
    args,
    ...(topic !== undefined && { topic }),
    methods,
    takesMessages: methods.length === 0 || topic !== undefined,
    from,
    jobs: execJobs,
    timeoutMs: execTimeout * 1_000,
  };
}

const log = logger("cli");

/** The handling of a sender's messages; those that wait are kept by their sender. */
export type SenderFate = "run" | "print" | "wait";

/** Decides {@linkcode SenderFate}, anew for each message. */
export type SenderRule = (sender: PeerId) => SenderFate;

/** A name or a whole identity, as `--exec-from` takes them. */
export function parseSender(text: string): string {
  const id = text.toLowerCase();
  return isPeerId(id) ? id : parsePeerName(text);
}

/** The name of a method, as `--exec-method` takes it. */
function parseMethod(text: string): string {
  checkMethod(text);
  return text;
}

/** What a peer may do, for messages. */
export interface Permitted {
  readonly flag: string;
  /** The flag that names peers. */
  readonly fromFlag: string;
  /** What an admitted peer does, after `can`. */
  readonly does: string;
  /** What becomes of it while a name means several peers. */
  readonly untilBound: string;
}

const EXEC: Permitted = {
  flag: "--exec",
  fromFlag: "--exec-from",
  does: "start the program",
  untilBound: "their messages wait",
};

/**
 * The rule for a node's options and the peers that a flag names; `undefined` admits all senders.
 *
 * @param permitted What they may do. @default {EXEC}
 */
export function senderRule(
  options: NodeOptions,
  from: readonly string[],
  permitted: Permitted = EXEC,
): ((node: Node) => SenderRule) | undefined {
  const { flag, fromFlag, does } = permitted;
  const isClosed = staysClosed(options);
  if (from.length > 0) return (node) => namedSenders(node, from, permitted);
  if (isClosed) return undefined;
  const { host = "127.0.0.1", listen = true, port = 0 } = options;
  if (!listen) {
    throw new UsageError(
      `${flag} in an open mesh would let every stranger ${does}, needs ${fromFlag} NAME|ID, or --admission closed`,
    );
  }
  const hosts = typeof host === "string" ? [host] : host;
  const open = hosts.find((it) => !isLoopbackHost(it));
  if (open === undefined) return localSenders;
  throw new UsageError(
    `${flag} in an open mesh that listens on ${
      formatAddress({ host: open, port })
    } would let every stranger ${does}, needs ${fromFlag} NAME|ID, or --admission closed, or --host 127.0.0.1`,
  );
}

/** Which peers a {@linkcode senderRule} admits, for the status. */
export function admitted(
  rule: ((node: Node) => SenderRule) | undefined,
  from: readonly string[],
): AllowedUse["from"] {
  if (from.length > 0) return [...new Set(from)];
  return rule === undefined ? "all" : "local";
}

/**
 * Warns once of all names in flags that admit peers, unless a user of the node has decided which
 * peer each one means.
 *
 * @param given What was given, by the flag.
 */
export function warnOfNames(
  { store }: NodeOptions,
  given: Readonly<Record<string, readonly string[]>>,
): void {
  const bindings = store?.nameBindings() ?? [];
  const flags = new Set<string>();
  const shown = new Map<string, string>();
  for (const [flag, from] of Object.entries(given)) {
    for (const text of from) {
      if (isPeerId(text)) continue;
      const name = foldName(text);
      const binding = bindings.find((it) => it.name === name);
      if (binding?.confirmed) continue;
      flags.add(flag);
      const holder = binding === undefined ? "no peer yet" : binding.id;
      if (!shown.has(name)) shown.set(name, `${text} (${holder})`);
    }
  }
  if (shown.size === 0) return;
  log.warn(
    `a name of ${
      [...flags].join(", ")
    } means the first peer that uses it; give its id instead, or bind the name by verack allow ID --name NAME`,
    { names: [...shown.values()].join(", ") },
  );
}

function namedSenders(
  node: Node,
  from: readonly string[],
  { fromFlag, untilBound }: Permitted,
): SenderRule {
  const ids = new Set(from);
  const names = from.filter((it) => !isPeerId(it));
  const told = new Set<string>();
  return (sender) => {
    if (ids.has(sender)) return "run";
    let fate: SenderFate = "print";
    for (const name of names) {
      const holder = node.admission.holderOf(name);
      if (holder === sender) return "run";
      if (holder !== undefined) continue;
      if (!sameName(name, node.peer(sender)?.name ?? "")) continue;
      // Several peers used it while it was bound to none: any of them may be the right one.
      fate = "wait";
      if (told.has(name)) continue;
      told.add(name);
      log.warn(
        `several peers use a name of ${fromFlag}, and ${untilBound} until verack allow ID --name ${name} binds it`,
        { name },
      );
    }
    return fate;
  };
}

/** A peer on this machine may have brought others into the mesh, so each sender is checked. */
function localSenders(node: Node): SenderRule {
  return (sender) =>
    node.sessions().some(({ id, remoteAddress, via }) =>
        id === sender && via === undefined &&
        isLoopbackHost(parseAddress(remoteAddress).host)
      )
      ? "run"
      : "print";
}
