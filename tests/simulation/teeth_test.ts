// The invariants bite: what they forbid is done to a healthy mesh, and they say so.
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertRejects, assertStringIncludes } from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import type { NodeParts } from "../../src/mesh/node_parts.ts";
import type { Peer } from "../../src/mesh/peers/peer.ts";
import type { PeerStream } from "../../src/streams/peer_stream.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodePeers } from "../../src/wire/messages/peers.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { recalled } from "../helpers/plain_table.ts";
import type { Life } from "./member.ts";
import type { Schedule } from "./schedule.ts";
import { FailedSeed, simulate } from "./simulate.ts";
import type { World } from "./world.ts";

/** Three nodes that join, and nothing goes wrong. */
const QUIET: Schedule = {
  seed: 1,
  members: [
    { ephemeral: false, connect: [], returns: true },
    {
      ephemeral: false,
      connect: [{ member: 0, pinned: false }],
      returns: true,
    },
    {
      ephemeral: false,
      connect: [{ member: 0, pinned: false }],
      returns: true,
    },
  ],
  liars: 0,
  latencyMs: 1,
  jitterMs: 1,
  heartbeatMs: 1_000,
  peerExchangeMs: 30_000,
  actions: [0, 1, 2].map((member) => ({
    atMs: 100 * member,
    action: { type: "join", member },
  })),
  calmAtMs: 6_000,
  abruptEnd: false,
};

/** A node in the middle of its life, what is inside, and a peer it dialed. */
interface Victim {
  readonly life: Life;
  readonly context: NodeParts;
  readonly peer: Peer;
}

/** Does something to the last node, which dialed the first. */
function harm(act: (victim: Victim) => void): (world: World) => void {
  return (world) => {
    const { life } = world.members[2]!;
    const first = world.members[0]!.identity.id;
    const context = life?.context;
    const peer = context?.table.get(first);
    assert(life && context && peer);
    act({ life, context, peer });
  };
}

const CASES: readonly {
  readonly what: string;
  readonly act: (victim: Victim) => void;
  readonly says: string;
}[] = [
  {
    what: "a peer that never proved itself is taken for proven",
    act: ({ context }) => {
      recalled(context.table.ensure(parsePeerId("5".repeat(64)))!, {
        lastSeen: 1,
      });
    },
    says: "which never finished a handshake with it",
  },
  {
    what: "a session is on record for somebody else",
    act: ({ context, peer }) => {
      const other = context.table.connected().find((it) => it !== peer)!;
      for (const it of peer.sessions) other.sessionOpened(it);
    },
    says: "has a session on record for",
  },
  {
    what: "an address that answered is lost",
    act: ({ peer }) => {
      const proven = peer.addresses.list().find(({ rank }) =>
        rank === "verified"
      );
      peer.movedFrom(proven!.address);
    },
    says: "10.0.0.1:8080",
  },
  {
    what: "an address counts as proven where the peer never was",
    act: ({ peer }) => {
      const address = { host: "10.9.9.9", port: 8080 };
      const addresses = [{
        address,
        rank: "verified",
        configured: false,
      }] as const;
      recalled(peer, { addresses });
    },
    says: "takes 10.9.9.9:8080 for proven",
  },
  {
    what: "a proven peer is forgotten",
    act: ({ context, peer }) => context.table.forget(peer),
    says: "has forgotten",
  },
  {
    what: "a peer is given up that was just heard",
    act: ({ peer }) =>
      peer.primary!.channel.close(
        new VerackError("dead", "Peer is silent for 3000 ms"),
      ),
    says: "and nothing had happened",
  },
  {
    what: "a peer is announced twice",
    act: ({ context, peer }) => context.emit(peer.announced!),
    says: "said peer:up twice",
  },
  {
    what: "a timer is left",
    act: ({ life }) => {
      life.clock.after(1_000_000_000, () => {});
    },
    says: "has closed and left 1 timers",
  },
  {
    what: "a connection is left",
    act: ({ context }) => {
      context.options.transport.fetchCertificate(
        { host: "10.98.0.1", port: 1 },
        {},
      )
        .catch(() => {});
    },
    says: "left after close: 1 connections",
  },
];

Deno.test("a mesh to which nothing is done holds", async () => {
  await simulate(QUIET);
});

for (const { what, act, says } of CASES) {
  Deno.test(`it shows when ${what}`, async () => {
    const error = await assertRejects(
      () => simulate(QUIET, { sabotage: { atMs: 4_000, act: harm(act) } }),
      FailedSeed,
    );
    assertStringIncludes(error.message, says);
    assert(error.lines.length > 0, "the trace is empty");
  });
}

/** The streams that the last node opens do what they must not. */
const STREAM_CASES: readonly {
  readonly what: string;
  readonly does: (stream: PeerStream) => Partial<PeerStream>;
  readonly says: string;
}[] = [
  {
    what: "a stream is at its end before all was read",
    does: () => ({ read: () => Promise.resolve(null) }),
    says: "ended after 0 of",
  },
  {
    what: "other bytes are read than were written",
    does: (stream) => ({
      async read(buffer) {
        const count = await stream.read(buffer);
        buffer[0]! ^= 1;
        return count;
      },
    }),
    says: "read other bytes at 0",
  },
  {
    what: "a stream ends with an error that nothing has caused",
    does: () => ({
      get closed() {
        return Promise.reject(new VerackError("reset", "just so"));
      },
    }),
    says: "is reset, its signal false",
  },
  {
    what: "a stream never ends",
    does: () => ({ closed: new Promise(() => {}) }),
    says: "streams and requests in a whole mesh ended as undefined/ok",
  },
  {
    what: "bytes that were written are lost",
    does: () => ({ write: () => Promise.resolve() }),
    says: "ended after 0 of",
  },
];

