/**
 * Sends odd packets to all of the local network by multicast DNS, from its port: broken, looped,
 * too long, random ones, mutated announcements, and queries. Prints how many.
 */
import { createSocket } from "node:dgram";
import { SeededRandom } from "../../../src/testing/seeded_random.ts";

const [address = "", count = "1000"] = Deno.args;
const random = new SeededRandom(7);

function header(...words: number[]): number[] {
  return words.flatMap((word) => [word >> 8, word & 0xff]);
}

function name(text: string): number[] {
  const labels = text.split(".").filter((it) => it !== "");
  return [
    ...labels.flatMap((it) => [it.length, ...new TextEncoder().encode(it)]),
    0,
  ];
}

function record(of: string, type: number, data: number[]): number[] {
  return [...name(of), ...header(type, 1, 0, 120, data.length), ...data];
}

const LABEL = "00112233aabbccdd._verack._tcp.local";
const ANNOUNCEMENT = [
  ...header(0, 0x8400, 0, 4, 0, 0),
  ...record("_verack._tcp.local", 12, name(LABEL)),
  ...record(LABEL, 33, [...header(0, 0, 8080), ...name("a.local")]),
  ...record(LABEL, 16, [0]),
  ...record("a.local", 1, [10, 77, 0, 99]),
];

const PACKETS: readonly (() => number[])[] = [
  // A name that points to itself, and two that point to each other.
  () => [...header(0, 0x8400, 0, 1, 0, 0), 0xc0, 12, ...header(12, 1, 0, 1, 0)],
  () => [...header(0, 0, 1, 0, 0, 0), 0xc0, 14, 0xc0, 12, ...header(12, 1)],
  // A chain of pointers, as long as a packet may be, used by many records.
  () => {
    const chain = Array.from({ length: 700 }, (_, i) => [
      0xc0 | (12 + 2 * i) >> 8,
      (12 + 2 * i) & 0xff,
    ]).flat();
    return [...header(0, 0x8400, 0, 60, 0, 0), 0, ...chain.slice(0, 1_400)];
  },
  // More records than it has bytes.
  () => [...header(0, 0x8400, 0xffff, 0xffff, 0xffff, 0xffff)],
  () => header(0, 0),
  () => Array.from({ length: 9_000 }, () => 0),
  () => [...random.bytes(1 + Math.floor(random.float() * 1_400))],
  () => {
    const bytes = [...ANNOUNCEMENT];
    for (let i = 0; i < 4; i++) {
      bytes[Math.floor(random.float() * bytes.length)] = random.bytes(1)[0]!;
    }
    return bytes;
  },
  () => ANNOUNCEMENT.slice(0, Math.floor(random.float() * ANNOUNCEMENT.length)),
  () => [
    ...header(0, 0, 1, 0, 0, 0),
    ...name("_verack._tcp.local"),
    ...header(12, 1),
  ],
];

const socket = createSocket({ type: "udp4", reuseAddr: true });
await new Promise<void>((resolve) => socket.bind(5353, "0.0.0.0", resolve));
socket.setMulticastInterface(address);
for (let i = 0; i < Number(count); i++) {
  const packet = Uint8Array.from(PACKETS[i % PACKETS.length]!());
  await new Promise<void>((resolve) =>
    socket.send(packet, 5353, "224.0.0.251", () => resolve())
  );
}
console.log(`${count} sent`);
socket.close();
