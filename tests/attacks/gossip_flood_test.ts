// What is cheap to say must be cheap to hear: made-up certificates, small messages.
import { assert, assertEquals } from "@std/assert";
import { parsePeerId } from "../../src/core/peer_id.ts";
import type { Identity } from "../../src/identity/identity.ts";
import {
  LEARNED_PAUSE_MS,
  MAX_MISSING_LOOKUPS,
  MAX_MISSING_PAIRS,
} from "../../src/mesh/discovery/discovery_limits.ts";
import { configureLogging } from "../../src/core/log.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { UnreachablePairs } from "../../src/mesh/discovery/unreachable_pairs.ts";
import type { Node } from "../../src/mesh/node.ts";
import type { Peer, UpEvent } from "../../src/mesh/peers/peer.ts";
import type { PeerSession } from "../../src/mesh/peers/peer_session.ts";
import type { Standing } from "../../src/mesh/peers/standing.ts";
import { ExchangeStates } from "../../src/mesh/discovery/exchange_state.ts";
import { LivenessReports } from "../../src/mesh/peers/liveness_reports.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import { encodePeers } from "../../src/wire/messages/peers.ts";
import type { RawPeer } from "../helpers/attacker.ts";
import { at } from "../helpers/disguise.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { handled } from "../helpers/handled.ts";
import { plainTable } from "../helpers/plain_table.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import {
  bitString,
  forge,
  idOf,
  integer,
  RSA,
  sequence,
} from "../identity/forgery.ts";

/** A certificate that costs much to verify and nothing to make: random numbers for a key. */
function madeUp(): Pick<Identity, "id" | "certificate"> {
  const modulus = crypto.getRandomValues(new Uint8Array(512));
  modulus[0]! |= 0x80;
  modulus[511]! |= 1;
  const key = sequence(integer(0, ...modulus), integer(1, 0, 1));
  // The algorithm is the same for all RSA keys.
  const algorithm = RSA.spki.subarray(4, 19);
  const spki = sequence(algorithm, bitString(key));
  const signature = crypto.getRandomValues(new Uint8Array(512));
  return {
    id: idOf(spki),
    certificate: forge(RSA, { spki, signWith: () => signature }),
  };
}

/**
 * A clock that stands still, or on which `stepMs` pass whenever it is looked at, as if
 * all work took long. It runs while a node closes, which waits for its peers.
 */
class StageClock extends VirtualClock implements Disposable {
  stepMs = 0;
  #passedMs = 0;
  #interval: ReturnType<typeof setInterval> | undefined;

  override monotonic(): number {
    this.#passedMs += this.stepMs;
    return super.monotonic() + this.#passedMs;
  }

