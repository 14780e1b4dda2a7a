import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseArguments } from "../../src/cli/command.ts";
import { suggest, UsageError } from "../../src/cli/flags.ts";
import { parsed, probe, refusal, run, show } from "./sample_commands.ts";

Deno.test("parseArguments() names the variable when its value is bad", () => {
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

Deno.test("parseArguments() refuses bad values with the flag, the value and what is wanted", () => {
  const wanted: [flag: string, values: string[], must: string][] = [
    [
      "port",
      ["80x", "65536", "-1", "0x50", "8080.0", " 80"],
      "a whole number from 0 to 65535",
    ],
    [
      "period",
      ["0", "-5", "5s", "1e3", "Infinity"],
      "a number of seconds from 0.1 to 3600",
    ],
    ["nodes", ["1"], "a whole number from 2 to 50"],
    ["log-level", ["loud"], "one of off, info, debug"],
  ];
  for (const [flag, values, must] of wanted) {
    for (const value of values) {
      const message = `--${flag} is "${value}", must be ${must}`;
      assertEquals(refusal(`--${flag}`, value), message);
    }
    assertEquals(refusal(`--${flag}=`), `--${flag} is empty, must be ${must}`);
  }
  const cases: [argv: string[], message: string][] = [
    [["-p", "80x"], '--port is "80x", must be a whole number from 0 to 65535'],
    [["--port", ""], "--port is empty, must be a whole number from 0 to 65535"],
    [["--name="], "--name is empty, must be NAME"],
    [["--name", "a\0b"], '--name is "a\\u{0}b", must not have a NUL character'],
    [
      ["--connect", "nowhere"],
      '--connect: Cannot parse address: "nowhere" has no port, must be host:port',
    ],
    [
      ["--advertise", "a\u{202e}\n:1"],
      '--advertise: Cannot parse address: host is "a\\u{202e}\\n" in "a\\u{202e}\\n:1", must be an IP address or a DNS name',
    ],
    [["--json=yes"], '--json takes no value, but got "yes"'],
    [["--no-color=1"], '--no-color takes no value, but got "1"'],
  ];
  for (const [argv, message] of cases) assertEquals(refusal(...argv), message);
});

Deno.test("parseArguments() refuses a flag without its value, or given twice unless it is a list", () => {
  const name = "--name has no value, must be --name NAME";
  const cases: [argv: string[], message: string][] = [
    [["--port"], "--port has no value, must be --port PORT"],
    [["-p"], "--port has no value, must be --port PORT"],
    [["--name", "--json"], name],
    [["--name", "-n"], name],
    [["--name", "--", "x"], name],
    [
      ["--name", "--dashing"],
      `${name}, or --name=NAME if it begins with a dash`,
    ],
    [["--port=1", "-p2"], "--port is given twice, must be given once"],
    [["--json", "--json"], "--json is given twice, must be given once"],
    [
      ["--color", "--no-color"],
      "--color and --no-color are both given, must be one of them",
    ],
  ];
  for (const [argv, message] of cases) assertEquals(refusal(...argv), message);
});

Deno.test("parseArguments() refuses unknown flags and guesses what was meant", () => {
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

Deno.test("parseArguments() counts arguments that are no flags", () => {
  const positionals = (
    command: typeof probe | typeof show,
    ...argv: string[]
  ) => {
    return parseArguments(command, argv).positionals;
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
    "HOST is missing",
  );
  assertEquals(positionals(show, "a"), ["a"]);
  assertEquals(positionals(show, "a", "b"), ["a", "b"]);
  assertThrows(
    () => positionals(show, "a", "b", "c"),
    UsageError,
    'Unexpected argument "c"',
  );
});

Deno.test("a second word behind free text is refused with the hint to quote it", () => {
  const say = {
    ...show,
    positionals: [{ name: "TEXT", help: "", text: true }],
  };
  assertThrows(
    () => parseArguments(say, ["hi", "there"]),
    UsageError,
    'Unexpected argument "there", TEXT of several words must be in quotes',
  );
});

Deno.test("parseArguments() answers any arguments with flags or one usage error of one line", () => {
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
        parseArguments(run, argv, () => undefined);
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
