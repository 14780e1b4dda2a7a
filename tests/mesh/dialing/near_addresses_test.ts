// Which private addresses a relayed peer may have this node dial, and how often.
import { assertEquals } from "@std/assert";
import {
  MAX_NEAR_ADDRESSES,
  MAX_NEAR_DIALS,
  NEAR_DIAL_CREDIT,
} from "../../../src/mesh/dialing/dialing_limits.ts";
import { nearAddresses } from "../../../src/mesh/dialing/near_addresses.ts";
import {
  type NearDial,
  NearDials,
} from "../../../src/mesh/dialing/near_dials.ts";
import type { Peer } from "../../../src/mesh/peers/peer.ts";
import type {
  AddressRank,
  PeerAddress,
} from "../../../src/mesh/peers/peer_addresses.ts";
import type { Whereabouts } from "../../../src/mesh/peers/whereabouts.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { network } from "../../helpers/networks.ts";

const HOME = network("wlan0", "192.168.1.5/24", "fd00:1::5/64", "fe80::5/64");
const OWN_PUBLIC = "5.77.0.1";
const SITE = {
  networks: [HOME],
  isSeenAt: (ip: string) => ip === OWN_PUBLIC,
};
const BESIDE: Whereabouts = { isChosen: false, seenAt: OWN_PUBLIC };

function entry(
  host: string,
  port = 8080,
  rank: AddressRank = "advertised",
): PeerAddress {
  return {
    address: { host, port },
    rank,
    configured: rank === "configured",
    namedFrom: "public",
  };
}

function near(
  entries: readonly PeerAddress[],
  whereabouts = BESIDE,
  site = SITE,
): string[] {
  return nearAddresses(entries, whereabouts, site)
    .map(({ address }) => address.host);
}

Deno.test("an address on a link of this machine is near if the relay sees the peer where this node is seen", () => {
  const told = [entry("192.168.1.9"), entry("fd00:1::9")];
  assertEquals(near(told), ["192.168.1.9", "fd00:1::9"]);
  for (const seenAt of [undefined, "5.77.0.2", "192.168.1.9"]) {
    assertEquals(near(told, { isChosen: false, seenAt }), []);
  }
});

Deno.test("of a peer that the operator has chosen it is near wherever that is seen", () => {
  const told = [entry("192.168.1.9")];
  assertEquals(near(told, { isChosen: true, seenAt: undefined }), [
    "192.168.1.9",
  ]);
});

Deno.test("what others say of a peer is not near", () => {
  assertEquals(near([entry("192.168.1.9", 8080, "gossiped")]), []);
});

Deno.test("only hosts on a link are near, and neither this machine nor addresses of all hosts", () => {
  const elsewhere = [
    ...["192.168.2.9", "10.0.0.9", "8.8.8.8", "127.0.0.1", "169.254.0.9"],
    ...["192.168.1.5", "192.168.1.0", "192.168.1.255", "224.0.0.1"],
    ...["fe80::9", "ff02::1", "::1", "fd00:2::9", "fd00:1::5", "peer.example"],
  ];
  for (const host of elsewhere) assertEquals(near([entry(host)]), [], host);
  assertEquals(
    near([entry("192.168.1.9")], BESIDE, { ...SITE, networks: [] }),
    [],
  );
});

Deno.test("a port of a service of the system is not near", () => {
  assertEquals(near([entry("192.168.1.9", 1_023)]), []);
  assertEquals(near([entry("192.168.1.9", 1_024)]), ["192.168.1.9"]);
});

Deno.test("few addresses of one peer are near", () => {
  const told = [6, 7, 8, 9].map((it) => entry(`192.168.1.${it}`));
  assertEquals(near(told).length, MAX_NEAR_ADDRESSES);
});

class Scene {
  readonly clock = new VirtualClock();
  isChosen = false;
  readonly dials = new NearDials({
    clock: this.clock,
    standing: { isChosen: () => this.isChosen },
    site: SITE,
    places: { behind: () => OWN_PUBLIC },
  });

  begin(): NearDial | undefined {
    return this.dials.begin({} as Peer);
  }

  /** How many begin and end, without an answer. */
  inVain(most: number): number {
    for (let count = 0; count < most; count++) {
      const dial = this.begin();
      if (dial === undefined) return count;
      dial.end();
    }
    return most;
  }
}

Deno.test("few dials to near addresses are under way at once", () => {
  const scene = new Scene();
  const dials = Array.from({ length: 20 }, () => scene.begin());
  assertEquals(dials.filter((it) => it !== undefined).length, MAX_NEAR_DIALS);
  dials[0]!.end();
  assertEquals(scene.begin() !== undefined, true);
});

Deno.test("60 dials to near addresses an hour are in vain, of all peers together", async () => {
  const { burst, refillMs } = NEAR_DIAL_CREDIT;
  assertEquals(burst + 3_600_000 / refillMs, 60);
  const scene = new Scene();
  assertEquals(scene.inVain(1_000), burst);
  await scene.clock.advance(3 * refillMs);
  assertEquals(scene.inVain(1_000), 3);
});

Deno.test("near addresses that answer, and those of chosen peers, cost nothing", () => {
  const scene = new Scene();
  for (let i = 0; i < 100; i++) {
    const dial = scene.begin()!;
    dial.answered();
    dial.end();
  }
  scene.isChosen = true;
  assertEquals(scene.inVain(1_000), 1_000);
  scene.isChosen = false;
  assertEquals(scene.inVain(1_000), NEAR_DIAL_CREDIT.burst);
});
