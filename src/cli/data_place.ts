/** The data directory of a command where none is given. */
import { type ErrorCode, VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { grantedEnv } from "./command.ts";
import { type FlagSpec, quoted, UsageError } from "./flags.ts";

/** Codes of errors that another directory may not have. */
const PLACE_CODES: ReadonlySet<ErrorCode> = new Set([
  "connection-refused",
  "bad-data",
  "data-in-use",
]);

/** The variable that stands in for `--data`. */
export const DATA_VARIABLE = "VERACK_DATA";

/** The flag of a command about one data directory. */
export const DATA_FLAG = {
  type: "path",
  short: "d",
  value: "DIR",
  env: DATA_VARIABLE,
  help: "Data directory of the node that is meant, if not the default one",
} as const satisfies FlagSpec;

/** A data directory, and what named it. */
export interface DataPlace {
  readonly directory: string;
  readonly source: "flag" | "variable" | "default";
}

/** The directory of a flag or of {@linkcode DATA_VARIABLE}, else the default one. */
export function dataPlace(data: string | undefined): DataPlace {
  if (data === undefined || data === "") {
    return { directory: defaultDataDirectory(), source: "default" };
  }
  // A flag with the same value differs in no way.
  const source = data === grantedEnv(DATA_VARIABLE)
    ? "variable"
    : data === knownDefault()
    ? "default"
    : "flag";
  return { directory: data, source };
}

function knownDefault(): string | undefined {
  try {
    return defaultDataDirectory();
  } catch {
    return undefined;
  }
}

/** The error about a directory that no flag named, with how another one is named. */
export function withOtherPlaces(
  error: unknown,
  { directory, source }: DataPlace,
): unknown {
  if (!(error instanceof VerackError) || source === "flag") return error;
  if (!PLACE_CODES.has(error.code)) return error;
  const isDefault = source === "default";
  const named = isDefault ? "the default" : DATA_VARIABLE;
  const others = isDefault ? `--data or ${DATA_VARIABLE}` : "--data";
  // Where none runs, it matters little whether there is such a directory.
  const message = error.code === "connection-refused"
    ? `No node runs in "${escapeText(directory)}" (${named}): ${
      isDefault ? "verack run --keep starts one there; " : ""
    }${others} names another, --url one elsewhere`
    : `${error.message} (${named}; ${others} names another)`;
  return new VerackError(error.code, message, { cause: error });
}

/**
 * The directory in which programs of this platform keep data of their user: of the XDG Base
 * Directory Specification, of Apple's File System Programming Guide, or the local application
 * data of Windows.
 *
 * @throws {UsageError} when the environment does not tell where that is.
 */
export function defaultDataDirectory(
  env: (name: string) => string | undefined = grantedEnv,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  const base = (name: string, ...parts: readonly string[]) => {
    const given = env(name) ?? "";
    const value = given.replace(/[\\/]+$/, "");
    // A relative path is invalid by the specification, and would be another one everywhere.
    const fits = os === "windows"
      ? /^([A-Za-z]:[\\/]|\\\\)/.test(value)
      : given.startsWith("/");
    const separator = os === "windows" ? "\\" : "/";
    return fits ? [value, ...parts, "verack"].join(separator) : undefined;
  };
  const [variable, found] = os === "windows"
    ? ["LOCALAPPDATA", base("LOCALAPPDATA")]
    : os === "darwin"
    ? ["HOME", base("HOME", "Library", "Application Support")]
    : ["HOME", base("XDG_DATA_HOME") ?? base("HOME", ".local", "share")];
  if (found !== undefined) return found;
  const given = env(variable) ?? "";
  const why = given === ""
    ? `without ${variable}, which --allow-env=${variable} makes readable if it is set`
    : `as ${variable} is ${quoted(given)}, which is no whole path`;
  throw new UsageError(
    `--data is missing, must be --data DIR or ${DATA_VARIABLE}=DIR: there is no default directory ${why}`,
  );
}
