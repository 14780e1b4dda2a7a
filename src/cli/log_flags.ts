/** The flags that say how much is logged; shared by all commands that log. */
import { systemClock } from "../clock.ts";
import { jsonLine } from "../escape.ts";
import { configureLogging, LOG_LEVELS } from "../log.ts";
import type { EnumFlag } from "./flags.ts";
import type { LineOutput } from "./line_writer.ts";
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
} as const satisfies Record<string, EnumFlag>;

/**
 * Starts to log as the flags say. Logging never waits for a reader: what it loses
 * then is counted in a record of the same form.
 *
 * @param output Takes the lines in the place of stderr.
 */
export function startLogging(
  flags: {
    readonly logLevel: typeof LOG_LEVELS[number];
    readonly logFormat: "auto" | "human" | "json";
  },
  { stderr, err }: Terminal,
  output: LineOutput = stderr,
): void {
  const format = flags.logFormat === "auto"
    ? Deno.stderr.isTerminal() ? "human" : "json"
    : flags.logFormat;
  configureLogging({
    level: flags.logLevel,
    format,
    color: format === "human" && err.enabled,
    write: (line) =>
      output.line(line, false, format === "json" ? false : undefined),
  });
  if (format !== "json") return;
  stderr.onLoss = (lines) =>
    jsonLine({
      time: new Date(systemClock.now()).toISOString(),
      level: "warn",
      logger: "verack.cli",
      message: "lines lost, standard error was not read",
      fields: { lines },
    });
}