  /** The test is over when this is disposed of. */
  end(): Disposable {
    return {
      [Symbol.dispose]: () => {
        this.stepMs = 0;
        this.#interval = setInterval(() => this.advance(50), 10);
      },
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#interval);
  }
}

/** How often a node walks its table from now on. */
function walksOf(node: Node): { count: number } {
  const { table } = partsOf(node);
  const walks = { count: 0 };
  for (const name of ["values", "connected"] as const) {
    const walk = table[name].bind(table) as () => Peer[];
    table[name] = () => {
      walks.count++;
      return walk();
    };
  }
  return walks;
}

/** Resolves when all frames that a peer sent are read. */
async function isRead(peer: RawPeer): Promise<void> {
  await peer.say(COMMAND.ping, new Uint8Array(8));
  await peer.take(COMMAND.pong);
}

async function flood(
  peer: RawPeer,
  command: string,
  payload: Uint8Array,
  count: number,
): Promise<void> {
  const frame = encodeFrame(networkMagic("main"), command, payload);
  const all = new Uint8Array(count * frame.length);
  for (let i = 0; i < count; i++) all.set(frame, i * frame.length);
  await peer.sendBytes(all);
}

Deno.test("a thousand made-up RSA certificates from each of several peers cost one verification and one log line each", async () => {
  const lines: string[] = [];
  await using sink = Sink.start();
  await using scene = await Scene.start();
  using honest = await scene.join();
  const here = [parseAddress(sink.address)];
  const lies = Array.from({ length: 50 }, madeUp);
  const sound = stranger();
  // Behind the first lie all is true, so that what is looked into would show.
  const list = Array.from({ length: 950 }, stranger);
  const payload = encodePeers({
    more: false,
    entries: [...lies, ...list].map((it) => entryOf(it, here)),
  });
  configureLogging({
    level: "warn",
    format: "json",
    color: false,
    write: (line) => lines.push(line),
  });
  try {
    const liars = await Promise.all(
      Array.from({ length: 5 }, () => scene.join()),
    );
    await Promise.all(liars.map((it) => it.say(COMMAND.peers, payload)));
    await honest.tell([entryOf(sound, here)]);
    for (const liar of liars) {
      const told = await liar.refusal();
      assertEquals([told?.command, told?.name], ["bye", "bad-certificate"]);
      liar.close();
    }
    await until("all to be down", () => scene.victim.sessions().length === 2);
    await handled(honest);
    const refused = lines.filter((line) => line.includes("refused"));
    assertEquals(refused.length, liars.length, refused.join("\n"));
  } finally {
    configureLogging({
      level: "off",
      format: "human",
      color: false,
      write: () => {},
    });
  }
  const known = new Set(scene.victim.peers().map(({ id }) => id));
  assertEquals(list.filter(({ id }) => known.has(id)), []);
  assert(known.has(sound.id), "an honest member is not listened to");
  assert(!honest.isOver);
});

Deno.test("10,000 lists of peers without entries walk no table", async () => {
  using clock = new StageClock();
  await using sink = Sink.start();
  await using scene = await Scene.start({ clock });
  using _end = clock.end();
  using mallory = await scene.join();
  const empty = encodePeers({ entries: [], more: false });
  // The first one is an answer.
  await mallory.say(COMMAND.peers, empty);
  await isRead(mallory);
  await clock.advance(LEARNED_PAUSE_MS);
  const walks = walksOf(scene.victim);
  for (const more of [false, true]) {
    const payload = encodePeers({ entries: [], more });
    await flood(mallory, COMMAND.peers, payload, 4_900);
    await isRead(mallory);
    assertEquals(walks.count, 0, `more: ${more}`);
  }
  // One with an entry is acted on.
  await mallory.tell([entryOf(stranger(), [parseAddress(sink.address)])]);
  await isRead(mallory);
  await until("a dial", () => sink.arrivals > 0);
  assert(walks.count > 0);
});

Deno.test("news in many small lists are acted on once in a while, and none is lost", async () => {
  using clock = new StageClock();
  // One each: what is dialed at one address has a limit of its own.
  await using sinks = new AsyncDisposableStack();
  const targets = Array.from({ length: 20 }, () => sinks.use(Sink.start()));
  const dialed = () => targets.filter(({ arrivals }) => arrivals > 0).length;
  await using scene = await Scene.start({ clock });
  using _end = clock.end();
  using mallory = await scene.join();
  await clock.advance(LEARNED_PAUSE_MS);
  const walks = walksOf(scene.victim);
  for (const { address } of targets) {
    await mallory.tell([entryOf(stranger(), [parseAddress(address)])]);
  }
  await isRead(mallory);
  await until("the first to be dialed", () => dialed() > 0);
  const once = walks.count;
  assert(once <= 12, `${once} walks`);
  await clock.advance(LEARNED_PAUSE_MS);
  await until("all to be dialed", () => dialed() === targets.length);
});

Deno.test("requests for a list with unknown fingerprints cost one walk and each entry once, and each is answered", async () => {
  using clock = new StageClock();
  await using scene = await Scene.start({ clock });
  using _end = clock.end();
  using mallory = await scene.join();
  const before = mallory.count(COMMAND.peers);
  const walks = walksOf(scene.victim);
  // Called for each entry that is made.
  const { membership } = partsOf(scene.victim);
  const attestationFor = membership.attestationFor.bind(membership);
  let made = 0;
  membership.attestationFor = (record) => {
    made++;
    return attestationFor(record);
  };
  const REQUESTS = 15;
  const payload = encodeGetPeers({
    digest: "00".repeat(32),
    fingerprints: ["00".repeat(8)],
  });
  await flood(mallory, COMMAND.getpeers, payload, REQUESTS);
  await until(
    "all answers",
    () => mallory.count(COMMAND.peers) === before + REQUESTS,
  );
  // One for the list, and one for the digest if it was not asked for before.
  assert(walks.count <= 2, `${walks.count} walks`);
  assertEquals(made, 1);
  const told = mallory.told().filter(({ id }) =>
    id === scene.member.identity.id
  );
  assertEquals(told.length, REQUESTS);
});

/** A table of peers that are up and say that they miss others. */
function missingOf(
  count: number,
  missing: (index: number) => string[],
  friends: ReadonlySet<number> = new Set(),
): { lookups: number; pairs: readonly (readonly [string, string])[] } {
  const table = plainTable({ hasStanding: () => true });
  const name = (i: number) => parsePeerId(i.toString(16).padStart(64, "0"));
  const own = parsePeerId("ff".repeat(32));
  const all = Array.from({ length: count }, (_, i) => table.ensure(name(i))!);
  const states = new ExchangeStates();
  all.forEach((record, i) => {
    const session = {
      introduced: true,
      pending: false,
    } as unknown as PeerSession;
    states.of(session).missing = missing(i).map(parsePeerId);
    record.sessionOpened(session);
    record.announce({} as UpEvent);
  });
  const isFriend = new Set([...friends].map(name));
  const { events } = table;
  const found = new UnreachablePairs({
    own,
    magic: new Uint8Array(4),
    deadAfterMs: 3_000,
    heartbeatMs: 1_000,
    events,
    reports: new LivenessReports({ events, hasStanding: () => false }),
    states,
    standing: {
      has: ({ id }: Peer) => isFriend.has(id),
    } as unknown as Standing,
    table,
  });
  let lookups = 0;
  const get = table.get.bind(table);
  table.get = (id) => {
    lookups++;
    return get(id);
  };
  found.tick(10_000);
  return { lookups, pairs: found.pairs };
}

Deno.test("what all peers together say they miss is looked up a bounded number of times", () => {
  // None of these is up, so that no pair is ever complete.
  const gone = Array.from(
    { length: MAX_MISSING_PAIRS },
    (_, i) => (0x10000 + i).toString(16).padStart(64, "0"),
  );
  const { lookups, pairs } = missingOf(1_000, () => gone);
  assert(lookups <= MAX_MISSING_LOOKUPS + 1_000, `${lookups} look-ups`);
  assertEquals(pairs, []);
  // Of a mesh of fifty in two halves nothing is left out.
  const half = Array.from(
    { length: 25 },
    (_, i) => (25 + i).toString(16).padStart(64, "0"),
  );
  const split = missingOf(50, (i) => i < 10 ? half : []);
  assertEquals(split.pairs.length, 250);
});

Deno.test("made-up pairs do not crowd out what a peer with standing says", () => {
  const FRIEND = 999;
  const others = Array.from(
    { length: 16 },
    (_, i) => i.toString(16).padStart(64, "0"),
  );
  const { pairs } = missingOf(1_000, () => others, new Set([FRIEND]));
  assertEquals(pairs.length, MAX_MISSING_PAIRS);
  const friend = FRIEND.toString(16).padStart(64, "0");
  assertEquals(pairs.filter((pair) => pair.includes(friend)).length, 16);
});

Deno.test("a friend's word is heard while strangers' lists wait, which are heard when there is time", async () => {
  using clock = new StageClock();
  await using sink = Sink.start();
  await using scene = await Scene.start({ clock });
  using _end = clock.end();
  const { victim } = scene;
  using friend = await scene.join();
  partsOf(victim).table.get(friend.identity.id)!.acknowledged();
  const strangers = await Promise.all(
    Array.from({ length: 3 }, () => scene.join()),
  );
  const here = [parseAddress(sink.address)];
  const list = Array.from({ length: 900 }, stranger);
  const entries = list.map((it) => entryOf(it, here));
  const heard = () =>
    list.filter(({ id }) => victim.peer(id) !== undefined).length;
  clock.stepMs = 1;
  for (const it of strangers) {
    await it.tell(entries);
    await isRead(it);
  }
  const some = heard();
  assert(some > 0 && some < 100, `${some} of strangers' entries are heard`);
  const sound = stranger();
  await friend.tell([entryOf(sound, here)]);
  await isRead(friend);
  assert(victim.peer(sound.id) !== undefined, "the friend's word waits");
  // It took time, in which a little more of theirs was heard.
  assert(heard() < 200, `${heard()} of strangers' entries are heard`);
  clock.stepMs = 0;
  await clock.advance(100);
  assertEquals(heard(), list.length);
  for (const it of strangers) it.close();
});

Deno.test("a list that waits goes with its session", async () => {
  using clock = new StageClock();
  await using scene = await Scene.start({ clock });
  using _end = clock.end();
  const { victim } = scene;
  const mallory = await scene.join();
  const entries = Array.from(
    { length: 900 },
    () => entryOf(stranger(), [at("127.0.0.1", 9)]),
  );
  clock.stepMs = 1;
  await mallory.tell(entries);
  await isRead(mallory);
  const { length } = victim.peers();
  assert(length < 100, `${length} peers are known`);
  mallory.close();
  await until("it to be down", () => scene.log.of("peer:down").length === 1);
  clock.stepMs = 0;
  await clock.advance(100);
  assert(victim.peers().length <= length);
});

Deno.test("a node under a flood of gossip closes at once, and drops what waits", async () => {
  const scene = await Scene.start();
  const liars = await Promise.all(
    Array.from({ length: 4 }, () => scene.join()),
  );
  const list = Array.from({ length: 1_000 }, stranger);
  const payload = encodePeers({
    more: false,
    entries: list.map((it) => entryOf(it, [at("127.0.0.1", 9)])),
  });
  await Promise.all(liars.map((it) => it.say(COMMAND.peers, payload)));
  const isKnown = () => scene.victim.peers().length > 10;
  await until("the lists to be begun", isKnown);
  for (const liar of liars) liar.close();
  await scene[Symbol.asyncDispose]();
  const { length } = scene.victim.peers();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(scene.victim.peers().length, length);
});
