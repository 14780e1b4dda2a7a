// Whoever is silent, slow or too many holds up itself and nobody else.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createConnection } from "node:net";
import { MAX_PENDING_CONNECTIONS } from "../../src/mesh/mesh_limits.ts";
import { MAX_PENDING_PER_ADDRESS } from "../../src/mesh/sessions/connection_limits.ts";
import { MAX_QUEUE_BYTES } from "../../src/session/session_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { dialTls, RawPeer } from "../helpers/attacker.ts";
import { Crowd, hungUp, times } from "../helpers/crowd.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { EventLog } from "../helpers/nodes.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";

/** A node whose deadlines do not come in a test: what ends is ended for another reason. */
const PATIENT = {
  handshakeTimeoutMs: 60_000,
  heartbeatMs: 20_000,
  deadAfterMs: 60_000,
} as const;

async function connectTcp(node: Node): Promise<Deno.TcpConn> {
  const { host: hostname, port } = parseAddress(node.address);
  return await Deno.connect({ hostname, port });
}

async function addTcp(crowd: Crowd, node: Node): Promise<void> {
  const socket = await connectTcp(node);
  crowd.add(socket, hungUp(socket));
}

async function joins(node: Node): Promise<void> {
  await using honest = await Node.start({ connect: [node.address] });
  await until(
    "an honest node to join",
    () => node.sessions().some(({ id }) => id === honest.identity.id),
  );
}

Deno.test("300 connections that send nothing keep no peer out", async () => {
  await using victim = await Node.start(PATIENT);
  using crowd = new Crowd();
  await Promise.all(times(300, () => addTcp(crowd, victim)));
  await until(
    "the crowd to be thinned out",
    () => crowd.open <= MAX_PENDING_PER_ADDRESS,
  );
  assertEquals(crowd.open, MAX_PENDING_PER_ADDRESS);
  await joins(victim);
  // Nobody had to go for it but those who made room.
  assert(crowd.open > MAX_PENDING_PER_ADDRESS / 2);
  await victim.close();
  await until("the rest to be let go", () => crowd.open === 0);
});

Deno.test("300 connections that send nothing after TLS keep no peer out", async () => {
  await using victim = await Node.start(PATIENT);
  using crowd = new Crowd();
  for (let i = 0; i < 300; i += 50) {
    await Promise.all(times(50, async () => {
      const connection = await dialTls(victim).catch(() => undefined);
      // Pushed out by the others before it was through.
      if (connection === undefined) return;
      const read = connection.read(new Uint8Array(100)).catch(() => {});
      crowd.add(connection, read);
    }));
  }
  await until(
    "the crowd to be thinned out",
    () => crowd.open <= MAX_PENDING_PER_ADDRESS,
  );
  assert(crowd.open > 0);
  await joins(victim);
  assert(crowd.open > 0);
});

Deno.test("300 peers that prove their keys and send nothing more keep no peer out", async () => {
  await using victim = await Node.start(PATIENT);
  using crowd = new Crowd();
  for (let i = 0; i < 300; i += 50) {
    await Promise.all(times(50, async () => {
      const peer = await RawPeer.open(victim, {}, "proof").catch(() => {});
      if (peer) crowd.add(peer, peer.ended);
    }));
  }
  // A stranger's proof is cheap, and does not lift the cap of the address.
  await until(
    "the crowd to be thinned out",
    () => crowd.open <= MAX_PENDING_PER_ADDRESS,
  );
  assert(crowd.open > MAX_PENDING_PER_ADDRESS / 2);
  assertEquals(victim.peers(), []);
  await joins(victim);
  assert(crowd.open > MAX_PENDING_PER_ADDRESS / 2);
});

