// Relayed peers that tell of private addresses of this node's own network, with and without a
// relay that lies about where it sees them.
import { assert, assertEquals } from "@std/assert";
import { NEAR_DIAL_CREDIT } from "../../src/mesh/dialing/dialing_limits.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { formatAddress } from "../../src/transport/address.ts";
import type { Address } from "../../src/transport/address.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodePeers, PEER_FLAG } from "../../src/wire/messages/peers.ts";
import { at } from "../helpers/disguise.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { type Member, MemoryMesh } from "../helpers/memory_mesh.ts";
import { network } from "../helpers/networks.ts";
import { idOf, relayedBy } from "../helpers/relayed.ts";

const PUBLIC = "5.77.0.1";
const RELAY = "8.8.8.8";
const ELSEWHERE = "9.9.9.9";

/** A victim behind a router, a public relay that it is configured with, and a stranger. */
class Scene implements AsyncDisposable {
  readonly mesh = new MemoryMesh();
  /** What the victim dialed or looked at. */
  readonly tried: string[] = [];
  #members: readonly [Member, Member, Member] | undefined;

  static async start(): Promise<Scene> {
    const scene = new Scene();
    const { mesh } = scene;
    mesh.network.unreachable(PUBLIC, ELSEWHERE);
    const relay = await mesh.start([], scene.#on(RELAY));
    const join = { connect: [`${RELAY}:8080`] };
    const victim = await mesh.start([], {
      ...scene.#on(PUBLIC),
      ...join,
      transport: scene.#noted(PUBLIC),
      networks: () => [network("wlan0", "192.168.1.5/24")],
    });
    const stranger = await mesh.start([], { ...scene.#on(ELSEWHERE), ...join });
    scene.#members = [victim, relay, stranger];
    await relayedBy(mesh, victim, stranger, relay, 30_000);
    return scene;
  }

  get victim(): Member {
    return this.#members![0];
  }

  get relay(): Member {
    return this.#members![1];
  }

  get stranger(): Member {
    return this.#members![2];
  }

  /** Those of the victim's dials that lead to private addresses. */
  get near(): string[] {
    return this.tried.filter((it) => /^(192|10|169)\./.test(it));
  }

  /** One of them sends an entry about the stranger. */
  tell(
    by: Member,
    addresses: readonly Address[],
    { flags = 0, to = this.victim }: { flags?: number; to?: Member } = {},
  ): void {
    const { stranger } = this;
    const { primary } = partsOf(by.node).table.get(idOf(to))!;
    const entry = entryOf(stranger.node.identity, addresses, {
      flags: PEER_FLAG.live | flags,
    });
    primary!.channel.send(
      COMMAND.peers,
      encodePeers({ more: true, entries: [entry] }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.mesh[Symbol.asyncDispose]();
  }

  #on(host: string) {
    return { host, transport: this.mesh.network.transport(host) };
  }

  #noted(host: string): Transport {
    const inner = this.mesh.network.transport(host);
    const note = (address: Address) => this.tried.push(formatAddress(address));
    return {
      ...inner,
      dial: (address, options) => {
        note(address);
        return inner.dial(address, options);
      },
      fetchCertificate: (address, options) => {
        note(address);
        return inner.fetchCertificate(address, options);
      },
    };
  }
}

/** Hosts of the victim's network and others, which change with each turn. */
function claims(turn: number): Address[] {
  const host = `192.168.1.${10 + turn % 200}`;
  return [
    at(host, 80),
    at(host, 8_080),
    at(`10.9.9.${turn % 200}`, 8_080),
    at(`192.168.1.${10 + (turn + 1) % 200}`, 9_090),
  ];
}

Deno.test("a stranger and its relay that lies about where it sees it lead to few hosts of this node's network, and to no port of a service", async () => {
  await using scene = await Scene.start();
  const { clock } = scene.mesh;
  const begunAt = clock.monotonic();
  for (let turn = 0; turn < 120; turn++) {
    scene.tell(scene.relay, [at(PUBLIC, 1_000 + turn)], {
      flags: PEER_FLAG.seen,
    });
    scene.tell(scene.stranger, claims(turn));
    await clock.advance(5_000);
  }
  const { burst, refillMs } = NEAR_DIAL_CREDIT;
  const most = burst + Math.ceil((clock.monotonic() - begunAt) / refillMs);
  assert(scene.near.length > 0, "the lie had no effect at all");
  assert(scene.near.length <= most, `${scene.near.length} dials`);
  assertEquals(
    scene.near.filter((it) => !/^192\.168\.1\.\d+:(8080|9090)$/.test(it)),
    [],
  );
});

Deno.test("a stranger that is not seen where this node is leads to no host of its network, whatever it says of itself", async () => {
  await using scene = await Scene.start();
  for (let turn = 0; turn < 30; turn++) {
    const [, near, , other] = claims(turn);
    const said = [at(PUBLIC, 1_000 + turn), near!, other!];
    scene.tell(scene.stranger, said);
    // So that the relay repeats it in good faith.
    scene.tell(scene.stranger, said, { to: scene.relay });
    await scene.mesh.clock.advance(5_000);
  }
  const claimed = scene.tried.filter((it) => /^5\.77\.0\.1:10\d\d$/.test(it));
  assert(claimed.length > 0, "what it says of itself is not dialed");
  assertEquals(scene.near, []);
});

Deno.test("what a relay says of a stranger's private addresses leads to none of them", async () => {
  await using scene = await Scene.start();
  for (let turn = 0; turn < 30; turn++) {
    const [, near] = claims(turn);
    const said = [at(PUBLIC, 1_000 + turn), near!];
    scene.tell(scene.relay, said, { flags: PEER_FLAG.seen });
    await scene.mesh.clock.advance(5_000);
  }
  assertEquals(scene.near, []);
});
