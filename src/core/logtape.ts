/**
 * Passes the records of the library to LogTape, for programs that configure it (category
 * `["verack", area]`). Every public module imports this file. The command line does not: it
 * writes its log itself, and starts sooner without.
 */
import {
  getLogger,
  type LogLevel as LogTapeLevel,
} from "npm:@logtape/logtape@2.4.2";
import { systemClock } from "./clock.ts";
import { LOGGER_NAMES, logTo } from "./log.ts";

const LEVELS = {
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
  critical: "fatal",
} as const satisfies Record<string, LogTapeLevel>;

const loggers = Object.fromEntries(
  LOGGER_NAMES.map((name) => [name, getLogger(["verack", name])]),
) as Record<typeof LOGGER_NAMES[number], ReturnType<typeof getLogger>>;

logTo({
  enabled: (name, level) => loggers[name].isEnabledFor(LEVELS[level]),
  // emit() rather than LogTape's own methods, which would read {…} in the message as a placeholder.
  log: (name, level, message, properties) => {
    // Text and values in turns: sinks for people show only what is in the message.
    const parts: unknown[] = [message];
    let template = literal(message);
    for (const [key, value] of Object.entries(properties)) {
      parts.push(`${parts.pop()} ${key}=`, value, "");
      template += ` ${literal(key)}={${literal(key)}}`;
    }
    loggers[name].emit({
      level: LEVELS[level],
      timestamp: systemClock.now(),
      message: parts,
      rawMessage: template,
      properties,
    });
  },
});

/** Text of which LogTape reads no part as a placeholder. */
function literal(text: string): string {
  return text.replaceAll(/[{}]/g, "$&$&");
}
