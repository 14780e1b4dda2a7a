// A member that relays reads, changes, replays, swaps and holds back what it carries: it learns
// nothing, and no state of a peer changes by it.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ErrorCode } from "../../src/core/error_code.ts";
import { VerackError } from "../../src/core/errors.ts";
import type { PeerId } from "../../src/core/peer_id.ts";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import { pattern } from "../contract/pair.ts";
import {
  acceptByHand,
  dialByHand,
  type HandRelayOptions,
  relayByHand,
  type RelayTamper,
  sessionOf,
  type ThreeNodes,
  threeNodes,
  TO_TARGET,
} from "../helpers/hand_relay.ts";
import { until } from "../helpers/until.ts";

/** What the ends know of each other. */
function knowledge({ dialing, accepting }: ThreeNodes) {
  return [[dialing, accepting], [accepting, dialing]].map(([node, other]) => {
    const { lastSeen: _last, ...rest } = node!.peer(other!.identity.id) ?? {};
    return { ...rest, sessions: sessionsWith(node!, other!.identity.id) };
  });
}

function sessionsWith(node: Node, id: PeerId): number {
  return node.sessions().filter((it) => it.id === id).length;
}

/** Opens a session through an honest relay and sends a message over it: the control. */
async function honest(nodes: ThreeNodes): Promise<void> {
  const { relay, dialing, accepting } = nodes;
  using _relay = relayByHand(relay);
  await dialByHand(dialing, relay, accepting);
  const sent = dialing.send(accepting.identity.id, "after");
  for await (const message of accepting.messages()) {
    assertEquals(message.text(), "after");
    message.ack();
    break;
  }
  await sent;
}

/** A dial through a hostile relay fails with one of these codes, and nothing else happens. */
async function failing(
  options: HandRelayOptions,
  codes: readonly ErrorCode[],
  node: NodeOptions = {},
): Promise<void> {
  await using nodes = await threeNodes({}, node);
  const { relay, dialing, accepting } = nodes;
  using _accept = acceptByHand(accepting);
  using _own = acceptByHand(dialing);
  const before = knowledge(nodes);
  {
    using _relay = relayByHand(relay, options);
    const error = await assertRejects(
      () => dialByHand(dialing, relay, accepting),
      VerackError,
    );
    assert(codes.includes(error.code), `${error.code}: ${error.message}`);
    await until(
      "no connection waits",
      () => partsOf(accepting).pending.size === 0,
    );
    assertEquals(knowledge(nodes), before);
  }
  await honest(nodes);
}

Deno.test("a relay that reads sees TLS records and none of what the ends say, nor which member dials", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  using _accept = acceptByHand(accepting);
  const read: Record<"dialing" | "accepting", number[]> = {
    dialing: [],
    accepting: [],
  };
  using _relay = relayByHand(relay, {
    tamper: (from, bytes) => {
      read[from].push(...bytes);
      return [bytes];
    },
  });
  await dialByHand(dialing, relay, accepting);
  const text = "the launch code is 4711, and nothing else";
  const sent = dialing.send(accepting.identity.id, text, { topic: "launches" });
  for await (const message of accepting.messages()) {
    // The control: the other end reads it.
    assertEquals(message.text(), text);
    message.ack();
    break;
  }
  await sent;
  const { id, certificate } = dialing.identity;
  const secrets = [
    new TextEncoder().encode(text.slice(0, 16)),
    new TextEncoder().encode("launches"),
    new TextEncoder().encode("verack:"),
    new TextEncoder().encode(id.slice(0, 16)),
    Uint8Array.fromHex(id).subarray(0, 8),
    certificate.subarray(-20),
    accepting.identity.certificate.subarray(-20),
  ];
  for (const bytes of Object.values(read).map((it) => Uint8Array.from(it))) {
    assertRecords(bytes);
    const hex = bytes.toHex();
    secrets.forEach((secret, at) =>
      assert(!hex.includes(secret.toHex()), `secret ${at}`)
    );
  }
});

/** Asserts that `bytes` are TLS records, of which the last may be incomplete. */
function assertRecords(bytes: Uint8Array): void {
  assert(bytes.length > 500);
  for (let at = 0; at + 5 <= bytes.length;) {
    const [type, major, minor, high, low] = bytes.subarray(at, at + 5);
    assert(type !== undefined && type >= 0x14 && type <= 0x17, `${type}`);
    assertEquals(major, 3);
    assert(minor === 1 || minor === 3);
    at += 5 + (high! << 8) + low!;
  }
}

