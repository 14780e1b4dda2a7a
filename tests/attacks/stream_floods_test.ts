// Peers that open, reset, grant and trickle more than any use of streams needs.
import { assert, assertEquals } from "@std/assert";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RESET_CODE } from "../../src/wire/messages/stream_frames.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { times } from "../helpers/crowd.ts";
import {
  bytesOf,
  credit,
  data,
  end,
  framesOf,
  open,
  reset,
  resetsOf,
  sayAll,
  type Sent,
} from "../helpers/raw_streams.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** Frames of one write. */
const AT_ONCE = 2_000;

/** Waits for the end of its stream and reads nothing. */
function hold(stream: PeerStream): Promise<void> {
  return stream.closed;
}

/** The victim handles `echo/1` and `hold/1`, and the member is a friend of it. */
async function stage(): Promise<Scene> {
  const scene = await Scene.start();
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  victim.handle("echo/1", (stream) => stream.readable.pipeTo(stream.writable));
  victim.handle("hold/1", hold);
  return scene;
}

/** The friend sends some bytes and gets them back. */
async function friendIsServed({ member, victim }: Scene): Promise<void> {
  await using stream = await member.open(victim.identity.id, "echo/1");
  const sent = crypto.getRandomValues(new Uint8Array(50_000));
  await stream.write(sent);
  await stream.closeWrite();
  const received = new Uint8Array(
    await new Response(stream.readable).arrayBuffer(),
  );
  assertEquals(received, sent);
}

/** Where there is no bound a flood goes no further, frames. */
const MOST = 3_000_000;

/** Sends frames until the session ends, or it is clear that it will not; returns how many. */
async function flood(
  peer: RawPeer,
  frames: (from: number) => Sent[],
): Promise<number> {
  let sent = 0;
  while (!peer.isOver && sent < MOST) {
    const next = frames(sent);
    await sayAll(peer, next);
    sent += next.length;
  }
  return sent;
}

Deno.test("opening and resetting streams without end is a flood, which calls handlers no more than it may", async () => {
  await using scene = await stage();
  let handled = 0;
  scene.victim.handle("count/1", () => {
    handled++;
  });
  using peer = await scene.join();
  const flooding = flood(
    peer,
    (from) =>
      times(AT_ONCE / 2, (at): Sent[] => {
        const id = from + 2 * at + 1;
        return [open(id, { protocol: "count/1" }), reset(id)];
      }).flat(),
  );
  await friendIsServed(scene);
  const sent = await flooding;
  const told = await peer.refusal();
  assertEquals(told?.name, "flood");
  await friendIsServed(scene);
  assert(handled < 20_000, `${handled} of ${sent} frames called the handler`);
});

for (
  const [what, first, again] of [
    ["resets of a stream that was left out", [open(3)], reset(1)],
    ["unreads of a stream that was left out", [open(3)], reset(1, 1)],
    [
      "credit that nothing is sent for",
      [open(3, { protocol: "hold/1" })],
      credit(3, 1),
    ],
    ["credit of a closed stream", [open(3), reset(3)], credit(3, 1)],
    ["data of a stream that was left out", [open(3)], data(1, 1)],
    ["ends of a closed stream", [open(3), reset(3)], end(3)],
  ] as const
) {
  Deno.test(`${what}, without end, are a flood`, async () => {
    await using scene = await stage();
    using peer = await scene.join();
    await sayAll(peer, first);
    const flooding = flood(peer, () => times(AT_ONCE, (): Sent => again));
    await friendIsServed(scene);
    await flooding;
    const told = await peer.refusal();
    assertEquals(told?.name, "flood");
    await friendIsServed(scene);
  });
}

Deno.test("half a million bytes that come one by one, on eight streams, arrive, and a friend is served meanwhile", async () => {
  await using scene = await stage();
  const read: number[] = [];
  scene.victim.handle("count/1", async (stream) => {
    const buffer = new Uint8Array(100_000);
    let sum = 0;
    for (let count; (count = await stream.read(buffer)) !== null;) sum += count;
    read.push(sum);
  });
  using peer = await scene.join();
  const ids = times(8, (at) => 2 * at + 1);
  await sayAll(peer, ids.map((id) => open(id, { protocol: "count/1" })));
  const one = times(1_024, (at): Sent => data(ids[at % 8]!, 1));
  const sending = (async () => {
    for (let at = 0; at < 512; at++) await sayAll(peer, one);
    await sayAll(peer, ids.map(end));
  })();
  await friendIsServed(scene);
  await sending;
  await until("all streams to be read", () => read.length === 8);
  assertEquals(read, times(8, () => 65_536));
  assertEquals(peer.isOver, false);
});

