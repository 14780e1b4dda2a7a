// Frames of streams that no honest peer sends: they end the session that they come on.
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { StreamHandler } from "../../src/streams/peer_stream.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeOpen } from "../../src/wire/messages/stream_frames.ts";
import { RawPeer } from "../helpers/attacker.ts";
import {
  bytesOf,
  credit,
  data,
  end,
  framesOf,
  open,
  reset,
  sayAll,
  type Sent,
} from "../helpers/raw_streams.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

const echo: StreamHandler = (stream) => stream.readable.pipeTo(stream.writable);

/** Waits for the end of its stream and reads nothing. */
const hold: StreamHandler = (stream) => stream.closed;

/** A node that handles two protocols. */
async function stage(): Promise<Scene> {
  const scene = await Scene.start();
  scene.victim.handle("echo/1", echo);
  scene.victim.handle("hold/1", hold);
  return scene;
}

/** What the peer says, and words of the reason that it is told. */
const CONTRADICTIONS: Readonly<
  Record<string, readonly [frames: readonly Sent[], says: string]>
> = {
  "open with an id that the other end's streams have": [[open(2)], "open"],
  "open with the id of an open stream": [[open(7), open(7)], "open"],
  "open with an id below that of another": [[open(7), open(5)], "open"],
  "open with the id of a closed stream": [
    [open(7), reset(7), open(7)],
    "open",
  ],
  "open with id 0": [
    [[COMMAND.open, open(1)[1].with(0, 0)]],
    "stream is 0",
  ],
  "open whose name has a line feed": [
    [[COMMAND.open, open(1)[1].with(9, 10)]],
    "byte 10",
  ],
  "open that is cut": [
    [[COMMAND.open, open(1)[1].subarray(0, 12)]],
    "Cannot read open",
  ],
  "open with 1,025 bytes of metadata": [
    [[
      COMMAND.open,
      new Uint8Array([
        ...encodeOpen({
          stream: 1,
          credit: 1,
          protocol: "echo/1",
          metadata: new Uint8Array(1_024),
        }).with(16, 1),
        0,
      ]),
    ]],
    "1025",
  ],
  "data of a stream that was never opened": [[data(9, 1)], "data"],
  "data of a stream that only the other end could open": [
    [data(2, 1)],
    "data",
  ],
  "data of stream 0": [
    [[COMMAND.data, data(1, 1)[1].with(0, 0)]],
    "data",
  ],
  "data without a byte": [[open(1), data(1, 0)], "0 bytes"],
  "data with 16,385 bytes": [[open(1), data(1, 16_385)], "16385 bytes"],
  "data beyond the credit": [
    [
      open(1, { protocol: "hold/1" }),
      ...Array.from({ length: 4 }, () => data(1, 16_384)),
      data(1, 1),
    ],
    "data",
  ],
  "data after end": [
    [open(1, { protocol: "hold/1" }), end(1), data(1, 1)],
    "data",
  ],
  "a second end": [[open(1, { protocol: "hold/1" }), end(1), end(1)], "end"],
  "end of a stream that was never opened": [[end(9)], "end"],
  "reset of a stream that was never opened": [[reset(9)], "reset"],
  "unread of a stream that only the other end could open": [
    [reset(4, 1)],
    "reset",
  ],
  "credit of a stream that was never opened": [[credit(9, 1)], "credit"],
  "credit of 0 bytes": [
    [open(1), [COMMAND.credit, credit(1, 1)[1].with(4, 0)]],
    "0 bytes",
  ],
  "credit beyond what any node uses": [
    [
      open(1, { protocol: "hold/1" }),
      ...Array.from({ length: 3 }, () => credit(1, 0xffff_ffff)),
    ],
    "credit",
  ],
};

for (const [what, [frames, says]] of Object.entries(CONTRADICTIONS)) {
  Deno.test(`${what} ends the session`, async () => {
    await using scene = await stage();
    const { victim } = scene;
    using control = await scene.join();
    using peer = await scene.join();
    await sayAll(peer, frames);
    const told = await peer.refusal();
    assertStringIncludes(told?.text ?? "", says);
    assertEquals(told?.command, "bye");
    const isOfItsKind = told?.name === "protocol-error" ||
      told?.name === "flood";
    assertEquals(isOfItsKind, true, `the reason is ${told?.name}`);
    peer.close();
    await until(
      "the session to be gone",
      () => !victim.sessions().some(({ id }) => id === peer.identity.id),
    );
    // The control: whoever keeps to the rules is served, before and after.
    await sayAll(control, [open(1), data(1, 5), end(1)]);
    await until("the echo", () => bytesOf(control, 1) === 5);
    await until(
      "its end",
      () => framesOf(control, COMMAND.end, 1).length === 1,
    );
  });
}

Deno.test("what was on its way when a stream ended is ignored, whatever it is", async () => {
  await using scene = await stage();
  using peer = await scene.join();
  const late: Sent[] = [
    data(3, 100),
    credit(3, 10),
    end(3),
    reset(3, 1),
    reset(3),
    reset(3, 200, "a code of a later release"),
  ];
  await sayAll(peer, [
    // Refused: no protocol of that name.
    open(3, { protocol: "glitter/9" }),
    data(3, 1_000),
    end(3),
    // 1 was left out, and is below.
    ...late.map(([command, payload]): Sent => [command, payload.with(0, 1)]),
    ...late,
    open(5),
    data(5, 10),
    end(5),
  ]);
  await until("the echo", () => bytesOf(peer, 5) === 10);
  await until("its end", () => framesOf(peer, COMMAND.end, 5).length === 1);
  assertEquals(framesOf(peer, COMMAND.reset, 3).length, 1);
  assertEquals(framesOf(peer, COMMAND.reset, 1).length, 0);
  assertEquals(peer.isOver, false);
});

Deno.test("frames of streams before the first peers end the session", async () => {
  await using scene = await stage();
  await scene.leavesNoTrace(async () => {
    for (const [command, payload] of [open(1), data(1, 1), reset(1)]) {
      using peer = await RawPeer.open(scene.victim, {}, "verack");
      await peer.say(command, payload);
      const told = await peer.refusal();
      assertEquals(told?.name, "protocol-error");
      assertStringIncludes(told?.text ?? "", `Cannot accept ${command}`);
      peer.close();
      const { id } = peer.identity;
      const knows = () => scene.victim.peers().some((it) => it.id === id);
      await until("it to be forgotten", () => !knows());
    }
  });
});

Deno.test("a handler is not called for a stream that its opener has reset in the same breath, or sees it fail", async () => {
  await using scene = await Scene.start();
  const seen: string[] = [];
  scene.victim.handle("watch/1", async (stream) => {
    seen.push(await stream.closed.then(() => "ok", ({ code }) => code));
  });
  using peer = await scene.join();
  await sayAll(peer, [
    open(1, { protocol: "watch/1" }),
    reset(1),
    open(3, { protocol: "watch/1" }),
  ]);
  scene.victim.handle("echo/1", echo);
  await sayAll(peer, [open(5), data(5, 1), end(5), reset(3)]);
  await until("the echo", () => bytesOf(peer, 5) === 1);
  await until("the handlers", () => seen.length > 0);
  assertEquals(seen.every((code) => code === "reset"), true, `${seen}`);
  // Nothing was said of streams that were reset.
  assertEquals(framesOf(peer, COMMAND.reset, 1).length, 0);
});
