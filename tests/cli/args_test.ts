import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  defineCommand,
  parseCommand,
  type ParsedCommand,
} from "../../src/cli/args.ts";
import { selectCommand } from "../../src/cli/commands.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { editDistance, suggest } from "../../src/cli/suggest.ts";
import { type Address, parseAddress } from "../../src/transport/address.ts";

const run = defineCommand({
  name: "run",
  summary: "Start a node",
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
});

const probe = defineCommand({
  name: "handshake",
  summary: "Probe",
  positionals: [{ name: "HOST", help: "whom to probe", variadic: true }],
  flags: {},
});

const show = defineCommand({
  name: "identity show",
  summary: "Show",
  positionals: [
    { name: "FILE", help: "key or certificate" },
    { name: "OTHER", help: "to compare with", optional: true },
  ],
  flags: {},
});

const create = defineCommand({
  name: "identity new",
  summary: "Make",
  flags: {},
});

const COMMANDS = [run, probe, show, create];

function parsed(
  argv: readonly string[],
  env: Record<string, string> = {},
): Extract<ParsedCommand<typeof run.flags>, { help: false }> {
  const result = parseCommand(run, argv, { env: (name) => env[name] });
  assert(!result.help);
  return result;
}

/** The message of the usage error for `argv`; `--key` is added. */
function refusal(...argv: string[]): string {
  const error = assertThrows(
    () => parseCommand(run, ["--key=k", ...argv], { env: () => undefined }),
    UsageError,
  );
  assertEquals(error.command, "run");
  return error.message;
}

