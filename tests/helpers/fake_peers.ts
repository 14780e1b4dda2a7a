/**
 * A node that reports peers it does not have: all of it is real but what `peers`, `sessions`
 * and `status` answer. Two hundred real nodes are more than a machine for tests carries.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import { parsePeerId } from "../../src/core/peer_id.ts";
import type { Node } from "../../src/mesh/node.ts";
import type { MissingPair } from "../../src/mesh/events.ts";
import type { PeerInfo, SessionInfo } from "../../src/mesh/peers/peer_info.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One of the peers; what is changed here is what the node reports. */
export interface FakePeer {
  readonly peer: Mutable<PeerInfo>;
  /** Absent while it is not connected. */
  session: Mutable<SessionInfo> | undefined;
}

/** Names as people give them, and some that try a layout. */
const NAMES = [
  "amber",
  "birch",
  "cedar",
  "db-primary.eu-west-1",
  "elm",
  "fir",
  "gateway",
  "hazel",
];

/** Peers of a node that are not there. */
export class FakePeers {
  readonly list: FakePeer[];
  /** Pairs that the node reports as missing. */
  missing: MissingPair[] = [];

  /** @param names Their names; numbered ones if left out. */
  constructor(node: Node, count: number, names: readonly string[] = []) {
    const random = new SeededRandom(count);
    const whole = (most: number) => random.word() % most;
    this.list = Array.from({ length: count }, (_, at) => {
      const name = names[at] ?? `${NAMES[at % NAMES.length]}-${at}`;
      return fakePeer(idOf(at), name, whole);
    });
    const { status } = node;
    Object.assign(node, {
      peers: () => this.list.map(({ peer }) => ({ ...peer })),
      sessions: () =>
        this.list.flatMap(({ session }) => session ? [{ ...session }] : []),
      status: () => {
        const real = status.call(node);
        const sessions = this.list.filter((it) => it.session).length;
        return {
          ...real,
          peers: this.list.length,
          mesh: {
            nodes: this.list.filter((it) => it.peer.connected).length + 1,
            sessions,
            missing: this.missing,
          },
        };
      },
    });
  }
}

/** An id that begins like no other. */
function idOf(at: number): PeerId {
  const head = ((at + 1) * 2_654_435_761 % 2 ** 32).toString(16);
  return parsePeerId(head.padStart(8, "0").padEnd(64, "5"));
}

function fakePeer(
  id: PeerId,
  name: string,
  whole: (most: number) => number,
): FakePeer {
  const direction = whole(2) === 0 ? "inbound" : "outbound";
  const address = `10.0.${whole(256)}.${whole(256)}:8080`;
  const now = Date.now();
  return {
    peer: {
      id,
      name,
      connected: true,
      addresses: [address],
      standing: true,
      trust: (["first-use", "known", "pinned"] as const)[whole(3)]!,
      ephemeral: false,
      firstSeen: new Date(now - whole(10 ** 9)),
      lastSeen: new Date(now),
    },
    session: {
      id,
      name,
      direction,
      hops: 1,
      remoteAddress: address,
      userAgent: new TextEncoder().encode("/verack:0.1.0/"),
      openedAt: new Date(now - whole(10 ** 8)),
      bytesSent: 4 ** whole(15),
      bytesReceived: 4 ** whole(15),
      messagesSent: 3 ** whole(10),
      messagesReceived: 3 ** whole(10),
      rttMs: whole(4) === 0 ? whole(300) : whole(20),
    },
  };
}
