/**
 * `@std/log` for the default import map: the part of its API (0.224) that verack uses. That
 * package left the standard library in September 2025 and is on no registry but JSR;
 * `import_map.jsr.json` points at the original.
 *
 * @module
 */
import { systemClock } from "../core/clock.ts";

/** Numeric levels by name. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** Name of a level. */
export type LevelName = keyof typeof LogLevels;

/** One log record. */
export interface LogRecord {
  /** The message. */
  readonly msg: string;
  /** The values logged beside the message. */
  readonly args: unknown[];
  /** When it was logged. */
  readonly datetime: Date;
  /** Numeric level. */
  readonly level: number;
  /** Name of the level. */
  readonly levelName: string;
  /** Name of the logger. */
  readonly loggerName: string;
}

/** Options of a {@linkcode BaseHandler}. */
export interface BaseHandlerOptions {
  /** Makes a line of a record. Default: level name, space, message. */
  formatter?: (record: LogRecord) => string;
}

/** Formats records of its level and above; a subclass writes the lines. */
export abstract class BaseHandler {
  /** Makes a line of a record. */
  formatter: (record: LogRecord) => string;
  readonly #level: number;

  /** A handler that ignores records below `levelName`. */
  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.#level = LogLevels[levelName];
    this.formatter = options.formatter ??
      (({ levelName, msg }) => `${levelName} ${msg}`);
  }

  /** Formats and writes the record, unless its level is too low. */
  handle(record: LogRecord): void {
    if (this.#level <= record.level) this.log(this.formatter(record));
  }

  /** Writes a line. */
  abstract log(line: string): void;
}

/** Passes records of its level and above to its handlers. */
export class Logger {
  /** Where its records go; without any it is silent. */
  handlers: BaseHandler[] = [];
  /** Name of the lowest level logged. */
  levelName: LevelName = "NOTSET";
  readonly #name: string;

  /** Use {@linkcode getLogger} instead. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Lowest level logged. */
  get level(): number {
    return LogLevels[this.levelName];
  }

  /** Logs details for finding faults. */
  debug(msg: string, ...args: unknown[]): string {
    return this.#log("DEBUG", msg, args);
  }

  /** Logs ordinary events. */
  info(msg: string, ...args: unknown[]): string {
    return this.#log("INFO", msg, args);
  }

  /** Logs what an operator should look at. */
  warn(msg: string, ...args: unknown[]): string {
    return this.#log("WARN", msg, args);
  }

  /** Logs a failure. */
  error(msg: string, ...args: unknown[]): string {
    return this.#log("ERROR", msg, args);
  }

  /** Logs what ends the program. */
  critical(msg: string, ...args: unknown[]): string {
    return this.#log("CRITICAL", msg, args);
  }

  #log(levelName: LevelName, msg: string, args: unknown[]): string {
    const level = LogLevels[levelName];
    if (level < this.level) return msg;
    const datetime = new Date(systemClock.now());
    const loggerName = this.#name;
    const record = { msg, args, datetime, level, levelName, loggerName };
    for (const handler of this.handlers) handler.handle(record);
    return msg;
  }
}

const loggers = new Map<string, Logger>();

/** The logger of that name, the same at every call. */
export function getLogger(name: string = "default"): Logger {
  let logger = loggers.get(name);
  if (logger === undefined) loggers.set(name, logger = new Logger(name));
  return logger;
}
