/** What a stranger that means to fill a disk, or to pass for another on the screen, makes a node print. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { STRANGER_LINES } from "../../src/cli/cli_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { verack, verackProgram } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { until } from "../helpers/until.ts";

const ROUNDS = 20;

/** Pings at the most that a stranger may have shown since `startedAt`. */
function mostPings(startedAt: number): number {
  const elapsedMs = performance.now() - startedAt;
  const { burst, refillMs } = STRANGER_LINES;
  return burst + Math.ceil(elapsedMs / refillMs);
}

for (const perRound of [0, 500]) {
  Deno.test(`a friend's pings all show beside ${perRound * ROUNDS} of a stranger, which shows few`, async () => {
    const startedAt = performance.now();
    await using friend = await Node.start();
    await using victim = await NodeProcess.start([
      `--connect=${friend.identity.id}@${friend.address}`,
    ]);
    await victim.waitFor("peer:up");
    await using stranger = await Node.start({ connect: [victim.address] });
    await victim.waitFor(
      "peer:up",
      ({ id }) => id === stranger.identity.id,
    );
    await until("both", () => stranger.sessions().length === 2);
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < perRound; i++) stranger.ping("x".repeat(250));
      friend.ping(`round ${round}`);
      await victim.waitFor("ping", ({ text }) => text === `round ${round}`);
    }
    // What came last is here, too: it is counted, or shown.
    const last = Promise.withResolvers<void>();
    void stranger.roundTrip(victim.id as never).then(() => last.resolve());
    await last.promise;
    assertEquals(await victim.end("SIGTERM"), 143);
    const of = ({ identity }: Node) =>
      victim.of("ping").filter((it) => it.id === identity.id).length;
    assertEquals(of(friend), ROUNDS);
    const overflow = victim.of("overflow");
    const dropped = overflow.reduce((sum, it) => sum + it.dropped, 0);
    assertEquals(of(stranger) + dropped, perRound * ROUNDS);
    assert(of(stranger) <= mostPings(startedAt), `${of(stranger)} are shown`);
    for (const event of overflow) {
      const who = stranger.identity.id.slice(0, 8);
      assertEquals(
        "reason" in event && event.reason,
        `too many pings of ${who}`,
      );
    }
  });
}

Deno.test("people are told how many pings of a stranger were left out", async () => {
  await using victim = verack(["--host=127.0.0.1", "--port=0", "--period=0"]);
  const join = await victim.line((line) => line.startsWith("join from here"));
  const address = /--connect (\S+)$/.exec(join)?.[1] ?? "";
  await using stranger = await Node.start({ connect: [address] });
  const who = stranger.identity.id.slice(0, 8);
  await victim.line((line) => line.includes(`up     ${who}`));
  for (let i = 0; i < 1_000; i++) stranger.ping("hello");
  const line = await victim.line((line) => line.includes(" lag "));
  assertMatch(
    line,
    new RegExp(`lag {4}\\d+ events not shown: too many pings of ${who}$`),
  );
});

Deno.test({
  name:
    "on a terminal no text of a peer begins in column 0, whatever it is made of",
  ignore: !HAS_PTY,
  async fn() {
    const columns = 60;
    const commands = ["run", "chat"];
    for (const command of commands) {
      await using pty = new Pty([
        "sh",
        "-c",
        `stty cols ${columns}; exec "$@"`,
        "sh",
        ...verackProgram([command, "--host=127.0.0.1", "--port=0"]),
      ], { NO_COLOR: "1" });
      const [, address = ""] = await pty.shows(/--connect (\S+)/);
      await using stranger = await Node.start({
        connect: [address],
        name: "eve",
      });
      await until("it is linked", () => stranger.sessions().length > 0);
      const victim = stranger.sessions()[0]?.id ?? "";
      const spoof = "00:00:00 spoofed: pay";
      for (
        const filler of [" ", "世", "ـ", "😀", "\t", "\r", "\x85", "\u2028"]
      ) {
        // One of them would place it in column 0.
        for (let count = 20; count < 2 * columns; count += 7) {
          const text = `x${filler.repeat(count)}${spoof}`;
          await stranger.send(victim, text, { topic: "chat" });
        }
      }
      await stranger.send(victim, "the end");
      await pty.shows(/the end/);
      // deno-lint-ignore no-control-regex
      const rows = pty.text.replaceAll(/\x1b\[[0-9;]*[A-Za-z]/g, "").split(
        /\r?\n|\r/,
      );
      assert(
        rows.filter((row) => row.includes("spoofed")).length > 100,
        pty.text,
      );
      for (const row of rows) {
        // A command to paste is in one piece, and has no text of a peer.
        if (/^join from here +verack /.test(row)) continue;
        assert(!/^(00:00:00 )?spoofed/.test(row), row);
        // None is so long that the terminal itself goes on in column 0.
        const least = [...row].reduce(
          (sum, char) => sum + (/[世😀]/u.test(char) ? 2 : 1),
          0,
        );
        assert(least <= columns, `${least}: ${row}`);
      }
    }
  },
});
