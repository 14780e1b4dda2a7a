// A closed mesh lets in whom a member admits, all of it, and nobody else.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { inviteSecret, parseInvite } from "../../../src/identity/invite.ts";
import { MemoryStore } from "../../../src/mesh/peers/memory_store.ts";
import { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { issueAttestation } from "../../../src/identity/attestation.ts";
import { partsOf } from "../../../src/mesh/node_parts.ts";
import { COMMAND } from "../../../src/wire/commands.ts";
import { networkMagic } from "../../../src/wire/frame.ts";
import { RawPeer } from "../../helpers/attacker.ts";
import { entryOf } from "../../helpers/forged_messages.ts";
import { MemoryMesh } from "../../helpers/memory_mesh.ts";
import { EventLog, Mesh } from "../../helpers/nodes.ts";
import { until } from "../../helpers/until.ts";

const SECRET = "a secret of more than sixteen bytes";

/** A closed mesh that grows by invites of its first node. */
async function closedMesh(
  count: number,
  options: NodeOptions = {},
): Promise<Mesh> {
  const host = await Node.start({ admission: "closed", ...options });
  const mesh = new Mesh([host]);
  for (let i = 1; i < count; i++) mesh.nodes.push(await guest(host));
  await mesh.complete();
  return mesh;
}

/** A newcomer with an invite of `host`. */
function guest(host: Node, options: NodeOptions = {}): Promise<Node> {
  return Node.start({ invite: host.admission.invite(), ...options });
}

for (const secret of [undefined, SECRET]) {
  const kind = secret === undefined ? "" : " with a secret";
  const options = secret === undefined ? {} : { secret };

  Deno.test(`a guest by invite of one member meets all of a closed mesh${kind}`, async () => {
    await using mesh = await closedMesh(5, options);
    mesh.nodes.push(await guest(mesh.nodes[3]!));
    await mesh.complete();
    // And a guest of the guest.
    mesh.nodes.push(await guest(mesh.nodes[5]!));
    await mesh.complete();
    for (const node of mesh.nodes) {
      assertEquals(node.admission.joinRequests(), []);
    }
  });

  for (const abrupt of [true, false]) {
    const how = abrupt ? "is killed" : "leaves for good";
    Deno.test(`a guest meets everybody though its host ${how} after the welcome${kind}`, async () => {
      await using mesh = await closedMesh(3, options);
      const [host] = mesh.nodes;
      assert(host !== undefined);
      const store = new MemoryStore();
      const arriving = await guest(host, { store });
      await until(
        "the welcome",
        () =>
          store.setting(`welcome main ${arriving.identity.id}`) !== undefined,
      );
      mesh.nodes.shift();
      await host.close({ abrupt });
      mesh.nodes.push(arriving);
      await mesh.complete();
    });
  }
}

Deno.test("a peer that is not admitted is listed as a join request, and once allowed comes in at once", async () => {
  await using mesh = await closedMesh(3);
  const [a] = mesh.nodes;
  assert(a !== undefined);
  const log = new EventLog(a);
  const stranger = await Node.start({ connect: [a.address] });
  mesh.nodes.push(stranger);
  const told = new EventLog(stranger);
  await until("the refusal", () => told.of("refused").length > 0);
  assertEquals(a.admission.joinRequests().map((peer) => peer.id), [
    stranger.identity.id,
  ]);
  assertEquals(log.of("join-request").map((event) => event.id), [
    stranger.identity.id,
  ]);
  a.admission.allow(stranger.identity.id);
  assertEquals(a.admission.joinRequests(), []);
  await mesh.complete();
});

Deno.test("a guest invites others only once its host has answered, so that they get the secret", async () => {
  await using host = await Node.start({ admission: "closed", secret: SECRET });
  await using first = await guest(host);
  const error = assertThrows(() => first.admission.invite(), VerackError);
  assertEquals(error.code, "not-admitted");
  await first.joined();
  await until("it may invite", () => {
    try {
      return first.admission.invite() !== "";
    } catch {
      return false;
    }
  });
  await using second = await guest(first);
  await until("its guest meets both", () => second.sessions().length === 2);
});

Deno.test("a guest that kept its welcome comes back without the invite", async () => {
  await using mesh = await closedMesh(3, { secret: SECRET });
  const [host] = mesh.nodes;
  assert(host !== undefined);
  const identity = await Identity.generate({ ephemeral: false });
  const store = new MemoryStore();
  const first = await guest(host, { identity, store });
  mesh.nodes.push(first);
  await mesh.complete();
  await first.close();
  mesh.nodes[3] = await Node.start({ identity, store });
  await mesh.complete();
});

Deno.test("a founder that comes back meets members that joined others meanwhile", async () => {
  // Nobody ever admitted the founder: it has no attestation to show.
  const identity = await Identity.generate({ ephemeral: false });
  const store = new MemoryStore();
  const founder = await Node.start({ identity, store, admission: "closed" });
  await using mesh = new Mesh([founder]);
  mesh.nodes.push(await guest(founder));
  await mesh.complete();
  await founder.close();
  const [, member] = mesh.nodes;
  mesh.nodes.shift();
  mesh.nodes.push(await guest(member!));
  await mesh.complete();
  // With the usual period of asking, which is half a minute.
  mesh.nodes.push(await Node.start({ identity, store, admission: "closed" }));
  await mesh.complete();
});

Deno.test("a peer that one member admits is announced to the others at once", async () => {
  await using mesh = await closedMesh(3);
  const [host, ...others] = mesh.nodes;
  assert(host !== undefined);
  const { code } = parseInvite(host.admission.invite());
  using arriving = await RawPeer.open(host, { shows: inviteSecret(code) });
  await until(
    "all to hear of the guest",
    () =>
      others.every((node) =>
        node.peers().some((peer) =>
          peer.id === arriving.identity.id &&
          peer.admittedBy === host.identity.id
        )
      ),
  );
});

Deno.test("a peer that waited long is in seconds after it is allowed", async () => {
  await using mesh = new MemoryMesh();
  const host = await mesh.start([], { admission: "closed" });
  const stranger = await mesh.start([host]);
  await mesh.clock.advance(10 * 60_000);
  assertEquals(host.node.sessions(), []);
  assertEquals(host.log.of("join-request").length, 1);
  assertEquals(stranger.log.of("refused").length, 1);
  host.node.admission.allow(stranger.node.identity.id);
  await mesh.complete(undefined, 7_000);
});

Deno.test("a guest takes to strangers as its host does, unless told", async () => {
  for (
    const [admission, told, expected] of [
      ["open", undefined, 1],
      ["closed", undefined, 0],
      ["open", "closed", 0],
    ] as const
  ) {
    await using host = await Node.start({ admission, secret: SECRET });
    await using arriving = await guest(host, told && { admission: told });
    await using mesh = new Mesh([host, arriving]);
    await mesh.complete();
    await using stranger = await Node.start({
      secret: SECRET,
      connect: [`${arriving.identity.id}@${arriving.address}`],
    });
    const log = new EventLog(arriving);
    const isIn = () =>
      arriving.sessions().some((it) => it.id === stranger.identity.id);
    await until("an answer", () => isIn() || log.of("join-request").length > 0);
    assertEquals(Number(isIn()), expected);
  }
});

/** How a guest's first session ends; the key of the guest lives in memory. */
const GOODBYES: Readonly<Record<string, (guest: RawPeer) => Promise<void>>> = {
  "says bye": async (guest) => {
    await guest.say(COMMAND.bye, Uint8Array.of(0x40, 0));
    await guest.ended;
    guest.close();
  },
  "is cut off": (guest) => Promise.resolve(guest.close()),
};

for (const [how, end] of Object.entries(GOODBYES)) {
  for (const upTo of ["verack", "peers"] as const) {
    Deno.test(`a guest that ${how} after ${upTo} comes back without invite or attestation`, async () => {
      await using host = await Node.start({ admission: "closed" });
      const { code } = parseInvite(host.admission.invite());
      const shows = inviteSecret(code);
      const first = await RawPeer.open(host, { shows }, upTo);
      const { identity } = first;
      await end(first);
      await until("its end", () => host.sessions().length === 0);
      using again = await RawPeer.open(host, { identity });
      assertEquals(again.told()[0]?.id, host.identity.id);
      assertEquals(host.admission.joinRequests(), []);
    });
  }
}

Deno.test("a guest that left and was forgotten by a person does not come back", async () => {
  await using host = await Node.start({ admission: "closed" });
  const { code } = parseInvite(host.admission.invite());
  const first = await RawPeer.open(host, { shows: inviteSecret(code) });
  const { identity } = first;
  await GOODBYES["says bye"]!(first);
  await until("its end", () => host.peers().length === 0);
  host.admission.forget(identity.id);
  using again = await RawPeer.open(host, { identity }, "proof");
  assertEquals((await again.refusal())?.name, "not-admitted");
});

Deno.test("a guest that a member could not reach is let in there, as before", async () => {
  await using node = await Node.start({ admission: "closed" });
  const [identity, guest] = await Promise.all([
    Identity.generate(),
    Identity.generate(),
  ]);
  node.admission.allow(identity.id);
  using member = await RawPeer.open(node, { identity });
  const magic = networkMagic("main");
  const attestation = issueAttestation(
    identity,
    { magic, subject: guest.id },
    0,
  );
  const nowhere = [{ host: "127.0.0.1", port: 9 }];
  await member.tell([entryOf(guest, nowhere, { attestation })]);
  const info = () => node.peers().find((it) => it.id === guest.id);
  await until("the rumour", () => info() !== undefined);
  // As six dials in vain would do it.
  const { table } = partsOf(node);
  table.forget(table.get(guest.id)!);
  using came = await RawPeer.open(node, { identity: guest });
  assertEquals(came.told()[0]?.id, node.identity.id);
  await until("its record", () => info()?.connected === true);
  assertEquals(info()?.admittedBy, identity.id);
});
Deno.test("a store that was closed stays closed until a start says open, and only then", async () => {
  const store = new MemoryStore();
  const identity = await Identity.generate();
  const start = (options: NodeOptions = {}) =>
    Node.start({ identity, store, ...options });
  const { admission } = await modeOf(start({ admission: "closed" }));
  assertEquals(admission, "closed");
  await using closed = await start();
  assertEquals(closed.status().admission, "closed");
  await using stranger = await Node.start({ connect: [closed.address] });
  await until(
    "a stranger to be listed",
    () => closed.admission.joinRequests().length === 1,
  );
  assertEquals(stranger.peers(), []);
  await closed.close();
  assertEquals((await modeOf(start({ admission: "open" }))).admission, "open");
  assertEquals((await modeOf(start())).admission, "open");
  // Another network in the same store is another mesh.
  await modeOf(start({ admission: "closed" }));
  assertEquals((await modeOf(start({ network: "other" }))).admission, "open");
});

Deno.test("a store that had a secret asks for it without being told, until it is dropped", async () => {
  const store = new MemoryStore();
  const identity = await Identity.generate();
  const start = (options: NodeOptions = {}) =>
    Node.start({ identity, store, ...options });
  await (await start({ secret: SECRET })).close();
  {
    await using node = await start();
    const connect = [node.address];
    await using stranger = await Node.start({ connect });
    const log = new EventLog(stranger);
    await until("a refusal", () => log.of("refused").length > 0);
    await using member = await Node.start({ connect, secret: SECRET });
    await until(
      "the member to be in",
      () => member.sessions().length === 1 && node.sessions().length > 0,
    );
    assertEquals(node.sessions().length, 1);
  }
  await (await start({ secret: null })).close();
  await using node = await start();
  await using anybody = await Node.start({ connect: [node.address] });
  await until("a session", () => anybody.sessions().length === 1);
});

Deno.test("a welcome's secret takes the place of a remembered one", async () => {
  await using host = await Node.start({ admission: "closed", secret: SECRET });
  await using other = await guest(host);
  await until("two members", () => host.sessions().length === 1);
  const store = new MemoryStore();
  const identity = await Identity.generate();
  await (await Node.start({ identity, store, secret: `old ${SECRET}` }))
    .close();
  const mesh = [host, other];
  for (const options of [{ invite: host.admission.invite() }, {}]) {
    await using node = await Node.start({ identity, store, ...options });
    await until("both", () => node.sessions().length === mesh.length);
  }
});

/** The status of a node, which is closed. */
async function modeOf(start: Promise<Node>) {
  await using node = await start;
  return node.status();
}
