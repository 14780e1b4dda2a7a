/** What commands print as JSON has the keys of `docs/events.md`, no more and no less. */
import { assert, assertEquals } from "@std/assert";
import { verack } from "../helpers/child.ts";
import {
  keysOfCell,
  keysOfValue,
  tableOf,
  words,
} from "../helpers/json_keys.ts";
import { Place } from "../helpers/place.ts";

const ANSWERS = new Map(
  tableOf("Answers", "command").flatMap(([commands, cell]) =>
    /^(`[^`]+`(, )?)+$/.test(commands ?? "")
      ? words(commands).map((command) => [command, keysOfCell(cell)] as const)
      : []
  ),
);

/** Checks the first line of each output. */
function check(command: string, line: string | undefined): void {
  const documented = ANSWERS.get(command);
  assert(documented !== undefined && line !== undefined, command);
  const { time: _, ...value } = JSON.parse(line);
  const actual = keysOfValue(value);
  const surplus = [...actual].filter((key) => !Object.hasOwn(documented, key));
  const missing = Object.entries(documented).filter(([key, presence]) =>
    // A list that is empty here has no keys of its elements.
    presence === "required" && !key.includes("[]") && !actual.has(key)
  );
  const empty = surplus.filter((key) => value[key]?.length !== 0);
  assertEquals([empty, missing], [[], []], `${command}: ${line}`);
}

Deno.test("answers have the keys that docs/events.md names", async () => {
  await using place = new Place();
  await using alice = await place.node(
    "alice",
    ...["--name=alice", "--keep-topic=jobs", "--admission=open"],
  );
  await using bob = await place.node(
    "bob",
    ...["--name=bob", `--connect=${alice.address}`],
  );
  await alice.meshOf(2);
  const line = async (...args: string[]) =>
    (await place.ask("alice", ...args, "--json")).split("\n")[0];
  const stranger = "ab".repeat(32);
  const cases: readonly (readonly [command: string, ...args: string[]])[] = [
    ["health"],
    ["links"],
    ["peers"],
    ["find", "bob"],
    ["find", "alice"],
    ["send", "bob", "hello"],
    ["kept-topics"],
    ["kept-topics add", "more"],
    ["kept-topics drop", "more"],
    ["invite", `--address=${alice.address}`],
    ["invites"],
    ["allow", stranger],
    ["deny", stranger],
    ["open"],
    ["open --sign-out"],
  ];
  for (const [command, ...args] of cases) {
    check(command, await line(...command.split(" "), ...args));
  }
  const [invite] = (await place.ask("alice", "invites", "--json")).split("\n");
  check(
    "invites revoke",
    await line("invites", "revoke", JSON.parse(invite!).id),
  );
  check("forget", await line("forget", bob.id));
  check("stop", await line("stop"));
  check("peers", await line("peers"));

  for (
    const args of [["new", "--out", `${place.path}/key`], [
      "show",
      `${place.path}/key.crt`,
    ]]
  ) {
    await using child = verack(["identity", ...args, "--json"], {
      permissions: place.permissions,
    });
    assertEquals(await child.code(), 0, child.err.join("\n"));
    check(`identity ${args[0]}`, child.out[0]);
  }
  await using version = verack(["--version", "--json"]);
  await version.code();
  check("--version", version.out[0]);
});
