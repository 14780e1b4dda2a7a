/**
 * `@std/log` for the default import map. That package left the standard library
 * in September 2025 and is on no registry but JSR, so this keeps the part of its
 * API that verack uses (0.224: loggers, handlers, levels, records, `setup`) on top
 * of LogTape, its maintained successor. `import_map.jsr.json` points at the
 * original instead, and the tests of `src/core/log.ts` pass on both.
 *
 * Records travel Logger → LogTape → handler. Two differences: what a handler
 * throws is swallowed (LogTape's rule) instead of reaching the caller, and there
 * are no file handlers.
 *
 * @module
 */
import {
  configureSync,
  getLogger as getLogTapeLogger,
  type Logger as LogTapeLogger,
  type LogLevel as LogTapeLevel,
  type LogRecord as LogTapeRecord,
} from "npm:@logtape/logtape@2.4.2";
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

/** Numeric level. */
export type LogLevel = typeof LogLevels[LevelName];

const LEVEL_NAMES = Object.keys(LogLevels) as LevelName[];

/** LogTape has no "not set"; its lowest level lets everything through. */
const TO_LOGTAPE: Record<LevelName, LogTapeLevel> = {
  NOTSET: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARN: "warning",
  ERROR: "error",
  CRITICAL: "fatal",
};

const FROM_LOGTAPE: Record<LogTapeLevel, LevelName> = {
  trace: "NOTSET",
  debug: "DEBUG",
  info: "INFO",
  warning: "WARN",
  error: "ERROR",
  fatal: "CRITICAL",
};

/**
 * The number of a level.
 *
 * @throws {Error} when there is no level of that name.
 */
export function getLevelByName(name: LevelName): LogLevel {
  const level = LogLevels[name];
  if (level === undefined) {
    throw new Error(`Cannot get log level: no level is named ${name}`);
  }
  return level;
}

/**
 * The name of a level.
 *
 * @throws {Error} when there is no such level.
 */
export function getLevelName(level: LogLevel): LevelName {
  const name = LEVEL_NAMES.find((name) => LogLevels[name] === level);
  if (name === undefined) {
    throw new Error(`Cannot get log level name: no level is ${level}`);
  }
  return name;
}

/** What a {@linkcode LogRecord} is made from. */
export interface LogRecordOptions {
  /** The message. */
  msg: string;
  /** What was logged beside the message. */
  args: unknown[];
  /** Numeric level. */
  level: LogLevel;
  /** Name of the logger. */
  loggerName: string;
}

