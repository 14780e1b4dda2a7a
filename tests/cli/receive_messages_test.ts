/** The arguments of commands that consume kept topics. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseSince } from "../../src/cli/receive_messages.ts";
import { verack } from "../helpers/child.ts";

Deno.test("--since is a time, or how long ago it was", () => {
  const now = Date.parse("2026-05-02T12:00:00Z");
  const cases = {
    "30s": "2026-05-02T11:59:30.000Z",
    "10m": "2026-05-02T11:50:00.000Z",
    "2h": "2026-05-02T10:00:00.000Z",
    "1d": "2026-05-01T12:00:00.000Z",
    "2026-05-01T00:00Z": "2026-05-01T00:00:00.000Z",
    "99999999d": "1970-01-01T00:00:00.000Z",
  };
  for (const [text, expected] of Object.entries(cases)) {
    assertEquals(parseSince(text, now), expected);
  }
  for (const text of ["", "10", "m", "-1m", "10 m", "soon", "2026-13-01"]) {
    const error = assertThrows(() => parseSince(text, now), SyntaxError);
    assert(error.message.includes("ISO 8601"), error.message);
  }
});

for (
  const [args, wanted] of [
    [["receive-messages", "--topic=a", "--peek", "--follow"], "--peek"],
    [["receive-messages", "--topic=a", "--no-ack", "--peek"], "--peek"],
    [["receive-messages"], "--topic"],
    [["tail", "--since=10m"], "--ack"],
    [["tail", "--ack"], "--topic"],
    [["tail", "--ack", "--all", "--topic=a"], "--all"],
    [["run", "--keep-topic=a"], "--data"],
    [["ack"], "ID"],
  ] as const
) {
  Deno.test(`verack ${args.join(" ")} is refused, and told what it lacks`, async () => {
    const data = args[0] === "run" ? [] : ["--data=nowhere"];
    await using child = verack([...args, ...data], {
      permissions: ["--allow-read=nowhere"],
    });
    assertEquals(await child.code(), 2);
    assert(child.err[0]?.includes(wanted), child.err.join("\n"));
  });
}
