/** The flags that hand messages to a program. */
import {
  EXEC_JOBS,
  EXEC_TIMEOUT_MS,
  MAX_DURATION_MS,
  MAX_EXEC_JOBS,
} from "../../limits.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "../flags.ts";
import { parseSender } from "./exec_senders.ts";
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
  execFrom: {
    type: "list",
    value: "NAME|ID",
    parse: parseSender,
    help: "Only messages of this peer; those of others are printed",
  },
  execJobs: {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX_EXEC_JOBS,
    default: EXEC_JOBS,
    help: "So many at a time; those of one sender and topic one after another",
  },
  execTimeout: {
    type: "seconds",
    value: "S",
    min: 0.01,
    max: MAX_DURATION_MS / 1_000,
    default: EXEC_TIMEOUT_MS / 1_000,
    help: "Tell it to end after so long, and refuse the message",
  },
} as const satisfies FlagSpecs;

/** The program of the flags. */
export interface ExecCommand extends ProgramCommand {
  readonly topic?: string;
  /** Names and identities of the senders that it gets messages of; all if empty. */
  readonly from: readonly string[];
  readonly jobs: number;
}

/** What to run with the arguments that are not flags; `undefined` without `--exec`. */
export async function execCommand(
  flags: FlagValues<typeof EXEC_FLAGS>,
  args: readonly string[],
): Promise<ExecCommand | undefined> {
  const { exec: program, execTopic: topic, execFrom: from } = flags;
  const { execJobs, execTimeout } = flags;
  if (program === undefined) {
    if (topic !== undefined) throw new UsageError("--exec-topic needs --exec");
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
    from,
    jobs: execJobs,
    timeoutMs: execTimeout * 1_000,
  };
}
