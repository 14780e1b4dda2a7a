// Peers that request what no honest one does, and answer what no honest one does.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { Node } from "../../src/mesh/node.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import {
  type AnswerStatus,
  decodeAnswerHead,
  decodeError,
  encodeRequestHead,
  type RequestHead,
} from "../../src/streams/request_format.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import {
  DATA_HEAD_BYTES,
  decodeOpen,
  RESET_CODE,
} from "../../src/wire/messages/stream_frames.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { times } from "../helpers/crowd.ts";
import {
  data,
  end,
  framesOf,
  open,
  resetsOf,
  sayAll,
  type Sent,
} from "../helpers/raw_streams.ts";
import { Scene } from "../helpers/scene.ts";
import { until } from "../helpers/until.ts";

/** An error as it should be. */
const ERROR = new TextEncoder().encode('{"code":"c","message":"m"}');

/** What the victim's handlers were asked, and a gate that `hold` waits at. */
class Served {
  count = 0;
  readonly gate = Promise.withResolvers<void>();
}

/** The victim serves `echo`, `large` and `hold`, and the member is a friend of it. */
async function stage(): Promise<{ scene: Scene; served: Served }> {
  const scene = await Scene.start();
  const { victim, member } = scene;
  victim.admission.allow(member.identity.id);
  const served = new Served();
  victim.serve("echo", (body) => {
    served.count++;
    return body;
  });
  victim.serve("large", () => {
    served.count++;
    return new Uint8Array(4_000_000);
  });
  victim.serve("hold", async () => {
    served.count++;
    await served.gate.promise;
  });
  return { scene, served };
}

/** The friend gets an answer, with a body of any size. */
async function friendIsServed({ member, victim }: Scene): Promise<void> {
  const { id } = victim.identity;
  for (const length of [100, 4_000_000]) {
    const body = new Uint8Array(length).fill(1);
    assertEquals(await member.request(id, "echo", body), body);
  }
}

/** Opens a request; its body is not sent. */
function request(
  stream: number,
  fields: Partial<RequestHead> = {},
  credit = 65_536,
): Sent {
  const metadata = encodeRequestHead({
    method: "echo",
    kind: "bytes",
    length: 0,
    timeoutMs: 60_000,
    ...fields,
  });
  return open(stream, { protocol: "request/1", metadata, credit });
}

/** The bytes that came as an answer. */
function answerBytes(peer: RawPeer, stream: number): Uint8Array {
  return new Uint8Array(
    framesOf(peer, COMMAND.data, stream).flatMap(({ payload }) => [
      ...payload.subarray(DATA_HEAD_BYTES),
    ]),
  );
}

/** Waits for the answer to a request. */
async function statusOf(peer: RawPeer, stream: number): Promise<AnswerStatus> {
  await until(
    `the answer on ${stream}`,
    () => framesOf(peer, COMMAND.end, stream).length > 0,
  );
  return decodeAnswerHead(answerBytes(peer, stream)).status;
}

function handled({ victim }: Scene): number {
  return partsOf(victim).requesting.usage.requests;
}

Deno.test("metadata that breaks the rules resets its stream, calls no handler, and leaves the session", async () => {
  const { scene, served } = await stage();
  await using _scene = scene;
  using peer = await scene.join();
  const [, good] = request(1);
  const head = encodeRequestHead({
    method: "echo",
    kind: "none",
    length: 0,
    timeoutMs: 1_000,
  });
  const changed = (at: number, value: number) => {
    const bytes = head.slice();
    bytes[at] = value;
    return bytes;
  };
  const bad = [
    new Uint8Array(0),
    head.subarray(0, 8),
    head.subarray(0, 9),
    changed(0, 4), // a kind
    changed(8, 255), // a length of 4 GB
    changed(9, 0), // a NUL in the method
    changed(10, 0x1b), // an escape
    changed(11, 0xff), // no UTF-8
    new Uint8Array([...head, ...new Uint8Array(128).fill(0x61)]), // too long
  ];
  assert(good.length > 0);
  await sayAll(
    peer,
    bad.map((metadata, at) =>
      open(2 * at + 1, { protocol: "request/1", metadata })
    ),
  );
  await until("all are reset", () => resetsOf(peer).length === bad.length);
  for (const { code, text } of resetsOf(peer)) {
    assertEquals(code, RESET_CODE.failed);
    // Nothing of it is repeated as it is.
    assert(/^[\x20-\x7e]+$/.test(text), text);
  }
  await sayAll(peer, [request(101), end(101)]);
  assertEquals(await statusOf(peer, 101), "ok");
  assertEquals(served.count, 1);
});