for (const side of ["dialing", "accepting"] as const) {
  for (const at of [0, 1, 2, 5]) {
    Deno.test(`a relay that changes a byte of chunk ${at} of the ${side} end breaks the session, and nothing changed is believed`, async () => {
      await using nodes = await threeNodes();
      const { relay, dialing, accepting } = nodes;
      using _accept = acceptByHand(accepting);
      let chunks = 0;
      let changed = 0;
      {
        using _relay = relayByHand(relay, {
          tamper: (from, bytes) => {
            if (from === side && chunks++ === at) {
              bytes[bytes.length - 1]! ^= 0x01;
              changed++;
            }
            return [bytes];
          },
        });
        const got: string[] = [];
        const stop = new AbortController();
        const consuming = accepting.consume((message) => {
          got.push(message.text());
        }, { signal: stop.signal });
        await dialByHand(dialing, relay, accepting).then(
          async (session) => {
            const { id } = accepting.identity;
            let sent = 0;
            await until("a byte is changed", () => {
              if (changed === 0) dialing.send(id, `${sent++}`).catch(() => {});
              return changed > 0;
            });
            await session.channel.closed;
          },
          (error) => assert(error instanceof VerackError),
        );
        assertEquals(changed, 1);
        await until(
          "no session is left",
          () =>
            sessionsWith(dialing, accepting.identity.id) === 0 &&
            sessionsWith(accepting, dialing.identity.id) === 0,
        );
        stop.abort();
        await consuming.catch(() => {});
        assertEquals(got, got.map((_, i) => `${i}`));
      }
      using _relay = relayByHand(relay);
      await dialByHand(dialing, relay, accepting);
      await until(
        "an honest one carries a session",
        () => sessionsWith(accepting, dialing.identity.id) === 1,
      );
    });
  }
}

Deno.test("a relay that replays an earlier session to its accepting end opens none, and no message comes again", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  using _accept = acceptByHand(accepting);
  const recorded: Uint8Array[] = [];
  const got: string[] = [];
  void accepting.consume((message) => void got.push(message.text()));
  const { id } = dialing.identity;
  {
    const tamper: RelayTamper = (from, bytes) => {
      if (from === "dialing") recorded.push(bytes.slice());
      return [bytes];
    };
    using _relay = relayByHand(relay, { tamper });
    const session = await dialByHand(dialing, relay, accepting);
    await dialing.send(accepting.identity.id, "pay 100");
    assertEquals(got, ["pay 100"]);
    session.channel.close(new VerackError("closed", "the test closes it"));
    await until("it is over", () => sessionsWith(accepting, id) === 0);
  }
  const before = knowledge(nodes);
  const failed = accepting.status().counters.handshakesFailed;
  const stream = await relay.open(accepting.identity.id, TO_TARGET, {
    metadata: id,
  });
  for (const bytes of recorded) await stream.write(bytes).catch(() => {});
  await stream.closeWrite().catch(() => {});
  await until(
    "it was refused",
    () =>
      accepting.status().counters.handshakesFailed +
            accepting.status().counters.handshakesRefused > failed ||
      partsOf(accepting).pending.size === 0,
  );
  await stream.closed.catch(() => {});
  assertEquals(knowledge(nodes), before);
  assertEquals(got, ["pay 100"]);
  using _relay = relayByHand(relay);
  await dialByHand(dialing, relay, accepting);
  await dialing.send(accepting.identity.id, "pay 1");
  assertEquals(got, ["pay 100", "pay 1"]);
});

Deno.test("a relay that poses as the accepting end by its own key fails at the pinned certificate", async () => {
  const parts: { relay?: Node } = {};
  const serve: HandRelayOptions["serve"] = async (stream) => {
    const { relay } = parts;
    assert(relay !== undefined);
    const leg = { relay: sessionOf(relay, stream.peer), hops: 2 };
    await partsOf(relay).relaying.sessions.accept(stream, leg, stream.peer);
  };
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  parts.relay = relay;
  using _accept = acceptByHand(accepting);
  const before = knowledge(nodes);
  {
    using _relay = relayByHand(relay, { serve });
    const error = await assertRejects(
      () => dialByHand(dialing, relay, accepting),
      VerackError,
    );
    assertEquals(error.code, "wrong-certificate");
    assertEquals(knowledge(nodes), before);
    assertEquals(sessionsWith(relay, dialing.identity.id), 1);
  }
  await honest(nodes);
});