Deno.test("credit that comes byte by byte is used byte by byte, and a friend is served meanwhile", async () => {
  await using scene = await stage();
  const bytes = crypto.getRandomValues(new Uint8Array(3_000));
  scene.victim.handle("give/1", async (stream) => {
    await stream.write(bytes);
  });
  using peer = await scene.join();
  await sayAll(peer, [open(1, { protocol: "give/1", credit: 0 }), end(1)]);
  for (let at = 0; at < 2_000; at++) await sayAll(peer, [credit(1, 1)]);
  await friendIsServed(scene);
  await until("the bytes", () => bytesOf(peer, 1) === 2_000);
  // It does not send more than was granted, nor the end before the rest.
  assertEquals(framesOf(peer, COMMAND.end, 1), []);
  await sayAll(peer, [credit(1, 5_000)]);
  await until("the end", () => framesOf(peer, COMMAND.end, 1).length === 1);
  const came = framesOf(peer, COMMAND.data, 1)
    .flatMap(({ payload }) => [...payload.subarray(4)]);
  assertEquals(new Uint8Array(came), bytes);
});

Deno.test("fifty strangers that hold all streams they may, in all protocols, keep a friend from none", async () => {
  await using scene = await stage();
  const { victim, member } = scene;
  using stack = new DisposableStack();
  const strangers: RawPeer[] = [];
  while (strangers.length < 50) strangers.push(stack.use(await scene.join()));
  const opens = times(
    1_024,
    (at) =>
      open(2 * at + 1, {
        protocol: at % 4 === 0 ? "echo/1" : "hold/1",
        credit: 0,
      }),
  );
  await Promise.all(strangers.map((peer) => sayAll(peer, opens)));
  await Promise.all(
    strangers.map(async (peer) => {
      await peer.say(COMMAND.ping, new Uint8Array(8));
      await peer.take(COMMAND.pong);
    }),
  );
  // What they were refused, they were told.
  const refused = strangers.map((peer) => resetsOf(peer).length);
  assert(refused.some((count) => count > 0), "nothing was refused");
  for (const peer of strangers) {
    for (const { code } of resetsOf(peer)) assertEquals(code, RESET_CODE.full);
  }
  for (let at = 0; at < 10; at++) await friendIsServed(scene);
  // Nor does a friend wait that needs many at once.
  const streams = await Promise.all(
    times(200, () => member.open(victim.identity.id, "echo/1")),
  );
  await Promise.all(streams.map(async (stream) => {
    await stream.write(Uint8Array.of(7));
    await stream.closeWrite();
    assertEquals(await stream.read(new Uint8Array(9)), 1);
    await stream[Symbol.asyncDispose]();
  }));
});

Deno.test("strangers that fill the memory of unread bytes lose streams of their own, and a friend's keeps its bytes", async () => {
  await using scene = await stage();
  const { victim, member } = scene;
  const go = Promise.withResolvers<void>();
  scene.victim.handle("later/1", async (stream) => {
    await go.promise;
    await stream.readable.pipeTo(stream.writable);
  });
  const friend = await member.open(victim.identity.id, "later/1");
  const sent = crypto.getRandomValues(new Uint8Array(60_000));
  await friend.write(sent);
  await friend.closeWrite();
  using stack = new DisposableStack();
  const strangers: RawPeer[] = [];
  while (strangers.length < 20) strangers.push(stack.use(await scene.join()));
  // 80 MiB in all.
  await Promise.all(strangers.map(async (peer) => {
    for (let at = 0; at < 64; at++) {
      const id = 2 * at + 1;
      const full = times(4, () => data(id, 16_384));
      await sayAll(peer, [open(id, { protocol: "hold/1" }), ...full]);
    }
    await peer.say(COMMAND.ping, new Uint8Array(8));
    await peer.take(COMMAND.pong);
  }));
  const lost = strangers.flatMap((peer) => resetsOf(peer));
  assert(lost.length > 0, "no stream was lost");
  for (const { code } of lost) assertEquals(code, RESET_CODE.full);
  assertEquals(strangers.filter((peer) => peer.isOver), []);
  go.resolve();
  const received = new Uint8Array(
    await new Response(friend.readable).arrayBuffer(),
  );
  assertEquals(received, sent);
});
