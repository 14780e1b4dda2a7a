/**
 * The same peers over real TLS and in real time: fewer of them, for what memory has
 * no part in, such as sockets that stay open.
 */
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { Node } from "../../src/mesh/node.ts";
import type { Address } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Incoming, Listener } from "../../src/transport/transport.ts";
import { dialTls } from "../helpers/attacker.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { until } from "../helpers/until.ts";
import { gather } from "./cast.ts";
import { FuzzPeer, type Workshop } from "./fuzz_peer.ts";
import { handleStreams } from "./world.ts";
import { Vocabulary } from "./vocabulary.ts";

/** Fuzzing sessions that are begun together. */
const CROWD = 8;

/** Hosts that are dialed. */
const DIALED = 3;

/** What comes of those who say nothing more is not worth ten seconds each. */
const HASTY = {
  heartbeatMs: 200,
  deadAfterMs: 600,
  handshakeTimeoutMs: 1_000,
};

/**
 * One node under at least `frames` frames; resolves with how many sessions there
 * were.
 *
 * @throws {Error} what it let happen.
 */
export async function fuzzOverTls(
  seed: number,
  frames: number,
): Promise<number> {
  const random = new SeededRandom(seed);
  const cast = await gather(seed);
  const tasks = new Set<Promise<void>>();
  const listeners: Listener[] = [];
  const addresses: Address[] = [];
  const before = await ownSockets();
  let sessions = 0;
  const play = (peer: FuzzPeer, act: () => Promise<void>) => {
    sessions++;
    const task = act().finally(() => {
      peer.close();
      tasks.delete(task);
    });
    tasks.add(task);
    return task;
  };
  const shop: Workshop = {
    random,
    clock: systemClock,
    secret: undefined,
    vocabulary: new Vocabulary(random, cast.spokenOf, addresses),
    old: [],
    frames: 0,
    opened: 0,
  };
  const answer = async (incoming: Incoming, i: number) => {
    const identity = cast.dialed[i]!;
    try {
      const connection = await incoming.open();
      const { id } = identity;
      const peer = new FuzzPeer(shop, connection, identity, id, identity);
      await play(peer, () => peer.accepted());
    } catch {
      // Only looked at the certificate.
    }
  };
  for (const [i, identity] of cast.dialed.slice(0, DIALED).entries()) {
    const listener = await tlsTransport().listen(
      { host: "127.0.0.1", port: 0 },
      { credentials: identity },
    );
    listeners.push(listener);
    addresses.push(listener.address);
    const task = accept(listener, (incoming) => answer(incoming, i))
      .finally(() => tasks.delete(task));
    tasks.add(task);
  }
  const connect = addresses.map(({ host, port }) => `${host}:${port}`);
  const node = await Node.start({ identity: cast.node, connect, ...HASTY });
  handleStreams(node);
  const members = { connect: [node.address], ...HASTY };
  const witness = await Node.start({ identity: cast.witness, ...members });
  try {
    await until("the witness to join", () => meets(witness, node));
    while (shop.frames < frames) {
      const crowd = Array.from({ length: CROWD }, async () => {
        const identity = cast.dialing[random.below(cast.dialing.length)]!;
        const connection = await dialTls(node);
        const peer = new FuzzPeer(
          shop,
          connection,
          identity,
          node.identity.id,
          identity,
        );
        await play(peer, () => peer.dialed());
      });
      await using guest = await Node.start(members);
      await until("a guest to join", () => meets(guest, node));
      await Promise.all(crowd);
      assert(meets(witness, node), "the witness lost its link");
    }
    for (const listener of listeners) listener.close();
    await until(
      "all but the witness to be gone",
      () => node.sessions().length === 1,
    );
    assertEquals(node.sessions()[0]?.id, witness.identity.id);
    // Two that listen, and both ends of the one session.
    const left = Deno.build.os === "linux" ? before + 4 : 0;
    await until("sockets to close", async () => await ownSockets() === left);
  } finally {
    for (const listener of listeners) listener.close();
    await Promise.all([node.close(), witness.close()]);
    await Promise.all(tasks);
  }
  return sessions;
}

async function accept(
  listener: Listener,
  answer: (incoming: Incoming) => Promise<void>,
): Promise<void> {
  const answers: Promise<void>[] = [];
  for (
    let incoming = await listener.accept();
    incoming !== null;
    incoming = await listener.accept()
  ) answers.push(answer(incoming));
  await Promise.all(answers);
}

/**
 * Sockets of this process. Counted by another program: to look into `/proc` itself
 * this one would need all permissions, and then it could reach anybody.
 */
async function ownSockets(): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  const { stdout } = await new Deno.Command("ls", {
    args: ["-l", `/proc/${Deno.pid}/fd`],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("socket:[").length - 1;
}

function meets(a: Node, b: Node): boolean {
  return a.sessions().some(({ id }) => id === b.identity.id);
}
