/**
 * Logging for every layer: named loggers, structured fields, one line a record.
 *
 * This is the only file that imports `@std/log`. A library stays silent: nothing is written
 * until the program configures LogTape (`logtape.ts`), or calls {@linkcode configureLogging}, as
 * the command line does. All messages and fields are escaped here, so callers may log what
 * peers sent.
 */
import {
  BaseHandler,
  getLogger,
  LogLevels,
  type LogRecord,
} from "../std/log.ts";
import { escapeText, jsonLine } from "./escape.ts";
import { MAX_LOG_FIELDS, MAX_LOG_MESSAGE_CHARS } from "./core_limits.ts";

/** The loggers, named for the layer that logs; each has the prefix `verack.` in `@std/log`. */
export const LOGGER_NAMES = [
  "transport",
  "identity",
  "mesh",
  "services",
  "store",
  "control",
  "cli",
] as const;

/** Name of a logger, without the prefix. */
export type LoggerName = typeof LOGGER_NAMES[number];

/** The log levels, the one with the fewest records first. */
export const LOG_LEVELS = [
  "off",
  "critical",
  "error",
  "warn",
  "info",
  "debug",
] as const;

/** How much is logged. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The value of a field of a log line; `undefined` leaves the field out. */
export type LogValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Uint8Array
  | Error;

/** Named values beside a message. */
export type LogFields = Readonly<Record<string, LogValue>>;

/** Fields as they are passed on. */
type ShownFields = Readonly<Record<string, number | boolean | string | null>>;

/** A logger of one layer. */
export interface Log {
  /** Whether records of that level are written; ask before costly work. */
  enabled(level: RecordLevel): boolean;
  /** Logs details for finding faults. */
  debug(message: string, fields?: LogFields): void;
  /** Logs ordinary events. */
  info(message: string, fields?: LogFields): void;
  /** Logs what an operator should look at. */
  warn(message: string, fields?: LogFields): void;
  /** Logs a failure. */
  error(message: string, fields?: LogFields): void;
  /** Logs what ends the program. */
  critical(message: string, fields?: LogFields): void;
}

/** Options of {@linkcode configureLogging}. */
export interface LoggingOptions {
  /** How much is logged. */
  level: LogLevel;
  /** `human`: time, level, logger, message, fields; `json`: one object a line. */
  format: "human" | "json";
  /** Writes a line, which has no line feed; what it throws is dropped. */
  write: (line: string) => void;
  /** Colours, in the human form only. */
  color: boolean;
  /** Whether a record with these fields is written. @default {all are} */
  admits?: (fields: LogFields) => boolean;
}

/** A level that a record may have. */
type RecordLevel = Exclude<LogLevel, "off">;

/** Receives the records of loggers that {@linkcode configureLogging} has not configured. */
export interface LogTarget {
  /** Whether records of that level are written. */
  enabled(name: LoggerName, level: RecordLevel): boolean;
  /** Writes a record; message and fields are escaped. */
  log(
    name: LoggerName,
    level: RecordLevel,
    message: string,
    fields: ShownFields,
  ): void;
}

const PREFIX = "verack.";

const LEVEL_NAMES = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
  critical: "CRITICAL",
} as const;

let target: LogTarget | undefined;

/** Sets the receiver of records of loggers that {@linkcode configureLogging} has not configured. */
export function logTo(other: LogTarget): void {
  target = other;
}

/** SGR parameters: dim, none, yellow, red, red and bold. */
const LEVEL_COLORS: Readonly<Record<string, string>> = {
  DEBUG: "2",
  INFO: "",
  WARN: "33",
  ERROR: "31",
  CRITICAL: "1;31",
};

const IDENTITY = /^[0-9a-f]{64}$/;

/** Width of the column for the logger's name. */
const LOGGER_COLUMNS = 9;