Deno.test("parseCommand() gives every flag its default when nothing is said", () => {
  assertEquals(parsed(["--key", "k"]), {
    help: false,
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

Deno.test("parseCommand() types each value by its definition", () => {
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

Deno.test("parseCommand() reads each way of writing a flag", () => {
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

Deno.test("parseCommand() keeps values exactly as they were written", () => {
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

Deno.test("parseCommand() gathers a list in order and parses each item", () => {
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

Deno.test("parseCommand() lets a flag win over the environment, and that over the default", () => {
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

Deno.test("parseCommand() names the variable when its value is bad", () => {
  const error = assertThrows(
    () => parsed(["--key=k"], { VERACK_LOG: "infp" }),
    UsageError,
  );
  assertEquals(
    error.message,
    'VERACK_LOG is "infp", must be one of off, info, debug; did you mean info?',
  );
  assertThrows(
    () => parsed(["--key=k"], { VERACK_JSON: "maybe" }),
    UsageError,
    'VERACK_JSON is "maybe", must be 1 or 0',
  );
});

Deno.test({
  name:
    "parseCommand() takes an environment it may not read for empty, without asking",
  permissions: { env: false },
  fn() {
    assertThrows(() => parseCommand(run, []), UsageError, "--key is missing");
  },
});

Deno.test("parseCommand() refuses bad values with the flag, the value and what is wanted", () => {
  const cases: [argv: string[], message: string][] = [
    [
      ["--port", "80x"],
      '--port is "80x", must be a whole number from 0 to 65535',
    ],
    [
      ["--port", "65536"],
      '--port is "65536", must be a whole number from 0 to 65535',
    ],
    [
      ["--port", "-1"],
      '--port is "-1", must be a whole number from 0 to 65535',
    ],
    [
      ["--port", "0x50"],
      '--port is "0x50", must be a whole number from 0 to 65535',
    ],
    [
      ["--port", "8080.0"],
      '--port is "8080.0", must be a whole number from 0 to 65535',
    ],
    [
      ["--port", " 80"],
      '--port is " 80", must be a whole number from 0 to 65535',
    ],
    [["-p", "80x"], '--port is "80x", must be a whole number from 0 to 65535'],
    [["--port="], "--port is empty, must be a whole number from 0 to 65535"],
    [["--port", ""], "--port is empty, must be a whole number from 0 to 65535"],
    [["--name="], "--name is empty, must be NAME"],
    [
      ["--period", "0"],
      '--period is "0", must be a number of seconds from 0.1 to 3600',
    ],
    [
      ["--period", "-5"],
      '--period is "-5", must be a number of seconds from 0.1 to 3600',
    ],
    [
      ["--period", "5s"],
      '--period is "5s", must be a number of seconds from 0.1 to 3600',
    ],
    [
      ["--period", "1e3"],
      '--period is "1e3", must be a number of seconds from 0.1 to 3600',
    ],
    [
      ["--period", "Infinity"],
      '--period is "Infinity", must be a number of seconds from 0.1 to 3600',
    ],
    [["--nodes", "1"], '--nodes is "1", must be a whole number from 2 to 50'],
    [
      ["--log-level", "loud"],
      '--log-level is "loud", must be one of off, info, debug',
    ],
    [["--name", "a\0b"], '--name is "a\\u{0}b", must not have a NUL character'],
    [
      ["--connect", "nowhere"],
      '--connect: Cannot parse address: "nowhere" has no port, must be host:port',
    ],
    [["--json=yes"], '--json takes no value, but got "yes"'],
    [["--no-color=1"], '--no-color takes no value, but got "1"'],
  ];
  for (const [argv, message] of cases) assertEquals(refusal(...argv), message);
});

Deno.test("parseCommand() refuses a flag without its value", () => {
  assertEquals(refusal("--port"), "--port has no value, must be --port PORT");
  assertEquals(refusal("-p"), "--port has no value, must be --port PORT");
  assertEquals(
    refusal("--name", "--json"),
    "--name has no value, must be --name NAME",
  );
  assertEquals(
    refusal("--name", "-n"),
    "--name has no value, must be --name NAME",
  );
  assertEquals(
    refusal("--name", "--dashing"),
    "--name has no value, must be --name NAME, or --name=NAME if it begins with a dash",
  );
  assertEquals(
    refusal("--name", "--", "x"),
    "--name has no value, must be --name NAME",
  );
});

Deno.test("parseCommand() refuses a flag given twice, unless it is a list", () => {
  assertEquals(
    refusal("--port=1", "-p2"),
    "--port is given twice, must be given once",
  );
  assertEquals(
    refusal("--json", "--json"),
    "--json is given twice, must be given once",
  );
  assertEquals(
    refusal("--color", "--no-color"),
    "--color and --no-color are both given, must be one of them",
  );
});

Deno.test("parseCommand() refuses unknown flags and guesses what was meant", () => {
  const cases: [arg: string, message: string][] = [
    ["--conect", 'Unknown flag "--conect", did you mean --connect?'],
    ["--conenct=a:1", 'Unknown flag "--conenct", did you mean --connect?'],
    ["--con", 'Unknown flag "--con", did you mean --connect?'],
    ["--logLevel", 'Unknown flag "--logLevel", did you mean --log-level?'],
    [
      "--log_level=info",
      'Unknown flag "--log_level", did you mean --log-level?',
    ],
    ["--no-colour", 'Unknown flag "--no-colour", did you mean --no-color?'],
    ["-port", 'Unknown flag "-port", did you mean --port?'],
    ["-port=80", 'Unknown flag "-port", did you mean --port?'],
    ["--hepl", 'Unknown flag "--hepl", did you mean --help?'],
    ["--xyzzy", 'Unknown flag "--xyzzy"'],
    ["-x", 'Unknown flag "-x"'],
    ["---port", 'Unknown flag "---port", did you mean --port?'],
    ["--__proto__=1", 'Unknown flag "--__proto__"'],
    ["--no-json", "--no-json is unknown, --json has no opposite"],
    ["--\x1b[2J", 'Unknown flag "--\\u{1b}[2J"'],
  ];
  for (const [arg, message] of cases) assertEquals(refusal(arg), message);
});

Deno.test("parseCommand() counts arguments that are no flags", () => {
  const positionals = (
    command: typeof probe | typeof show,
    ...argv: string[]
  ) => {
    const result = parseCommand(command, argv);
    assert(!result.help);
    return result.positionals;
  };
  assertEquals(refusal("stray"), 'Unexpected argument "stray"');
  assertEquals(
    refusal("--", "--json"),
    'Unexpected argument "--json", flags must come before --',
  );
  assertEquals(refusal("--", "stray"), 'Unexpected argument "stray"');
  assertEquals(positionals(probe, "a", "b:1", "-"), ["a", "b:1", "-"]);
  assertEquals(
    positionals(probe, "1", "0x2"),
    ["1", "0x2"],
    "not turned into numbers",
  );
  assertEquals(positionals(probe, "a", "--", "--help", "--"), [
    "a",
    "--help",
    "--",
  ]);
  assertThrows(
    () => positionals(probe),
    UsageError,
    "HOST is missing: whom to probe",
  );
  assertEquals(positionals(show, "a"), ["a"]);
  assertEquals(positionals(show, "a", "b"), ["a", "b"]);
  assertThrows(
    () => positionals(show, "a", "b", "c"),
    UsageError,
    'Unexpected argument "c"',
  );
});

Deno.test("parseCommand() gives help before anything is judged", () => {
  for (
    const argv of [["--help"], ["-h"], ["--port", "nonsense", "--help"], [
      "--bad",
      "-h",
    ]]
  ) {
    assertEquals(parseCommand(run, argv), { help: true });
  }
});

Deno.test("parseCommand() answers any arguments with flags or one usage error of one line", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "--",
      "-",
      "--port",
      "-p",
      "--port=",
      "--json",
      "--no-color",
      "--connect",
      "=",
      "--=",
      "-=",
      "--no-",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.string({ maxLength: 8 }).map((text) => `--${text}`),
    fc.string({ maxLength: 8 }).map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        parseCommand(run, argv, { env: () => undefined });
      } catch (error) {
        assert(error instanceof UsageError, String(error));
        assert(
          /^[^\p{C}\p{Zl}\p{Zp}]{1,400}$/u.test(error.message),
          error.message,
        );
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseCommand() keeps any value through either way of writing it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (value) => {
      fc.pre(!value.includes("\0"));
      assertEquals(parsed(["--key=k", `--name=${value}`]).flags.name, value);
      fc.pre(!/^-[^\d.]/s.test(value));
      assertEquals(parsed(["--key=k", "--name", value]).flags.name, value);
    }),
  );
});

Deno.test("defineCommand() throws TypeError when a definition contradicts itself", () => {
  const flags = (flags: Parameters<typeof defineCommand>[0]["flags"]) => () =>
    defineCommand({ name: "x", summary: "", flags });
  const boolean = { type: "boolean", help: "" } as const;
  assertThrows(flags({ help: boolean }), TypeError, "Cannot define x --help");
  assertThrows(
    flags({ noColor: boolean }),
    TypeError,
    "Cannot define x --no-color",
  );
  assertThrows(flags({ "log-level": boolean }), TypeError);
  assertThrows(
    flags({ a: { ...boolean, short: "h" } }),
    TypeError,
    "-h is taken",
  );
  assertThrows(
    flags({ a: { ...boolean, short: "a" }, b: { ...boolean, short: "a" } }),
    TypeError,
    "-a is taken",
  );
  assertThrows(
    flags({ a: { ...boolean, short: "ab" } }),
    TypeError,
    "not one letter",
  );
  assertThrows(
    flags({ a: { type: "port", value: "P", help: "", default: 70_000 } }),
    TypeError,
    'its default is "70000"',
  );
  assertThrows(
    flags({
      a: { type: "enum", value: "E", help: "", values: ["x"], default: "y" },
    }),
    TypeError,
    "must be one of x",
  );
  flags({ notify: boolean, node: boolean })();
});

Deno.test("selectCommand() finds the command that the first words name", () => {
  const select = (...argv: string[]) => selectCommand(COMMANDS, run, argv);
  assertEquals(select("run", "--json"), {
    kind: "command",
    command: run,
    argv: ["--json"],
  });
  assertEquals(select(), { kind: "command", command: run, argv: [] });
  assertEquals(select("--port", "1"), {
    kind: "command",
    command: run,
    argv: ["--port", "1"],
  });
  assertEquals(select("identity", "show", "f"), {
    kind: "command",
    command: show,
    argv: ["f"],
  });
  assertEquals(select("help", "identity", "new"), {
    kind: "command",
    command: create,
    argv: ["--help"],
  });
  assertEquals(select("--help"), { kind: "overview", group: "" });
  assertEquals(select("help"), { kind: "overview", group: "" });
  assertEquals(select("identity", "--help"), {
    kind: "overview",
    group: "identity",
  });
  assertEquals(select("run", "--help"), {
    kind: "command",
    command: run,
    argv: ["--help"],
  });
});

Deno.test("selectCommand() refuses unknown commands and guesses what was meant", () => {
  const refuse = (...argv: string[]) =>
    assertThrows(() => selectCommand(COMMANDS, run, argv), UsageError).message;
  assertEquals(refuse("rnu"), 'Unknown command "rnu", did you mean run?');
  assertEquals(
    refuse("identiy", "new"),
    'Unknown command "identiy", did you mean identity?',
  );
  assertEquals(
    refuse("identity", "shwo"),
    'Unknown command "identity shwo", did you mean identity show?',
  );
  assertEquals(
    refuse("identity"),
    "identity is not complete, must be identity show or identity new",
  );
  assertEquals(
    refuse("8080"),
    'Unknown command "8080", must be run, handshake, identity, help',
  );
});

Deno.test("suggest() finds the nearest word, or none", () => {
  const words = ["connect", "color", "period", "port", "peers"];
  assertEquals(suggest("conect", words), "connect");
  assertEquals(suggest("prot", words), "port");
  assertEquals(suggest("PERIOD", words), "period");
  assertEquals(suggest("pe", words), undefined, "two begin so");
  assertEquals(suggest("banana", words), undefined);
  assertEquals(suggest("", words), undefined);
  assertEquals(suggest("x".repeat(1_000_000), words), undefined);
});

Deno.test("editDistance() counts typing mistakes, the same in both directions", () => {
  assertEquals(editDistance("", "abc"), 3);
  assertEquals(editDistance("port", "port"), 0);
  assertEquals(editDistance("port", "prot"), 1);
  assertEquals(editDistance("kitten", "sitting"), 3);
  const word = fc.string({ maxLength: 8 });
  fc.assert(fc.property(word, word, (a, b) => {
    assertEquals(editDistance(a, b), editDistance(b, a));
    assertEquals(editDistance(a, b) === 0, a === b);
  }));
});
