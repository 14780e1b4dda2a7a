// What a node relays, by flags and by its option.
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseArguments } from "../../src/cli/command.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { RELAY_FLAGS, relayOptions } from "../../src/cli/relay_flags.ts";
import { resolveRelay } from "../../src/mesh/relay/relay_settings.ts";

const given = (...argv: string[]) =>
  relayOptions(
    parseArguments({ flags: RELAY_FLAGS }, argv, () => undefined).flags,
  ).relay;

Deno.test("a node relays unless --no-relay is given, within the bounds of flags", () => {
  assertEquals(resolveRelay(given()), {
    maxPairs: 128,
    bytesPerSecond: Infinity,
  });
  assertEquals(resolveRelay(given("--relay")), resolveRelay());
  assertEquals(resolveRelay(given("--no-relay")), undefined);
  assertEquals(
    resolveRelay(given("--relay-pairs=7", "--relay-rate", "1000000")),
    { maxPairs: 7, bytesPerSecond: 1_000_000 },
  );
});

Deno.test("bounds of what is not relayed, and bounds out of range, are misuse", () => {
  for (const flag of ["--relay-pairs=7", "--relay-rate=20000"]) {
    assertThrows(
      () => given("--no-relay", flag),
      UsageError,
      `${flag.split("=")[0]} is given with --no-relay`,
    );
  }
  for (const flag of ["pairs=0", "pairs=4097", "rate=16383", "rate=1.5"]) {
    assertThrows(() => given(`--relay-${flag}`), UsageError, "--relay-");
  }
});

Deno.test("the option relay is refused with its value and what it must be", () => {
  const refused = (option: unknown) =>
    assertThrows(() => resolveRelay(option as boolean)) as Error;
  for (
    const [option, message] of [
      [{ maxPairs: 0 }, "relay.maxPairs is 0, must be a whole number from 1"],
      [{ maxPairs: 1.5 }, "relay.maxPairs is 1.5"],
      [{ maxPairs: 4_097 }, "to 4096"],
      [{ bytesPerSecond: 1 }, "relay.bytesPerSecond is 1, must be at least"],
      [{ bytesPerSecond: NaN }, "relay.bytesPerSecond is NaN"],
      [{ maxpairs: 1 }, 'there is no option "maxpairs"'],
      ["yes", "relay is a string, must be true, false or an object"],
      [null, "must be true, false or an object"],
    ] as const
  ) assertStringIncludes(refused(option).message, message);
});
