/** `run --receive-dir`: receives files as long as a node runs. */
import { fileEvent } from "../../control/answer_rows.ts";
import type { FileEvent } from "../../control/answers.ts";
import type { Node } from "../../mesh/node.ts";
import type { NodeOptions } from "../../mesh/options.ts";
import {
  parseSender,
  type SenderRule,
  senderRule,
} from "../exec/exec_flags.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "../flags.ts";

/** The flags. */
export const RECEIVE_FLAGS = {
  receiveDir: {
    type: "path",
    value: "DIR",
    help: "Receive the files that peers send into this folder",
  },
  receiveFrom: {
    type: "list",
    value: "NAME|ID",
    parse: parseSender,
    help: "Only files of this peer; those of others are declined",
  },
} as const satisfies FlagSpecs;

/** Where files are put, and which peers may send them. */
export interface Receiving {
  readonly dir: string;
  /** `undefined` admits every peer. */
  readonly rule: ((node: Node) => SenderRule) | undefined;
}

/** What the flags say, for a node with these options; `undefined` without `--receive-dir`. */
export function receiving(
  { receiveDir, receiveFrom }: FlagValues<typeof RECEIVE_FLAGS>,
  options: NodeOptions,
): Receiving | undefined {
  if (receiveDir === undefined) {
    if (receiveFrom.length === 0) return undefined;
    throw new UsageError("--receive-from needs --receive-dir");
  }
  const rule = senderRule(options, receiveFrom, {
    flag: "--receive-dir",
    fromFlag: "--receive-from",
    does: "send files here",
    untilBound: "their files are declined",
  });
  return { dir: receiveDir, rule };
}

/**
 * Begins to receive, until the node closes or `signal` aborts.
 *
 * @returns Resolves when it has ended; rejects when the folder cannot be used any more.
 * @throws {VerackError} `bad-data` when `dir` cannot be used.
 */
export async function receiveAlways(
  node: Node,
  { dir, rule }: Receiving,
  { show, signal }: {
    readonly show: (event: FileEvent) => void;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly ended: Promise<void> }> {
  const { receiveFiles } = await import(
    "../../services/files/receive_files.ts"
  );
  const fateOf = rule?.(node);
  const steps = receiveFiles(node, {
    dir,
    accept: ({ peer }) => fateOf === undefined || fateOf(peer) === "run",
    signal,
  });
  const run = async () => {
    try {
      for await (const step of steps) {
        const event = fileEvent(step, node.peer(step.peer));
        if (event !== undefined) show(event);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
  return { ended: run() };
}
