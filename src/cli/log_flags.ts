/** The flags that say how much is logged; shared by all commands that log. */
import { configureLogging, LOG_LEVELS } from "../log.ts";
import type { EnumFlag } from "./flags.ts";
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

/** Starts to log as the flags say. */
export function startLogging(
  flags: {
    readonly logLevel: typeof LOG_LEVELS[number];
    readonly logFormat: "auto" | "human" | "json";
  },
  terminal: Terminal,
): void {
  const format = flags.logFormat === "auto"
    ? Deno.stderr.isTerminal() ? "human" : "json"
    : flags.logFormat;
  configureLogging({
    level: flags.logLevel,
    format,
    color: format === "human" && terminal.err.enabled,
    write: (line) => terminal.stderr.line(line),
  });
}