Deno.test("every way of stalling the handshake ends at its deadline", async () => {
  await using victim = await Node.start({ handshakeTimeoutMs: 500 });
  const log = new EventLog(victim);
  const magic = networkMagic("main");
  using crowd = new Crowd();
  const tasks: Promise<void>[] = [];
  /** Sends a piece now and then for as long as the node listens. */
  const dribble = async (peer: RawPeer, pieces: Iterable<Uint8Array>) => {
    for (const piece of pieces) {
      if (peer.isOver) return;
      await peer.sendBytes(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const version = encodeFrame(magic, COMMAND.version, new Uint8Array(200));
  for (let i = 0; i < 5; i++) {
    await addTcp(crowd, victim);
    {
      // The first bytes of a ClientHello.
      const socket = await connectTcp(victim);
      await socket.write(Uint8Array.of(0x16, 3, 1, 2, 0, 1));
      crowd.add(socket, hungUp(socket));
    }
    for (const step of [undefined, "version", "features", "proof"] as const) {
      const peer = await RawPeer.dial(victim);
      if (step !== undefined) await peer.shake(step);
      crowd.add(peer, peer.ended);
    }
    {
      const peer = await RawPeer.dial(victim);
      crowd.add(peer, peer.ended);
      tasks.push(dribble(peer, times(200, (at) => version.slice(at, at + 1))));
    }
    {
      const peer = await RawPeer.open(victim, {}, "challenge");
      crowd.add(peer, peer.ended);
      const idle = encodeFrame(magic, "sparkle", new Uint8Array(0));
      tasks.push(dribble(peer, times(50, () => idle)));
    }
  }
  assert(crowd.open > 0);
  await joins(victim);
  await until("all to be hung up on", () => crowd.open === 0);
  await Promise.all(tasks);
  const refused = log.of("refused");
  assertEquals(refused.length, 40);
  for (const { reason } of refused) {
    assert(
      /within|time is up/.test(reason),
      `a stall was refused with: ${reason}`,
    );
  }
  await joins(victim);
});

Deno.test("a member that stops reading is cut off, and no other misses a ping", async () => {
  await using victim = await Node.start(PATIENT);
  const log = new EventLog(victim);
  using slow = await RawPeer.open(victim);
  using healthy = await RawPeer.open(victim);
  await until("both to be up", () => victim.sessions().length === 2);
  slow.pause();
  // So many answers would be read by turns with those of other strangers.
  healthy.answersPings = false;
  const text = "x".repeat(256);
  let sent = 0;
  await until("the slow one to be cut off", async () => {
    for (let i = 0; i < 4_000; i++) {
      victim.ping(text);
      sent++;
    }
    await until(
      "the healthy one to have them all",
      () => healthy.count(COMMAND.ping) === sent,
    );
    return log.of("peer:down").length > 0;
  }, 30_000);
  const [down] = log.of("peer:down");
  assertEquals(down?.id, slow.identity.id);
  assertStringIncludes(down?.reason ?? "", "bytes wait for the peer");
  assertEquals(down?.left, false);
  assert(sent * text.length > MAX_QUEUE_BYTES, "it was cut off too early");
  assertEquals(victim.sessions().map((link) => link.id), [
    healthy.identity.id,
  ]);
});

Deno.test("clients that reset their connections at any moment harm no other", async () => {
  await using victim = await Node.start();
  const { host, port } = parseAddress(victim.address);
  const reset = (say: Uint8Array | undefined, answer: boolean) =>
    new Promise<void>((resolve) => {
      const socket = createConnection({ host, port });
      const go = () => socket.resetAndDestroy();
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.on("connect", () => {
        if (say === undefined) go();
        else socket.write(say, () => answer || go());
      });
      if (answer) socket.on("data", go);
    });
  const hello = await clientHello(victim);
  for (let i = 0; i < 30; i++) {
    await Promise.all([
      reset(undefined, false),
      reset(Uint8Array.of(0x16), false),
      reset(hello, false),
      // In the middle of the server's answer.
      reset(hello, true),
    ]);
  }
  assertEquals(victim.peers(), []);
  await joins(victim);
});

Deno.test("1,000 connections at once do not keep a node out", async () => {
  await using victim = await Node.start(PATIENT);
  using crowd = new Crowd();
  await using honest = await Node.start({ connect: [victim.address] });
  await Promise.all(times(1_000, () => addTcp(crowd, victim)));
  await until("the honest node to join", () => victim.sessions().length === 1);
  assertEquals(victim.sessions()[0]?.id, honest.identity.id);
  await until(
    "the crowd to be thinned out",
    () => crowd.open <= MAX_PENDING_CONNECTIONS,
  );
});

Deno.test("addresses that hang keep a node from no other", async () => {
  await using deaf = Sink.start();
  await using mute = await RawListener.start();
  await using halfway = await RawListener.start();
  await using honest = await Node.start();
  await using victim = await Node.start({
    connect: [deaf.address, mute.address, halfway.address, honest.address],
  });
  const begun = await halfway.next();
  await begun.version();
  await until("the honest one to be up", () => victim.sessions().length === 1);
  assertEquals(victim.sessions()[0]?.id, honest.identity.id);
  assertEquals(deaf.open, 1);
  assert(!begun.isOver);
  begun.close();
});

Deno.test("a node that closes waits for no peer", async () => {
  await using deaf = Sink.start();
  await using mute = await RawListener.start();
  const victim = await Node.start({ connect: [deaf.address, mute.address] });
  using crowd = new Crowd();
  await addTcp(crowd, victim);
  for (const step of [undefined, "challenge", "proof", "peers"] as const) {
    const peer = await RawPeer.dial(victim);
    if (step !== undefined) await peer.shake(step);
    // Reads nothing, so never hears that it is over.
    peer.pause();
    crowd.add(peer, Promise.resolve());
  }
  await until("the dials", () => deaf.open > 0 && mute.peers.length > 0);
  let closed = false;
  const closing = victim.close().then(() => closed = true);
  await until("the node to close", () => closed, 3_000);
  await closing;
});

/** What a client says first: recorded from a dial that goes nowhere. */
async function clientHello(victim: Node): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const proxy = { address: `127.0.0.1:${port}`, identity: victim.identity };
  const dial = dialTls(proxy as unknown as Node).catch(() => {});
  using socket = await listener.accept();
  const buffer = new Uint8Array(4_096);
  const count = await socket.read(buffer);
  socket.close();
  await dial;
  return buffer.slice(0, count ?? 0);
}
