// Multicast DNS on real sockets, on the loopback interface: nothing leaves this machine.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createSocket } from "node:dgram";
import { VerackError } from "../../src/core/errors.ts";
import type { LocalNetwork } from "../../src/transport/local_networks.ts";
import {
  type DnsPacket,
  type MulticastLink,
  systemMulticast,
} from "../../src/transport/multicast_dns.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { assertCode } from "../contract/pair.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const LOOPBACK: LocalNetwork = {
  name: "lo",
  addresses: [{ address: "127.0.0.1", prefix: 8 }],
};

/** One that has joined, and what it got. */
class Receiver implements AsyncDisposable {
  readonly packets: DnsPacket[] = [];
  malformed = 0;
  seen = 0;
  isOpen = true;
  #link: MulticastLink | undefined;

  static async join(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#link = await systemMulticast.join(LOOPBACK, 4, {
      accepts: () => {
        receiver.seen++;
        return receiver.isOpen;
      },
      packet: (packet) => receiver.packets.push(packet),
      malformed: () => {
        receiver.malformed++;
      },
    });
    return receiver;
  }

  send(packet: DnsPacket): void {
    this.#link?.send(packet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.close();
  }
}

async function canJoin(): Promise<boolean> {
  try {
    await using _ = await Receiver.join();
    return true;
  } catch {
    return false;
  }
}

const test = testIf(await canJoin());

const RECORDS: DnsPacket = {
  isQuery: false,
  questions: [],
  records: [
    { name: "x.local", type: "PTR", ttl: 120, target: "y.local" },
    { name: "y.local", type: "SRV", ttl: 120, target: "z.local", port: 8080 },
    { name: "y.local", type: "TXT", ttl: 120, texts: ["a=1", "b=ü"] },
    { name: "y.local", type: "TXT", ttl: 120, texts: [""] },
    { name: "z.local", type: "A", ttl: 120, address: "10.0.0.1" },
    { name: "z.local", type: "AAAA", ttl: 0, address: "fd00::1" },
  ],
};

const QUERY: DnsPacket = {
  isQuery: true,
  questions: [{ name: "x.local", type: "PTR" }],
  records: [{ name: "x.local", type: "PTR", ttl: 60, target: "y.local" }],
};

/** Sends bytes to the group as they are. */
async function sendRaw(packets: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  socket.setMulticastInterface("127.0.0.1");
  for (const packet of packets) {
    await new Promise((resolve) =>
      socket.send(packet, 5353, "224.0.0.251", resolve)
    );
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}

test("what is sent reaches all that have joined, the sender included, as it was", async () => {
  await using one = await Receiver.join();
  await using two = await Receiver.join();
  one.send(RECORDS);
  two.send(QUERY);
  for (const { packets } of [one, two]) {
    await until("both packets", () => packets.length >= 2);
    assert(packets.some((it) => same(it, RECORDS)), JSON.stringify(packets));
    assert(packets.some((it) => same(it, QUERY)), JSON.stringify(packets));
  }
});

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, Object.keys(flat(a)).sort()) ===
    JSON.stringify(b, Object.keys(flat(b)).sort());
}

/** All keys of a value, however deep. */
function flat(value: unknown): Record<string, true> {
  const keys: Record<string, true> = {};
  JSON.stringify(value, (key, it) => {
    keys[key] = true;
    return it;
  });
  return keys;
}

test("a packet that is not wanted is not parsed", async () => {
  await using one = await Receiver.join();
  one.isOpen = false;
  await sendRaw([new Uint8Array(100), new Uint8Array(5)]);
  await until("both", () => one.seen >= 2);
  assertEquals([one.packets.length, one.malformed], [0, 0]);
});

test("broken, looped, random and too long packets are counted, and what comes after them is read", async () => {
  await using one = await Receiver.join();
  const random = new SeededRandom(3);
  const head = (...words: number[]) =>
    words.flatMap((it) => [it >> 8, it & 255]);
  const packets = [
    Uint8Array.from([...head(0, 0x8400, 0, 1, 0, 0), 0xc0, 12, ...head(12, 1)]),
    Uint8Array.from([...head(0, 0, 1, 0, 0, 0), 0xc0, 14, 0xc0, 12]),
    Uint8Array.from(head(0, 0x8400, 65_535, 65_535, 65_535, 65_535)),
    new Uint8Array(3),
    new Uint8Array(1_473),
    new Uint8Array(9_000),
    ...Array.from(
      { length: 500 },
      () => random.bytes(12 + Math.floor(random.float() * 400)),
    ),
  ];
  // Few at once, as the kernel drops what its buffer does not hold.
  for (let sent = 0; sent < packets.length; sent += 20) {
    const next = packets.slice(sent, sent + 20);
    await sendRaw(next);
    await until("all", () => one.seen >= sent + next.length);
  }
  assert(one.malformed >= 490, `${one.malformed} malformed`);
  one.send(RECORDS);
  await until("the last", () => one.packets.some((it) => same(it, RECORDS)));
});

test("a link that is closed gets and sends nothing, and closes once", async () => {
  const one = await Receiver.join();
  await using two = await Receiver.join();
  await one[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();
  one.send(RECORDS);
  two.send(QUERY);
  await until("the query", () => two.packets.length > 0);
  assertEquals(one.packets, []);
  assert(two.packets.every(({ isQuery }) => isQuery));
});

test("an interface that is not there is an error that says what was wanted", async () => {
  const error = await assertCode(
    systemMulticast.join(
      { name: "gone0", addresses: [{ address: "10.255.1.2", prefix: 24 }] },
      4,
      { accepts: () => true, packet: () => {}, malformed: () => {} },
    ),
    "address-not-available",
  );
  assertStringIncludes(error.message, "Cannot join multicast DNS on gone0");
  assertStringIncludes(error.message, "must be an interface with multicast");
});

for (
  const [what, permissions, flag] of [
    ["for the group", { net: ["127.0.0.1"] }, "--allow-net=0.0.0.0:5353"],
    ["to list interfaces", { net: true }, "--allow-sys=networkInterfaces"],
  ] as const
) {
  Deno.test(`without the permission ${what} the error names the flag to add`, {
    permissions: permissions as Deno.PermissionOptions,
  }, () => {
    let error: unknown;
    try {
      systemMulticast.check();
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof VerackError && error.code === "permission");
    assertStringIncludes(error.message, flag);
  });
}