Deno.test("a deadline of 0 is answered without a handler, and one of 49 days is as any other", async () => {
  const { scene, served } = await stage();
  await using _scene = scene;
  using peer = await scene.join();
  await sayAll(peer, [
    request(1, { timeoutMs: 0 }),
    request(3, { timeoutMs: 0xffff_ffff }),
    end(3),
  ]);
  assertEquals(await statusOf(peer, 1), "timeout");
  assertEquals(await statusOf(peer, 3), "ok");
  assertEquals(served.count, 1);
});

Deno.test("one peer with 1,000 requests that hang is answered full, also by a handler of others, and friends are served", async () => {
  const { scene, served } = await stage();
  await using _scene = scene;
  using peer = await scene.join();
  await sayAll(
    peer,
    times(1_000, (at) => request(2 * at + 1, { method: "hold" })),
  );
  assertEquals(await statusOf(peer, 1_999), "full");
  assertEquals([handled(scene), served.count], [256, 256]);
  assertEquals(decodeError(answerBytes(peer, 1_999).subarray(6)).code, "full");
  await sayAll(peer, [request(2_001), end(2_001)]);
  assertEquals(await statusOf(peer, 2_001), "full");
  await friendIsServed(scene);
  served.gate.resolve();
  await until("its places are free", () => handled(scene) === 0);
  await sayAll(peer, [request(2_003), end(2_003)]);
  assertEquals(await statusOf(peer, 2_003), "ok");
});

Deno.test("10,000 requests of one peer, which aborts each, do not keep another peer's waiting", async () => {
  const { scene } = await stage();
  await using _scene = scene;
  const { victim } = scene;
  await using noisy = await Node.start({ connect: [victim.address] });
  await noisy.joined();
  const controller = new AbortController();
  const { signal } = controller;
  const { id } = victim.identity;
  const floods = times(
    10_000,
    () => noisy.request(id, "hold", "x", { signal }).catch(() => {}),
  );
  await until("it has all its places", () => handled(scene) === 128);
  await friendIsServed(scene);
  controller.abort();
  await Promise.all(floods);
});

Deno.test("bodies that are announced and not sent hold memory of their senders only", async () => {
  const { scene, served } = await stage();
  await using _scene = scene;
  using first = await scene.join();
  using second = await scene.join();
  for (const peer of [first, second]) {
    await sayAll(
      peer,
      times(
        100,
        (at) => request(2 * at + 1, { length: 4_000_000, timeoutMs: 2 ** 31 }),
      ),
    );
  }
  const { requesting } = partsOf(scene.victim);
  await until("they wait", () => requesting.usage.requests === 200);
  // Strangers have half at the most, and each leaves the other a part of that.
  const { bytes } = requesting.usage;
  assert(bytes > 16_777_216 && bytes <= 33_554_432, `${bytes}`);
  await friendIsServed(scene);
  assertEquals(served.count, 2);
});

Deno.test("answers that are not read hold memory of their reader only: more of them are full", async () => {
  const { scene } = await stage();
  await using _scene = scene;
  using peer = await scene.join();
  await sayAll(
    peer,
    times(100, (at) => request(2 * at + 1, { method: "large" }, 1)),
  );
  const { requesting } = partsOf(scene.victim);
  await until("they are handled", () => requesting.usage.requests === 100);
  assert(requesting.usage.bytes <= 16_777_216, `${requesting.usage.bytes}`);
  await friendIsServed(scene);
});

Deno.test("answers that break the rules are malformed or oversize, and reach no application", async () => {
  await using scene = await Scene.start();
  const { victim } = scene;
  using peer = await scene.join();
  const answers: [code: string, hex: string][] = [
    ["malformed", "07000000000000"], // a status
    ["malformed", "ff0000000000"],
    ["malformed", "000900000000"], // a kind
    ["malformed", "0000010000000a"], // none with a body
    ["oversize", "0001ffffffff"], // 4 GB
    ["malformed", "000105000000aabb"], // ends too early
    ["malformed", "000101000000aabb"], // goes on too long
    ["malformed", "000201000000ff"], // no UTF-8
    ["malformed", "0003010000007b"], // no JSON
    // An error that is bytes.
    ["malformed", `01011a000000${ERROR.toHex()}`],
    ["malformed", "0103020000007b7d"], // an error without a code
    ["malformed", "00"],
    ["malformed", ""],
  ];
  for (const [code, hex] of answers) {
    const asked = peer.count(COMMAND.open);
    const answer = assertRejects(
      () => victim.request(peer.identity.id, "m", "x"),
      VerackError,
    );
    await until("it is asked", () => peer.count(COMMAND.open) > asked);
    const frames = peer.frames.filter((it) => it.command === COMMAND.open);
    const { stream } = decodeOpen(frames.at(-1)!.payload);
    const bytes = Uint8Array.fromHex(hex);
    await sayAll(peer, [
      ...(bytes.length > 0 ? [data(stream, bytes)] : []),
      end(stream),
    ]);
    assertEquals([(await answer).code, hex], [code, hex]);
  }
});