Deno.test("a relay that poses as the dialing end is refused, as it proves its own key", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  using _accept = acceptByHand(accepting);
  const before = knowledge(nodes);
  const stream = await relay.open(accepting.identity.id, TO_TARGET, {
    metadata: dialing.identity.id,
  });
  const error = await assertRejects(
    () =>
      partsOf(relay).relaying.sessions.dial(
        stream,
        { relay: sessionOf(relay, accepting.identity.id), hops: 2 },
        verifyCertificate(accepting.identity.certificate),
        AbortSignal.timeout(30_000),
      ),
    VerackError,
  );
  assertEquals(error.code, "rejected", error.message);
  assertEquals(knowledge(nodes), before);
  assertEquals(sessionsWith(accepting, relay.identity.id), 1);
  await honest(nodes);
});

Deno.test("a relay that leads to another member than was named fails at the pinned certificate, and that member learns nothing", async () => {
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  await using third = await Node.start({
    connect: [relay.address],
    relay: false,
  });
  await until("the third is there", () => relay.sessions().length === 3);
  await until("and known", () => third.sessions().length >= 1);
  using _accept = acceptByHand(accepting);
  using _third = acceptByHand(third);
  const before = knowledge(nodes);
  const sessions = third.sessions().map(({ id }) => id).sort();
  {
    using _relay = relayByHand(relay, { target: () => third.identity.id });
    const error = await assertRejects(
      () => dialByHand(dialing, relay, accepting),
      VerackError,
    );
    assertEquals(error.code, "wrong-certificate");
    await until("none waits", () => partsOf(third).pending.size === 0);
    assertEquals(knowledge(nodes), before);
    for (const { id, via } of third.sessions()) {
      assert(sessions.includes(id) || via === undefined);
    }
  }
  await honest(nodes);
});

Deno.test("a relay that sends both ends garbage opens nothing at either", async () => {
  await failing({
    tamper: (_from, bytes) => [pattern(bytes.length)],
  }, ["tls", "closed"]);
});

Deno.test("a relay that joins an end to itself opens nothing", async () => {
  const target: { id?: PeerId } = {};
  await using nodes = await threeNodes();
  const { relay, dialing, accepting } = nodes;
  target.id = dialing.identity.id;
  using _accept = acceptByHand(accepting);
  using _own = acceptByHand(dialing);
  const before = knowledge(nodes);
  {
    using _relay = relayByHand(relay, { target: () => dialing.identity.id });
    // The other end shows another certificate than the pinned one: this node's own.
    const posed = await assertRejects(
      () => dialByHand(dialing, relay, accepting),
      VerackError,
    );
    assertEquals(posed.code, "wrong-certificate");
    // And if the own one were pinned, the session would find itself at the other end.
    const itself = await assertRejects(
      () => dialByHand(dialing, relay, dialing),
      VerackError,
    );
    assertEquals(itself.code, "self");
    await until("none waits", () => partsOf(dialing).pending.size === 0);
    assertEquals(knowledge(nodes), before);
    assertEquals(sessionsWith(dialing, dialing.identity.id), 0);
  }
  await honest(nodes);
});

for (const side of ["dialing", "accepting"] as const) {
  for (const at of [0, 1]) {
    Deno.test(`a relay that ends the direction of the ${side} end after ${at} chunks opens nothing`, async () => {
      let chunks = 0;
      await failing(
        {
          tamper: (from, bytes) =>
            from === side && chunks++ >= at ? [null] : [bytes],
        },
        ["closed", "rejected", "timeout"],
        { handshakeTimeoutMs: 500 },
      );
    });
  }
}

Deno.test("a relay that holds everything back keeps neither end waiting beyond its deadline", async () => {
  await failing({ tamper: () => [] }, ["timeout", "closed"], {
    handshakeTimeoutMs: 300,
  });
});

Deno.test("a demo key is refused through a relay, also one on this machine", async () => {
  const pem = await Deno.readTextFile(
    new URL("../../certs/alice.key", import.meta.url),
  );
  const identity = await Identity.fromPem(pem);
  await using nodes = await threeNodes();
  const { relay, accepting } = nodes;
  await using alice = await Node.start({
    identity,
    relay: false,
    connect: [relay.address],
  });
  using _accept = acceptByHand(accepting);
  using _relay = relayByHand(relay);
  await until(
    "alice is with the relay",
    () => relay.sessions().some(({ id }) => id === identity.id),
  );
  // The control: directly, on this machine, it is accepted.
  await until(
    "alice is with the other",
    () => sessionsWith(accepting, identity.id) === 1,
  );
  partsOf(accepting).table.get(identity.id)?.primary?.channel.close(
    new VerackError("closed", "the test closes it"),
  );
  const error = await assertRejects(
    () => dialByHand(alice, relay, accepting),
    VerackError,
  );
  assertEquals(error.code, "rejected");
  assert(error.message.includes("demo"), error.message);
});
