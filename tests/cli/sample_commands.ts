/** Commands with every kind of flag, for the tests of the command line. */
import { assertThrows } from "@std/assert";
import type { CommandSpec } from "../../src/cli/command.ts";
import { type FlagValues, UsageError } from "../../src/cli/flags.ts";
import { parseArguments } from "../../src/cli/command.ts";
import { parseAddress } from "../../src/transport/address.ts";

export const run = {
  flags: {
    port: {
      type: "port",
      short: "p",
      value: "PORT",
      min: 0,
      default: 8080,
      help: "Listen there",
    },
    period: {
      type: "seconds",
      value: "S",
      min: 0.1,
      max: 3600,
      help: "Ping every S seconds",
    },
    nodes: {
      type: "integer",
      value: "N",
      min: 2,
      max: 50,
      default: 5,
      help: "How many",
    },
    connect: {
      type: "list",
      value: "HOST:PORT",
      parse: (text) => parseAddress(text),
      help: "Join there",
    },
    tag: { type: "list", value: "TAG", help: "Tags" },
    name: {
      type: "string",
      short: "n",
      value: "NAME",
      help: "Shown to others",
    },
    key: {
      type: "path",
      value: "FILE",
      required: true,
      env: "VERACK_KEY",
      help: "Private key",
    },
    advertise: {
      type: "string",
      value: "HOST:PORT",
      default: "a.example:1",
      parse: (text) => parseAddress(text),
      help: "Address",
    },
    logLevel: {
      type: "enum",
      value: "LEVEL",
      values: ["off", "info", "debug"],
      default: "off",
      env: "VERACK_LOG",
      help: "Talk",
    },
    json: { type: "boolean", env: "VERACK_JSON", help: "One object a line" },
    color: { type: "boolean", negatable: true, help: "Colours" },
    verify: { type: "boolean", negatable: true, default: true, help: "Verify" },
  },
} as const satisfies CommandSpec;

export const probe = {
  positionals: [{ name: "HOST", help: "whom to probe", variadic: true }],
  flags: {},
} as const satisfies CommandSpec;

export const show = {
  positionals: [
    { name: "FILE", help: "key or certificate" },
    { name: "OTHER", help: "to compare with", optional: true },
  ],
  flags: {},
} as const satisfies CommandSpec;

export function parsed(
  argv: readonly string[],
  env: Record<string, string> = {},
): {
  readonly flags: FlagValues<typeof run.flags>;
  readonly positionals: readonly string[];
} {
  return parseArguments(run, argv, (name) => env[name]);
}

/** The message of the usage error for `argv`; `--key` is added. */
export function refusal(...argv: string[]): string {
  return assertThrows(
    () => parseArguments(run, ["--key=k", ...argv], () => undefined),
    UsageError,
  ).message;
}
