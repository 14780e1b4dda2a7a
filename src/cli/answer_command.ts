/** Commands that get an answer, most of them from a node, and show it as text or as JSON. */
import type { ControlClient } from "../control/control_client.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { type Command, command, type CommandSpec } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import {
  type FlagSpec,
  type FlagSpecs,
  type FlagValues,
  UsageError,
} from "./flags.ts";
import { OUTPUT_FLAGS, type Palette } from "./terminal.ts";

/** The flag of a command about a node. */
export const DATA_FLAG = {
  type: "path",
  short: "d",
  value: "DIR",
  required: true,
  help: "Data directory of the node that is meant",
} as const satisfies FlagSpec;

/** How a command is called, and how it gets and shows its answer of type `T`. */
export interface AnswerSpec<F extends FlagSpecs, T> extends CommandSpec<F> {
  /** Gets the answer; `flags` has only those beside {@linkcode OUTPUT_FLAGS}. */
  ask(flags: FlagValues<F>, positionals: readonly string[]): Promise<T> | T;
  /** The answer as text. */
  lines(answer: NoInfer<T>, colors: Palette): readonly string[];
  /** What is said of it on stderr, beside the text. */
  remark?(
    answer: NoInfer<T>,
    positionals: readonly string[],
  ): string | false;
  /** The answer, or each element of it, as JSON. @default as it is */
  json?(answer: NoInfer<T>): unknown;
  /** @default success */
  exit?(answer: NoInfer<T>): ExitCode;
}

/** A command that shows an answer; an array is one JSON object a line for each element. */
export function answerCommand<const F extends FlagSpecs, T>(
  spec: AnswerSpec<F, T>,
): Command {
  const { ask, lines, remark, json = (answer) => answer, exit } = spec;
  const flags = { ...spec.flags, ...OUTPUT_FLAGS };
  return command({
    ...spec,
    flags,
    async action(invocation) {
      const { positionals, terminal: { stdout, stderr, out } } = invocation;
      // The types of a spread of a generic table do not carry over to its values.
      const given = invocation.flags as
        & FlagValues<F>
        & FlagValues<typeof OUTPUT_FLAGS>;
      const answer = await ask(given, positionals);
      if (given.json) {
        for (const each of [json(answer)].flat()) stdout.line(jsonLine(each));
      } else {
        const remarked = remark?.(answer, positionals);
        if (remarked) stderr.line(remarked);
        for (const line of lines(answer, out)) stdout.line(line);
      }
      return exit?.(answer) ?? EXIT.success;
    },
  });
}

/** Rows of a label and what it stands for. */
export function labelled(
  rows: readonly (readonly [label: string, text: string])[],
  { dim }: Palette,
): string[] {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${dim(label.padEnd(width))}  ${text}`);
}

/** Runs `use` with a client of the node that runs on a data directory. */
export async function withNode<T>(
  directory: string,
  use: (client: ControlClient) => Promise<T>,
): Promise<T> {
  // Loaded here, because other commands need neither the client nor its packages.
  const { ControlClient } = await import("../control/control_client.ts");
  using client = await ControlClient.find(directory);
  return await asUsage(() => use(client));
}

/** Runs `use`, which throws `SyntaxError` or `RangeError` where an argument is wrong. */
export async function asUsage<T>(use: () => Promise<T> | T): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/** A time in UTC to the minute, `2026-11-29 21:52Z`. */
export function utcMinute(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")}Z`;
}

/**
 * A path for the node, which may run in another directory.
 *
 * @throws {VerackError} `permission` when a relative path cannot be resolved.
 */
export async function absolutePath(path: string): Promise<string> {
  const { resolve } = await import("node:path");
  try {
    return resolve(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new VerackError(
      "permission",
      `Cannot find "${escapeText(path)}" from here: ${
        missingFlag(error.message)
      }, or give its whole path`,
      { cause: error },
    );
  }
}