/** Values that need no quotes in `key=value`. */
const BARE = /^[^\s"=]+$/;

class LineHandler extends BaseHandler {
  readonly #write: (line: string) => void;
  readonly #admits: (fields: LogFields) => boolean;

  constructor(options: LoggingOptions) {
    super("NOTSET", {
      formatter: options.format === "json"
        ? formatJson
        : (record: LogRecord) => formatHuman(record, options.color),
    });
    this.#write = options.write;
    this.#admits = options.admits ?? (() => true);
  }

  /** Checked before formatting, so that a record that is left out costs little. */
  override handle(record: LogRecord): void {
    if (this.#admits(fieldsOf(record))) super.handle(record);
  }

  override log(line: string): void {
    try {
      this.#write(line);
    } catch {
      // A log that cannot be written must not stop what it reports on.
    }
  }
}

/** Sets what is logged and where, for the whole process. May be called again. */
export function configureLogging(options: LoggingOptions): void {
  const handlers = options.level === "off" ? [] : [new LineHandler(options)];
  for (const name of LOGGER_NAMES) {
    const logger = getLogger(PREFIX + name);
    logger.handlers = handlers;
    if (options.level !== "off") logger.levelName = LEVEL_NAMES[options.level];
  }
}

/** The logger of a layer. It follows every later {@linkcode configureLogging}. */
export function logger(name: LoggerName): Log {
  const own = getLogger(PREFIX + name);
  const enabled = (level: RecordLevel): boolean =>
    own.handlers.length > 0
      ? own.level <= LogLevels[LEVEL_NAMES[level]]
      : target?.enabled(name, level) ?? false;
  const method =
    (level: RecordLevel) => (message: string, fields?: LogFields): void => {
      if (!enabled(level)) return;
      const shown = escapeText(message, { max: MAX_LOG_MESSAGE_CHARS });
      if (own.handlers.length > 0) own[level](shown, shownFields(fields));
      else target?.log(name, level, shown, shownFields(fields));
    };
  return {
    enabled,
    debug: method("debug"),
    info: method("info"),
    warn: method("warn"),
    error: method("error"),
    critical: method("critical"),
  };
}

/** Fields that every sink may show: bounded, escaped, of plain types. */
function shownFields(fields: LogFields = {}): ShownFields {
  const shown: Record<string, number | boolean | string | null> = {};
  const given = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .slice(0, MAX_LOG_FIELDS);
  for (const [name, value] of given) {
    const isPlain = value === null || typeof value === "boolean" ||
      (typeof value === "number" && Number.isFinite(value));
    shown[escapeText(name)] = isPlain ? value : textOf(value);
  }
  return shown;
}

function formatJson(record: LogRecord): string {
  const fields = fieldsOf(record);
  return jsonLine({
    time: record.datetime.toISOString(),
    level: record.levelName.toLowerCase(),
    logger: record.loggerName,
    message: record.msg,
    ...(Object.keys(fields).length > 0 ? { fields } : {}),
  });
}

function formatHuman(record: LogRecord, color: boolean): string {
  const paint = (sgr: string, text: string): string =>
    color && sgr !== "" ? `\x1b[${sgr}m${text}\x1b[0m` : text;
  const name = record.loggerName.startsWith(PREFIX)
    ? record.loggerName.slice(PREFIX.length)
    : record.loggerName;
  const fields = Object.entries(fieldsOf(record)).map(([key, value]) =>
    paint("2", `${key}=`) + quote(shorten(String(value)))
  );
  return [
    paint("2", timeOfDay(record.datetime)),
    paint(
      LEVEL_COLORS[record.levelName] ?? "",
      record.levelName.padEnd("DEBUG".length),
    ),
    paint("2", name.padEnd(LOGGER_COLUMNS)),
    record.msg,
    ...fields,
  ].join(" ");
}

function fieldsOf({ args: [fields] }: LogRecord): ShownFields {
  return (fields ?? {}) as ShownFields;
}

function textOf(value: LogValue): string {
  if (value instanceof Error) {
    return escapeText(
      "code" in value ? `${value.message} (${value.code})` : value.message,
    );
  }
  return escapeText(value instanceof Uint8Array ? value : String(value));
}

/** People see the first eight digits of an identity. */
function shorten(text: string): string {
  return IDENTITY.test(text) ? text.slice(0, 8) : text;
}

/** Backslashes are doubled already, so `\"` is unambiguous. */
function quote(text: string): string {
  return BARE.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** Local time, because people compare it with other clocks. */
function timeOfDay(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${
    two(date.getSeconds())
  }.${ms}`;
}
