import { assertEquals, assertThrows } from "@std/assert";
import { type CommandEntry, selectCommand } from "../../src/cli/commands.ts";
import { UsageError } from "../../src/cli/flags.ts";

const ENTRIES: readonly CommandEntry[] = [
  "run",
  "handshake",
  "identity show",
  "identity new",
].map((name) => ({
  name,
  summary: "",
  load: () => Promise.reject(new Error("loaded")),
}));

const select = (...argv: string[]) => selectCommand(argv, ENTRIES);

Deno.test("selectCommand() finds the command that the first words name", () => {
  const cases: [argv: string[], name: string, rest: string[]][] = [
    [["run", "--json"], "run", ["--json"]],
    [[], "run", []],
    [["--port", "1"], "run", ["--port", "1"]],
    [["identity", "show", "f"], "identity show", ["f"]],
    [["help", "identity", "new"], "identity new", ["--help"]],
    [["run", "--help"], "run", ["--help"]],
  ];
  for (const [argv, name, rest] of cases) {
    const entry = ENTRIES.find((it) => it.name === name)!;
    assertEquals(select(...argv), { kind: "command", entry, argv: rest });
  }
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    assertEquals(select(...argv), { kind: "overview", group: "" });
  }
  assertEquals(select("identity", "--help"), {
    kind: "overview",
    group: "identity",
  });
});

Deno.test("selectCommand() refuses unknown commands and guesses what was meant", () => {
  const refuse = (...argv: string[]) =>
    assertThrows(() => select(...argv), UsageError).message;
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
