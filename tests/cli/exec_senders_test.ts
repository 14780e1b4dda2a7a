/** Whose messages start the program of `--exec`. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  parseSender,
  senderRule,
  warnOfNames,
} from "../../src/cli/exec/exec_flags.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { VerackError } from "../../src/core/errors.ts";
import { configureLogging } from "../../src/core/log.ts";
import { until } from "../helpers/until.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { encodeWelcome } from "../../src/wire/messages/credentials.ts";

const A = parsePeerId("a".repeat(64));
const B = parsePeerId("b".repeat(64));

/** A node with sessions to these peers at these addresses. */
function linked(links: Readonly<Record<string, string>>): Node {
  return {
    sessions: () =>
      Object.entries(links).map(([id, remoteAddress]) => ({
        id,
        remoteAddress,
      })),
  } as unknown as Node;
}

Deno.test("in an open mesh on loopback only peers of this machine start the program", () => {
  const node = linked({ [A]: "127.0.0.1:4000", [B]: "192.0.2.1:4000" });
  for (
    const host of [
      "127.0.0.1",
      "::1",
      "localhost",
      ["127.0.0.1", "::1"],
      undefined,
    ]
  ) {
    const options = host === undefined ? {} : { host };
    const accepts = senderRule(options, [])!(node);
    assertEquals([A, B, parsePeerId("c".repeat(64))].map(accepts), [
      "run",
      "print",
      "print",
    ]);
  }
});

Deno.test("a peer that a relay on this machine joins to the node does not start the program", () => {
  const remoteAddress = "127.0.0.1:4000";
  const node = {
    sessions: () => [
      { id: A, remoteAddress },
      { id: B, remoteAddress, via: A },
    ],
  } as unknown as Node;
  const accepts = senderRule({}, [])!(node);
  assertEquals([A, B].map(accepts), ["run", "print"]);
});

Deno.test("in a closed mesh every peer starts the program, in an open one off loopback none does unless it is named", () => {
  const host = "0.0.0.0";
  const remembered = new MemoryStore();
  remembered.putSetting(
    "protection.admission main",
    new TextEncoder().encode("closed"),
  );
  const closed: NodeOptions[] = [
    { host, admission: "closed" },
    { host, store: remembered },
  ];
  for (const options of closed) {
    assertEquals(senderRule(options, []), undefined);
  }
  const open: NodeOptions[] = [
    { host: ["127.0.0.1", "0.0.0.0"] },
    { host },
    { host: "::" },
    { host: "192.168.0.1" },
    { host, admission: "open" },
    { host, store: new MemoryStore() },
    { host, store: remembered, admission: "open" },
    { host, store: remembered, network: "other" },
    // Its host may say that its mesh is open.
    { host, invite: `${A}@127.0.0.1:1#${"a".repeat(32)}` },
  ];
  for (const options of open) {
    assertThrows(() => senderRule(options, []), UsageError, "stranger");
    const accepts = senderRule(options, [A])!(linked({}));
    assertEquals([A, B].map(accepts), ["run", "print"]);
  }
});

Deno.test("a guest of a closed mesh stays closed once it was welcomed, one of an open mesh or with a new invite does not", async () => {
  const identity = await Identity.generate();
  const kept = (closed: boolean, bytes?: Uint8Array) => {
    const store = new MemoryStore();
    const attestation = closed ? Uint8Array.of(1) : new Uint8Array();
    const welcome = bytes ?? encodeWelcome({ attestation, closed });
    const value = new Uint8Array(16 + welcome.length);
    value.set(welcome, 16);
    store.putSetting(`welcome main ${identity.id}`, value);
    return { host: "0.0.0.0", identity, store };
  };
  assertEquals(senderRule(kept(true), []), undefined);
  const invite = `${A}@127.0.0.1:1#${"a".repeat(32)}`;
  for (
    const options of [
      kept(false),
      { ...kept(true), invite },
      { ...kept(true), identity: await Identity.generate() },
      kept(true, Uint8Array.of(255)),
    ]
  ) assertThrows(() => senderRule(options, []), UsageError);
});

Deno.test("a name names the peer that it is bound to as a sender, and none that merely claims it", () => {
  const node = {
    admission: { holderOf: () => A },
    peer: () => ({ name: "eva" }),
  } as unknown as Node;
  const accepts = senderRule({}, ["Eva"])!(node);
  assertEquals([A, B].map(accepts), ["run", "print"]);
});

Deno.test("a sender is a name or all digits of an identity", () => {
  assertEquals(parseSender("bob"), "bob");
  assertEquals(parseSender("A".repeat(64)), A);
  for (const text of ["abcdef01", "a".repeat(63), "two words", ""]) {
    assertThrows(() => parseSender(text), RangeError);
  }
});

