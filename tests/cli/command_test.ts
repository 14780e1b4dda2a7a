import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { asksForHelp, parseArguments } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseValue, UsageError } from "../../src/cli/flags.ts";
import type { Address } from "../../src/transport/address.ts";
import { parsed, run } from "./sample_commands.ts";

Deno.test("parseArguments() gives every flag its default when nothing is said", () => {
  assertEquals(parsed(["--key", "k"]), {
    positionals: [],
    flags: {
      port: 8080,
      period: undefined,
      nodes: 5,
      connect: [],
      tag: [],
      name: undefined,
      key: "k",
      advertise: { host: "a.example", port: 1 },
      logLevel: "off",
      json: false,
      color: undefined,
      verify: true,
    },
  });
});

Deno.test("parseArguments() types each value by its definition", () => {
  const { flags } = parsed(["--key=k"]);
  const port: number = flags.port;
  const period: number | undefined = flags.period;
  const connect: readonly Address[] = flags.connect;
  const tag: readonly string[] = flags.tag;
  const key: string = flags.key;
  const advertise: Address = flags.advertise;
  const logLevel: "off" | "info" | "debug" = flags.logLevel;
  const json: boolean = flags.json;
  const color: boolean | undefined = flags.color;
  // @ts-expect-error A flag without a default may be undefined.
  const name: string = flags.name;
  // @ts-expect-error No such flag.
  const missing: unknown = flags.missing;
  // @ts-expect-error Its value is no number.
  const wrong: number = flags.key;
  assertEquals(
    [
      port,
      period,
      connect,
      tag,
      key,
      advertise.port,
      logLevel,
      json,
      color,
      name,
      missing,
      wrong,
    ].length,
    12,
  );
});

Deno.test("parseArguments() reads each way of writing a flag", () => {
  for (
    const argv of [["--port", "81"], ["--port=81"], ["-p", "81"], ["-p81"], [
      "-p=81",
    ]]
  ) {
    assertEquals(parsed(["--key=k", ...argv]).flags.port, 81, argv.join(" "));
  }
  assertEquals(parsed(["--key=k", "--json"]).flags.json, true);
  assertEquals(parsed(["--key=k", "--color"]).flags.color, true);
  assertEquals(parsed(["--key=k", "--no-color"]).flags.color, false);
  assertEquals(parsed(["--key=k", "--no-verify"]).flags.verify, false);
  assertEquals(
    parsed(["--key=k", "--log-level", "info"]).flags.logLevel,
    "info",
  );
});

Deno.test("parseArguments() keeps values exactly as they were written", () => {
  for (
    const value of [
      "0x10",
      "007",
      "true",
      "a=b=c",
      "a b\nc",
      "é😀",
      "-",
      "null",
      "1e3",
      "a.b",
    ]
  ) {
    assertEquals(parsed(["--key=k", "--name", value]).flags.name, value);
    assertEquals(parsed(["--key=k", `--name=${value}`]).flags.name, value);
  }
  assertEquals(parsed(["--key=k", "--name=--json"]).flags.name, "--json");
});

Deno.test("parseArguments() gathers a list in order and parses each item", () => {
  const { flags } = parsed([
    "--connect",
    "a:1",
    "--key=k",
    "--connect=[::1]:2",
  ]);
  assertEquals(flags.connect, [{ host: "a", port: 1 }, {
    host: "::1",
    port: 2,
  }]);
  assertEquals(parsed(["--key=k", "--tag", "1", "--tag=2"]).flags.tag, [
    "1",
    "2",
  ]);
});

Deno.test("parseArguments() lets a flag win over the environment, and that over the default", () => {
  const env = {
    VERACK_LOG: "debug",
    VERACK_KEY: "from-env",
    VERACK_JSON: "1",
    PORT: "1",
    port: "2",
  };
  assertEquals(parsed([], env).flags.logLevel, "debug");
  assertEquals(parsed([], env).flags.key, "from-env");
  assertEquals(parsed([], env).flags.json, true);
  assertEquals(
    parsed([], env).flags.port,
    8080,
    "no variable that is not named",
  );
  assertEquals(parsed(["--log-level=info"], env).flags.logLevel, "info");
  assertEquals(parsed(["--key=k"], { VERACK_LOG: "" }).flags.logLevel, "off");
});

Deno.test({
  name:
    "parseArguments() takes an environment it may not read for empty, without asking",
  permissions: { env: false },
  fn() {
    assertThrows(() => parseArguments(run, []), UsageError, "--key is missing");
  },
});

Deno.test("asksForHelp() finds the flag before anything is judged, and not after --", () => {
  for (
    const argv of [["--help"], ["-h"], ["--port", "nonsense", "--help"], [
      "--bad",
      "-h",
    ]]
  ) {
    assert(asksForHelp(argv));
  }
  assertFalse(asksForHelp(["--", "--help"]));
});

Deno.test("parseArguments() keeps any value through either way of writing it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (value) => {
      fc.pre(!value.includes("\0"));
      assertEquals(parsed(["--key=k", `--name=${value}`]).flags.name, value);
      fc.pre(!/^-[^\d.]/s.test(value));
      assertEquals(parsed(["--key=k", "--name", value]).flags.name, value);
    }),
  );
});

Deno.test("no command's definition contradicts itself", async () => {
  assert(COMMANDS.length > 20);
  for (const { name, load } of COMMANDS) {
    const { flags } = await load();
    const shorts = ["h"];
    for (const [key, spec] of Object.entries(flags)) {
      const what = `${name} --${key}`;
      assertMatch(key, /^(?!help$|no[A-Z])[a-z][a-zA-Z]*$/, what);
      if (spec.short !== undefined) {
        assertMatch(spec.short, /^[a-zA-Z]$/, what);
        assert(!shorts.includes(spec.short), what);
        shorts.push(spec.short);
      }
      if (spec.type !== "boolean" && spec.default !== undefined) {
        parseValue(spec, what, String(spec.default));
      }
    }
  }
});
