// A chat whose input is no terminal, among strangers that take nothing.
import { assert, assertEquals } from "@std/assert";
import { palette } from "../../../src/cli/terminal.ts";
import { ChatLines, Names } from "../../../src/cli/chat/chat_lines.ts";
import { sayLines } from "../../../src/cli/chat/piped.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { RawPeer } from "../../helpers/attacker.ts";
import { Scene } from "../../helpers/scene.ts";

/** Says one line with a timeout of eight seconds; how long that took, and whether it was heard. */
async function say({ victim }: Scene) {
  const begun = performance.now();
  const shown: string[] = [];
  const ok = await sayLines({
    node: victim,
    lines: new ChatLines(new Names(victim), palette(false)),
    clock: systemClock,
    input: new Blob(["hello\n"]).stream(),
    timeoutMs: 8_000,
    keeps: false,
    show: (text) => shown.push(text),
    signal: new AbortController().signal,
  });
  return { ok, shown, ms: performance.now() - begun };
}

Deno.test("a piped chat ends well a second after its friends have taken all, though a stranger takes nothing", async () => {
  await using scene = await Scene.start();
  const { victim, member } = scene;
  const taken: string[] = [];
  const taking = (async () => {
    for await (const message of member.messages()) taken.push(message.text());
  })();
  victim.admission.allow(member.identity.id);
  const control = await say(scene);
  assertEquals([control.ok, control.shown], [true, []]);
  using stranger = await RawPeer.open(victim);
  const { ok, shown, ms } = await say(scene);
  assert(ok);
  assert(ms < 6_000, `${ms} ms`);
  assertEquals(shown.length, 1);
  assert(!stranger.isOver);
  assertEquals(taken, ["hello", "hello"]);
  await member.close();
  await taking;
});

Deno.test("a piped chat that only a stranger could hear, which takes nothing, fails", async () => {
  await using scene = await Scene.start();
  await scene.member.close();
  using stranger = await RawPeer.open(scene.victim);
  const { ok } = await say(scene);
  assert(!ok && !stranger.isOver);
});
