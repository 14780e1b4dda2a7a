import { assertEquals, assertThrows } from "@std/assert";
import { selectCommand } from "../../src/cli/commands.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { COMMANDS, create, run, show } from "./sample_commands.ts";

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