/** A peer that calls itself `bob`, connected. */
async function bob(alice: Node): Promise<Node> {
  const node = await Node.start({ name: "bob", connect: [alice.address] });
  const isUp = () => alice.peer(node.identity.id)?.connected ?? false;
  await until("bob", isUp);
  return node;
}

Deno.test("the holder of a contested name goes on starting the program, also after a restart, until a person moves the name", async () => {
  const identity = await Identity.generate({ ephemeral: false });
  const store = new MemoryStore();
  const options = { identity, store };
  const ids: PeerId[] = [];
  const rule = (node: Node) => senderRule(options, ["BOB"])!(node);
  const fates = (node: Node) => ids.map(rule(node));
  {
    await using alice = await Node.start(options);
    await using first = await bob(alice);
    await using second = await bob(alice);
    ids.push(first.identity.id, second.identity.id);
    assertThrows(() => alice.resolvePeer("bob"), VerackError);
    assertEquals(fates(alice), ["run", "print"]);
    await first.close({ abrupt: true });
    await second.close({ abrupt: true });
  }
  await using alice = await Node.start(options);
  assertEquals(fates(alice), ["run", "print"]);
  alice.admission.allow(ids[1]!, { name: "bob" });
  assertEquals(fates(alice), ["print", "run"]);
});

Deno.test("messages of several that use a name while it is bound to none wait, which is logged once, until a person says whose it is", async () => {
  await using alice = await Node.start();
  await using old = await bob(alice);
  await using one = await bob(alice);
  await using two = await bob(alice);
  const peers = [old, one, two].map(({ identity }) => identity.id);
  const fateOf = senderRule({}, ["bob"])!(alice);
  assertEquals(peers.map(fateOf), ["run", "print", "print"]);
  alice.admission.deny(old.identity.id);
  const lines: string[] = [];
  const format = { format: "json", color: false } as const;
  const write = (line: string) => void lines.push(line);
  configureLogging({ level: "warn", ...format, write });
  assertEquals(peers.slice(1).map(fateOf), ["wait", "wait"]);
  assertEquals(fateOf(A as PeerId), "print");
  const take = (fate: string) => {
    const taken: string[] = [];
    const from = (sender: PeerId) => fateOf(sender) === fate;
    (async () => {
      for await (const { from: sender } of alice.messages({ from })) {
        taken.push(sender);
      }
    })();
    return taken;
  };
  const [run, printed] = [take("run"), take("print")];
  const { id } = alice.identity;
  let isSettled = false;
  const sent = Promise.all([one.send(id, "1"), two.send(id, "2")])
    .then(() => isSettled = true);
  assertEquals(await two.roundTrip(id) !== undefined, true);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals([isSettled, run, printed], [false, [], []]);
  alice.admission.allow(two.identity.id, { name: "bob" });
  await until("both", () => run.length + printed.length === 2);
  assertEquals([run, printed], [[two.identity.id], [one.identity.id]]);
  await sent;
  configureLogging({ level: "off", ...format, write });
  const told = lines.filter((line) =>
    line.includes("several peers use a name")
  );
  assertEquals(told.length, 1, lines.join());
});

Deno.test("names that no person gave to a peer are warned of once for all flags, with the peers that hold them", () => {
  const lines: string[] = [];
  const format = { format: "json", color: false } as const;
  const write = (line: string) => void lines.push(line);
  const store = new MemoryStore();
  const binding = { id: A as PeerId, ephemeral: false };
  store.putNameBinding({ ...binding, name: "bob", confirmed: true });
  store.putNameBinding({ ...binding, name: "eve", confirmed: false });
  const warned = (options: NodeOptions, ...from: string[]) => {
    configureLogging({ level: "warn", ...format, write });
    warnOfNames(options, {
      "--exec-from": from,
      "--receive-from": from,
      "--allow-forward-from": [A],
    });
    configureLogging({ level: "off", ...format, write });
    const records = lines.splice(0).map((line) => JSON.parse(line));
    for (const { message } of records) {
      assertStringIncludes(
        message,
        "a name of --exec-from, --receive-from means",
      );
    }
    return records.map(({ fields }) => fields.names);
  };
  for (const admission of ["open", "closed"] as const) {
    assertEquals(warned({ admission }, "bob"), ["bob (no peer yet)"]);
    assertEquals(warned({ admission, store }, "BOB", A), []);
    assertEquals(warned({ admission, store }, "BOB", "Eve", "carol", A), [
      `Eve (${A}), carol (no peer yet)`,
    ]);
  }
});