/** One thing that was logged. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  /** Numeric level. */
  readonly level: LogLevel;
  /** Name of the level. */
  readonly levelName: LevelName;
  /** Name of the logger. */
  readonly loggerName: string;
  readonly #args: readonly unknown[];
  readonly #timeMs: number;

  /** Takes the parts; the time is now unless `timeMs` (Unix epoch) says otherwise. */
  constructor(options: LogRecordOptions, timeMs: number = systemClock.now()) {
    this.msg = options.msg;
    this.level = options.level;
    this.levelName = getLevelName(options.level);
    this.loggerName = options.loggerName;
    this.#args = [...options.args];
    this.#timeMs = timeMs;
  }

  /** A copy of what was logged beside the message. */
  get args(): unknown[] {
    return [...this.#args];
  }

  /** When it was logged. */
  get datetime(): Date {
    return new Date(this.#timeMs);
  }
}

/** Makes a line of a record. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** Options of a {@linkcode BaseHandler}. */
export interface BaseHandlerOptions {
  /** Default: level name, space, message. */
  formatter?: FormatterFunction;
}

/** Formats records of its level and above; a subclass puts the lines somewhere. */
export abstract class BaseHandler {
  /** Makes a line of a record. */
  formatter: FormatterFunction;
  #level: LogLevel;

  /** A handler that ignores records below `levelName`. */
  constructor(levelName: LevelName, options: BaseHandlerOptions = {}) {
    this.#level = getLevelByName(levelName);
    this.formatter = options.formatter ??
      (({ levelName, msg }) => `${levelName} ${msg}`);
  }

  /** Lowest level handled. */
  get level(): LogLevel {
    return this.#level;
  }
  set level(level: LogLevel) {
    getLevelName(level);
    this.#level = level;
  }

  /** Name of the lowest level handled. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }
  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** Formats and writes the record, unless its level is too low. */
  handle(logRecord: LogRecord): void {
    if (this.#level <= logRecord.level) this.log(this.format(logRecord));
  }

  /** Makes a line of a record. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }

  /** Puts a line where it belongs. */
  abstract log(msg: string): void;

  /** Called by {@linkcode setup} before use. */
  setup(): void {}

  /** Called by the next {@linkcode setup}. */
  destroy(): void {}

  /** Same as {@linkcode destroy}. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/** Options of a {@linkcode Logger}. */
export interface LoggerOptions {
  /** Where its records go. */
  handlers?: BaseHandler[];
}

/** Hands records of its level and above to its handlers. */
export class Logger {
  #handlers: BaseHandler[] | undefined;
  readonly #loggerName: string;
  readonly #target: LogTapeLogger;
  #level: LogLevel;

  /** Use {@linkcode getLogger} instead. */
  constructor(
    loggerName: string,
    levelName: LevelName,
    options: LoggerOptions = {},
  ) {
    this.#loggerName = loggerName;
    this.#target = getLogTapeLogger(loggerName.split("."));
    this.#level = getLevelByName(levelName);
    this.#handlers = options.handlers;
  }

  /** Where its records go; without any it is silent. */
  get handlers(): BaseHandler[] {
    if (this.#handlers !== undefined) return this.#handlers;
    return this.#target.isEnabledFor("fatal") ? [LOGTAPE] : [];
  }
  set handlers(handlers: BaseHandler[]) {
    this.#handlers = handlers;
  }

  /** Lowest level logged. */
  get level(): LogLevel {
    if (this.#handlers !== undefined) return this.#level;
    const name = LEVEL_NAMES.find((it) =>
      this.#target.isEnabledFor(TO_LOGTAPE[it])
    );
    return getLevelByName(name ?? "CRITICAL");
  }
  set level(level: LogLevel) {
    getLevelName(level);
    this.#level = level;
  }

  /** Name of the lowest level logged. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }
  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** Its name. */
  get loggerName(): string {
    return this.#loggerName;
  }

  /** Logs what helps to find a fault. */
  debug(msg: string, ...args: unknown[]): string {
    return this.#log("DEBUG", msg, args);
  }

  /** Logs what happens in the ordinary course. */
  info(msg: string, ...args: unknown[]): string {
    return this.#log("INFO", msg, args);
  }

  /** Logs what should be looked at some time. */
  warn(msg: string, ...args: unknown[]): string {
    return this.#log("WARN", msg, args);
  }

  /** Logs what failed. */
  error(msg: string, ...args: unknown[]): string {
    return this.#log("ERROR", msg, args);
  }

  /** Logs what ends the program. */
  critical(msg: string, ...args: unknown[]): string {
    return this.#log("CRITICAL", msg, args);
  }

  #log(levelName: LevelName, msg: string, args: unknown[]): string {
    if (this.handlers.length > 0 && this.level <= LogLevels[levelName]) {
      // emit() rather than LogTape's own methods: they would read {…} in the
      // message as a placeholder.
      this.#target.emit({
        level: TO_LOGTAPE[levelName],
        timestamp: systemClock.now(),
        message: [msg],
        rawMessage: msg,
        properties: this.#handlers === undefined ? plainFields(args) : { args },
      });
    }
    return msg;
  }
}

/** Stands for the sinks of LogTape, which gets the records without it. */
class LogTapeHandler extends BaseHandler {
  override log(): void {}
}

const LOGTAPE = new LogTapeHandler("NOTSET");

/** Properties of a LogTape record: those of the object that was logged, if it was one. */
function plainFields(args: unknown[]): Record<string, unknown> {
  const [fields] = args;
  return args.length === 1 && typeof fields === "object" && fields !== null
    ? { ...fields }
    : { args };
}

/** Configuration of one logger. */
export interface LoggerConfig {
  /** Lowest level logged; `INFO` when absent. */
  level?: LevelName;
  /** Names of handlers in the same {@linkcode LogConfig}. */
  handlers?: string[];
}

/** Configuration of all loggers. */
export interface LogConfig {
  /** Handlers by name. */
  handlers?: { [name: string]: BaseHandler };
  /** Loggers by name. */
  loggers?: { [name: string]: LoggerConfig };
}

const loggers = new Map<string, Logger>();
let handlersInUse: BaseHandler[] = [];

/**
 * The logger of that name. One that was not set up logs what LogTape is configured
 * to take under its category, by default nothing.
 */
export function getLogger(name: string = "default"): Logger {
  let logger = loggers.get(name);
  if (logger === undefined) {
    logger = new Logger(name, "NOTSET");
    loggers.set(name, logger);
  }
  return logger;
}

/**
 * Replaces the whole configuration of the process: all loggers and handlers of
 * this module, and LogTape's. Get loggers anew after it.
 */
export function setup(config: LogConfig): void {
  for (const handler of handlersInUse) handler.destroy();
  const handlers = config.handlers ?? {};
  handlersInUse = Object.values(handlers);
  for (const handler of handlersInUse) handler.setup();

  loggers.clear();
  const configured = Object.entries(config.loggers ?? {}).map(
    ([name, options]) => {
      const level = options.level ?? "INFO";
      const known = (options.handlers ?? []).filter((id) => id in handlers);
      const own = known.map((id) => handlers[id]).filter((it) =>
        it !== undefined
      );
      loggers.set(name, new Logger(name, level, { handlers: own }));
      return { name, level, known };
    },
  );
  configureSync({
    reset: true,
    sinks: Object.fromEntries(
      Object.entries(handlers).map(([id, handler]) => [id, sinkOf(handler)]),
    ),
    loggers: [
      ...configured.map(({ name, level, known }) => ({
        category: name.split("."),
        sinks: known,
        parentSinks: "override" as const,
        lowestLevel: TO_LOGTAPE[level],
      })),
      // LogTape's own remarks, which would otherwise go to the console.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
}

function sinkOf(handler: BaseHandler): (record: LogTapeRecord) => void {
  return (record) => {
    const { args } = record.properties;
    handler.handle(
      new LogRecord({
        msg: record.message.join(""),
        args: Array.isArray(args) ? args : [],
        level: LogLevels[FROM_LOGTAPE[record.level]],
        loggerName: record.category.join("."),
      }, record.timestamp),
    );
  };
}
