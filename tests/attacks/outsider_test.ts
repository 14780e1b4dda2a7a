// Somebody without the network's secret: what it learns by dialing, and by being
// dialed, is what TLS shows to anybody.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Identity } from "../../src/identity/identity.ts";
import {
  deriveNetworkKey,
  networkSecret,
} from "../../src/identity/shared_secret.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { USER_AGENT } from "../../src/version.ts";
import { decodeVersion } from "../../src/wire/messages/version.ts";
import { RawPeer, type Step } from "../helpers/attacker.ts";
import { EventLog, Mesh } from "../helpers/nodes.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { until } from "../helpers/until.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const NAME = "sigrid";
const OTHER = "fedcba9876543210fedcba9876543210";
const KEY = networkSecret(
  await deriveNetworkKey(new TextEncoder().encode(SECRET), "main"),
);
const OTHER_KEY = networkSecret(new Uint8Array(32).fill(1));

/** Three nodes with the secret; names, addresses and members are worth hiding. */
async function secretMesh(): Promise<Mesh> {
  const options = { secret: SECRET, name: NAME };
  const first = await Node.start(options);
  const mesh = new Mesh([first]);
  for (let i = 0; i < 2; i++) {
    mesh.nodes.push(
      await Node.start({ ...options, connect: [first.address] }),
    );
  }
  await mesh.complete();
  return mesh;
}

/** Everything that a dialer without the secret may hear. */
const ALLOWED: ReadonlySet<string> = new Set([
  COMMAND.version,
  COMMAND.instance,
  COMMAND.nochecksum,
  COMMAND.streams,
  COMMAND.relay,
  COMMAND.challenge,
  COMMAND.reject,
]);

/** What a dialer can do without knowing the secret. */
const ATTEMPTS: Readonly<
  Record<string, [Step, (peer: RawPeer) => Promise<void>]>
> = {
  "proves its key at once": [
    "features",
    (peer) => peer.say(COMMAND.proof, peer.proof()),
  ],
  "asks for the list before anything else": [
    "challenge",
    (peer) => peer.say(COMMAND.getpeers, new Uint8Array(33)),
  ],
  "shows another secret": [
    "challenge",
    (peer) => peer.say(COMMAND.secret, peer.secret(OTHER_KEY)),
  ],
  "shows an invite that nobody gave": [
    "challenge",
    (peer) =>
      peer.say(
        COMMAND.secret,
        peer.secret({ ...OTHER_KEY, kind: "invite", id: "ab".repeat(16) }),
      ),
  ],
  "says verack without a proof": [
    "features",
    (peer) => peer.say(COMMAND.verack),
  ],
};

Deno.test("a dialer without the secret learns nothing", async (t) => {
  await using mesh = await secretMesh();
  const [node] = mesh.nodes;
  assert(node !== undefined);
  const log = new EventLog(node);
  for (const [what, [upTo, attempt]] of Object.entries(ATTEMPTS)) {
    await t.step(`when it ${what}`, async () => {
      using peer = await RawPeer.open(node, {}, upTo);
      await attempt(peer);
      await peer.refusal();
      const told = new Set(peer.frames.map(({ command }) => command));
      assertEquals([...told].filter((it) => !ALLOWED.has(it)), []);
      assertTellsNothing(peer, mesh);
    });
  }
  // And nobody left a trace.
  assertEquals(node.peers().length, 2);
  assertEquals(node.admission.joinRequests(), []);
  assertEquals(log.of("peer:up").length, 2);
  // The control, by the same means.
  using member = await RawPeer.open(node, { shows: KEY });
  assertEquals(member.told()[0]?.id, node.identity.id);
});

/** Byte for byte: nobody's identity, name or port is in what came. */
function assertTellsNothing(peer: RawPeer, mesh: Mesh): void {
  const version = peer.frames.find(({ command }) =>
    command === COMMAND.version
  );
  assert(version !== undefined);
  assertEquals(decodeVersion(version.payload).userAgent, USER_AGENT);
  const bytes = peer.frames.map(({ payload }) => payload.toHex()).join("|");
  for (const { identity } of mesh.nodes) {
    assert(!bytes.includes(identity.id.slice(0, 16)), bytes);
  }
  assert(!bytes.includes(new TextEncoder().encode(NAME).toHex()), bytes);
}

Deno.test("a listener without the secret does not learn the dialer's identity", async () => {
  await using mallory = await RawListener.start();
  const identity = await Identity.generate();
  await using node = await Node.start({
    identity,
    name: NAME,
    secret: SECRET,
    connect: [mallory.address],
  });
  const log = new EventLog(node);
  using peer = await mallory.next();
  await peer.version();
  await peer.features();
  await peer.say(COMMAND.challenge, new Uint8Array(32));
  const shown = await peer.take(COMMAND.secret);
  // The best it can do: play back what it was shown.
  await peer.say(COMMAND.secret, shown);
  assertEquals((await peer.refusal())?.name, "bad-secret");
  const heard = peer.frames.map(({ command }) => command);
  assertEquals(heard, [COMMAND.version, COMMAND.secret, COMMAND.reject]);
  const bytes = peer.frames.map(({ payload }) => payload.toHex()).join("");
  assert(!bytes.includes(identity.id.slice(0, 16)));
  await until("the refusal", () => log.of("refused").length > 0);
  assertEquals(node.peers(), []);
});

/** Both ends' secrets, and what each says of the refusal. */
const MEETINGS: readonly [
  string,
  string | undefined,
  string | undefined,
  string,
  string,
][] = [
  [
    "two nodes with different secrets",
    SECRET,
    OTHER,
    "the network's secret is another one",
    "the network's secret is another one",
  ],
  [
    "a node without a secret that dials one with a secret",
    undefined,
    SECRET,
    "this node has none, needs it or an invite",
    "did not show the network's secret, needs it or an invite",
  ],
  [
    "a node with a secret that dials one without",
    SECRET,
    undefined,
    "needs it, too",
    "needs it, too",
  ],
];

for (const [who, dialing, listening, ours, theirs] of MEETINGS) {
  Deno.test(`${who} refuse each other, and both say why`, async () => {
    const secret = (value?: string) =>
      value === undefined ? {} : { secret: value };
    await using listener = await Node.start(secret(listening));
    const there = new EventLog(listener);
    await using dialer = await Node.start({
      ...secret(dialing),
      connect: [listener.address],
    });
    const here = new EventLog(dialer);
    await until(
      "both to say why",
      () => here.of("refused").length > 0 && there.of("refused").length > 0,
    );
    assertStringIncludes(here.of("refused")[0]!.reason, ours);
    assertStringIncludes(there.of("refused")[0]!.reason, theirs);
    assertEquals([...listener.peers(), ...dialer.peers()], []);
  });
}

Deno.test("a handshake of a member, recorded and played back, opens nothing", async () => {
  await using mesh = await secretMesh();
  const [node] = mesh.nodes;
  assert(node !== undefined);
  const identity = await Identity.generate();
  using member = await RawPeer.open(node, { identity, shows: KEY });
  const recorded = [...member.sent];
  member.close();
  using replay = await RawPeer.dial(node);
  for (const frame of recorded) await replay.sendBytes(frame);
  assertEquals((await replay.refusal())?.name, "bad-secret");
  assertEquals(replay.count(COMMAND.secret), 0);
});
