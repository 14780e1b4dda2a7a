/** Commands that get an answer, most of them from a node, and show it as text or as JSON. */
import { jsonLine } from "../core/escape.ts";
import { type Command, command, type CommandSpec } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";
import { OUTPUT_FLAGS, type Palette } from "./terminal.ts";

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

/** A time in UTC to the minute, `2026-11-29 21:52Z`. */
export function utcMinute(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")}Z`;
}