for (const { what, does, says } of STREAM_CASES) {
  Deno.test(`it shows when ${what}`, async () => {
    const act = harm(({ life }) => {
      const node = life.node!;
      const open = node.open.bind(node);
      node.open = async (...args) => {
        const stream = await open(...args);
        return altered(stream, does(stream));
      };
    });
    const error = await assertRejects(
      () => simulate(QUIET, { sabotage: { atMs: 4_000, act } }),
      FailedSeed,
    );
    assertStringIncludes(error.message, says);
  });
}

/** The stream, but for some of its members. */
function altered(stream: PeerStream, members: Partial<PeerStream>): PeerStream {
  return new Proxy(stream, {
    get(target, name) {
      if (name in members) return Reflect.get(members, name);
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The same three in a closed mesh, and a stranger that tries to come in. */
const CLOSED: Schedule = {
  ...QUIET,
  closed: {
    secret: false,
    leaked: false,
    waysIn: ["invite", "invite", "allow"],
    strangers: 1,
  },
  actions: [...QUIET.actions, {
    atMs: 3_000,
    action: { type: "intrude", stranger: 0, intrusion: "open" },
  }, {
    atMs: 4_000,
    action: { type: "break", member: 2, other: 1 },
  }, {
    atMs: 5_000,
    action: { type: "rule", member: 2, other: 0, rule: "deny" },
  }],
  calmAtMs: 20_000,
};

/** What a closed node must not do, done to the last node. */
const CLOSED_CASES: readonly {
  readonly what: string;
  readonly act: (victim: Victim) => void;
  readonly says: string;
}[] = [
  {
    what: "a stranger is let in",
    act: ({ context: { membership } }) => {
      membership.refusal = () => undefined;
    },
    says: "which no member has admitted",
  },
  {
    what: "a member that was denied is let in again",
    act: ({ context: { membership }, peer }) => {
      const refusal = membership.refusal.bind(membership);
      membership.refusal = (it, ...rest) =>
        it.id === peer.id ? undefined : refusal(it, ...rest);
      membership.tick = () => {};
    },
    says: "in spite of deny",
  },
  {
    what: "a member is kept out that others have admitted",
    act: ({ context: { membership } }) => {
      membership.refusal = () => new VerackError("not-admitted", "No");
    },
    says: "not whole",
  },
  {
    what: "a stranger is gossiped",
    act: ({ context: { table } }) => {
      const strangers = "ab".repeat(32);
      const [one, other] = table.connected();
      one!.primary!.channel.send(
        COMMAND.peers,
        encodePeers({
          more: true,
          entries: [
            entryOf({
              id: parsePeerId(strangers),
              certificate: other!.certificate!.der,
            }, []),
          ],
        }),
      );
    },
    says: "which no member has admitted",
  },
];

Deno.test("a closed mesh to which nothing is done holds", async () => {
  await simulate(CLOSED);
});

for (const { what, act, says } of CLOSED_CASES) {
  Deno.test(`it shows in a closed mesh when ${what}`, async () => {
    const error = await assertRejects(
      () => simulate(CLOSED, { sabotage: { atMs: 2_000, act: harm(act) } }),
      FailedSeed,
    );
    assertStringIncludes(error.message, says);
  });
}

/** Of three nodes the first and the last cannot reach each other. */
const RELAYED: Schedule = {
  ...QUIET,
  members: [QUIET.members[0]!, {
    ...QUIET.members[1]!,
    connect: [{ member: 0, pinned: false }, { member: 2, pinned: false }],
  }, { ...QUIET.members[2]!, connect: [] }],
  reach: {
    kind: "chain",
    reach: [
      [false, true, false],
      [true, false, true],
      [false, true, false],
    ],
    unreached: "refused",
    crooked: [],
  },
};

/** What is done to the last node, and to the relay. */
const RELAYED_CASES: readonly {
  readonly what: string;
  readonly act: (victim: Victim, world: World) => void;
  readonly says: string;
}[] = [
  {
    what: "the only relay does not relay",
    act: ({ peer }, world) => {
      world.members[1]!.life!.context!.relaying.server.stop();
      peer.primary!.channel.close(new VerackError("closed", "Lost"));
      // The other end would dial it again at once.
      world.watch.isDisturbed = true;
    },
    says: "not whole",
  },
  {
    what: "a session has more hops than it may",
    act: ({ peer }) => Object.assign(peer.primary!, { hops: 17 }),
    says: "over 17 hops",
  },
  {
    what: "a relayed session counts as one with another",
    act: ({ context, peer }) => {
      const other = context.table.connected().find((it) => it !== peer)!;
      for (const it of peer.sessions) other.sessionOpened(it);
    },
    says: "has a session on record for",
  },
  {
    what: "a pair that could connect stays relayed",
    act: (_victim, world) => {
      world.isDirect = () => true;
    },
    says: "(1/1)",
  },
];

Deno.test("a mesh with a relayed pair to which nothing is done holds", async () => {
  await simulate(RELAYED);
});

for (const { what, act, says } of RELAYED_CASES) {
  Deno.test(`it shows of relayed sessions when ${what}`, async () => {
    const sabotage = {
      atMs: 5_000,
      act: (world: World) => harm((victim) => act(victim, world))(world),
    };
    const error = await assertRejects(
      () => simulate(RELAYED, { sabotage }),
      FailedSeed,
    );
    assertStringIncludes(error.message, says);
  });
}
