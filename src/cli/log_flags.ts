/** The flags of the log, shared by all commands that log. */
import { systemClock } from "../core/clock.ts";
import { jsonLine } from "../core/escape.ts";
import {
  configureLogging,
  LOG_LEVELS,
  type LogFields,
  logger,
} from "../core/log.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";
import type { LineOutput } from "./line_writer.ts";
import { hostOf, OutputBudget } from "./output_budget.ts";
import type { Terminal } from "./terminal.ts";

/** `--log-level`, `--log-format`. */
export const LOG_FLAGS = {
  logLevel: {
    type: "enum",
    value: "LEVEL",
    values: LOG_LEVELS,
    default: "warn",
    env: "VERACK_LOG",
    help: "How much to log on standard error",
  },
  logFormat: {
    type: "enum",
    value: "FORM",
    values: ["auto", "human", "json"],
    default: "auto",
    help: "Form of the log; auto is human on a terminal and JSON elsewhere",
  },
} as const satisfies FlagSpecs;

/** Options of {@linkcode startLogging}. */
export interface StartLoggingOptions {
  /** Writes the lines. @default the terminal's stderr */
  readonly output?: LineOutput;
  /** Whether a peer has standing. @default none has, before there is a node */
  readonly hasStanding?: (id: string) => boolean;
}

/**
 * Starts to log by the flags. Logging never waits for a reader: lines lost then are counted in
 * a record of the same form, and so are lines that peers cause beyond their budgets. It may be
 * called again, with more options. Disposing of the result reports what was left out since the
 * last report.
 */
export function startLogging(
  flags: FlagValues<typeof LOG_FLAGS>,
  { stderr, err }: Terminal,
  { output = stderr, hasStanding = () => false }: StartLoggingOptions = {},
): Disposable {
  const format = flags.logFormat === "auto"
    ? Deno.stderr.isTerminal() ? "human" : "json"
    : flags.logFormat;
  const budget = new OutputBudget({
    clock: systemClock,
    what: "log lines",
    hasStanding,
    tell: ({ dropped: lines, reason }) =>
      logger("cli").warn("lines left out", { lines, reason }),
  });
  configureLogging({
    level: flags.logLevel,
    format,
    color: format === "human" && err.enabled,
    write: (line) =>
      output.line(line, false, format === "json" ? false : undefined),
    admits(fields) {
      const cause = causeOf(fields);
      return cause === undefined || budget.admits(cause);
    },
  });
  if (format !== "json") return budget;
  stderr.onLoss = (lines) =>
    jsonLine({
      time: new Date(systemClock.now()).toISOString(),
      level: "warn",
      logger: "verack.cli",
      message: "lines lost, standard error was not read",
      fields: { lines },
    });
  return budget;
}

/** The peer or the host that a line is about; none if it is about this node. */
function causeOf(
  { peer, from, actual, address }: LogFields,
): string | undefined {
  const identity = peer ?? from ?? actual;
  if (identity !== undefined) return String(identity);
  return address === undefined ? undefined : hostOf(String(address));
}
