/**
 * Multicast DNS (RFC 6762): packets of one local network in and out. The one file that uses
 * `npm:multicast-dns`, which reads and writes packets on a socket of `node:dgram`. What they mean
 * is in `mesh/discovery/`.
 */
import type { Socket } from "node:dgram";
import { messageOf, VerackError } from "../core/errors.ts";
import { TaskSet } from "../core/task_set.ts";
import type { Address } from "./address.ts";
import { type LocalNetwork, systemNetworks } from "./local_networks.ts";
import type {
  MulticastSocket,
  Packet,
  PacketRecord,
  RemoteInfo,
} from "./multicast_dns.d.ts";

/** The group and the port of multicast DNS (RFC 6762 §3). */
const GROUPS = { 4: "224.0.0.251", 6: "ff02::fb" } as const;
const PORT = 5353;

/** Records of an ordinary packet; one with more is not read. */
const MAX_RECORDS = 64;

/** The longest packet that is read: what an Ethernet frame holds; ours have 400 bytes. */
const MAX_PACKET_BYTES = 1_472;

/** Read of a packet at most; more than the longest that is parsed, which Linux doubles. */
const READ_BYTES = 2_048;

/** A resource record. Names are without the final dot, and not escaped. */
export type DnsRecord =
  & { readonly name: string; readonly ttl: number }
  & (
    | { readonly type: "PTR"; readonly target: string }
    | { readonly type: "SRV"; readonly target: string; readonly port: number }
    | { readonly type: "TXT"; readonly texts: readonly string[] }
    | { readonly type: "A" | "AAAA"; readonly address: string }
  );

/** A question. */
export interface DnsQuestion {
  /** The name that it is about. */
  readonly name: string;
  /** Of the records asked for, such as `PTR`. */
  readonly type: string;
}

/** A packet: a query has questions and the answers that are known, a response has records. */
export interface DnsPacket {
  /** Whether it is a query, rather than a response. */
  readonly isQuery: boolean;
  /** Of a query. */
  readonly questions: readonly DnsQuestion[];
  /** Records of kinds that are not read are left out. */
  readonly records: readonly DnsRecord[];
}

/** Gets the packets of one network. */
export interface MulticastReceiver {
  /** Whether a packet that came from there is read at all; called before it is parsed. */
  accepts(from: Address): boolean;
  /** A packet that could be parsed. */
  packet(packet: DnsPacket, from: Address): void;
  /** One that could not, or is too long. */
  malformed(): void;
}

/** One network that is joined. */
export interface MulticastLink {
  /** Sends to all of the network. What cannot be sent is lost, as any packet may be. */
  send(packet: DnsPacket): void;
  /** Leaves it, once what was sent is out. */
  close(): Promise<void>;
}

/** Joins networks. */
export interface MulticastDns {
  /**
   * Checks whether this process may take part.
   *
   * @throws {VerackError} `permission`.
   */
  check(): void;
  /** The networks that this machine is on now. */
  networks(): readonly LocalNetwork[];
  /**
   * Joins the group of multicast DNS of one network and family.
   *
   * @throws {VerackError} `permission`, or `address-not-available` when that is not possible.
   */
  join(
    network: LocalNetwork,
    family: 4 | 6,
    receiver: MulticastReceiver,
  ): Promise<MulticastLink>;
}

/** Multicast DNS of this machine. */
export const systemMulticast: MulticastDns = {
  check: () => {
    checkPermission(4);
    const { state } = Deno.permissions.querySync({
      name: "sys",
      kind: "networkInterfaces",
    });
    if (state === "granted") return;
    throw new VerackError(
      "permission",
      "Cannot list networks for discovery: permission denied by Deno, add --allow-sys=networkInterfaces",
    );
  },
  networks: systemNetworks,
  join: async (network, family, receiver) => {
    checkPermission(family);
    // Loaded here, because most nodes do not use them.
    const { createSocket } = await import("node:dgram");
    // @ts-types="./multicast_dns.d.ts"
    const { default: multicastDns } = await import("npm:multicast-dns@7.2.5");
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      reuseAddr: true,
    });
    filterPackets(socket, receiver);
    const own = network.addresses.find(({ address }) =>
      address.includes(":") === (family === 6)
    );
    const link = multicastDns({
      socket,
      type: family === 4 ? "udp4" : "udp6",
      ip: GROUPS[family],
      interface: family === 4
        ? own?.address ?? "0.0.0.0"
        : `::%${network.name}`,
      bind: family === 4 ? "0.0.0.0" : "::",
    });
    await joined(link, network.name);
    // Deno reads each packet into a new buffer of this size, by default of 64 KiB, which a flood
    // would turn into memory. A packet that is cut is still too long.
    socket.setRecvBufferSize(READ_BYTES);
    return new SocketLink(link, receiver);
  },
};

/** A socket of the library as a {@linkcode MulticastLink}. */
class SocketLink implements MulticastLink {
  readonly #socket: MulticastSocket;
  readonly #sends = new TaskSet();
  #isClosed = false;

  constructor(socket: MulticastSocket, receiver: MulticastReceiver) {
    this.#socket = socket;
    socket.on("packet", (packet, { address: host, port }) => {
      if (this.#isClosed) return;
      receiver.packet(read(packet), { host, port });
    });
    socket.on("warning", () => this.#isClosed || receiver.malformed());
  }

  send(packet: DnsPacket): void {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sends.add(promise);
    const done = () => resolve();
    const answers = packet.records.map(written);
    try {
      if (packet.isQuery) {
        const questions = packet.questions.map((it) => ({ ...it }));
        this.#socket.query({ questions, answers }, done);
      } else this.#socket.respond({ answers }, done);
    } catch {
      done();
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sends.settled();
    await new Promise<void>((resolve) => this.#socket.destroy(resolve));
  }
}

/** Resolves when the group is joined. */
async function joined(socket: MulticastSocket, name: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let fault: Error | undefined;
  // Joining fails by a warning, before the socket is ready.
  socket.on("warning", (error) => fault ??= error);
  socket.on("error", reject);
  socket.on("ready", () => fault === undefined ? resolve() : reject(fault));
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw new VerackError(
      "address-not-available",
      `Cannot join multicast DNS on ${name}: ${
        messageOf(error)
      }, must be an interface with multicast, and UDP port ${PORT} be shared by all programs that use it`,
      { cause: error },
    );
  }
}

/** `node:dgram` throws for a missing permission where nothing can catch it. */
function checkPermission(family: 4 | 6): void {
  const hosts = family === 4
    ? ["0.0.0.0", GROUPS[4]]
    : ["[::]", `[${GROUPS[6]}]`];
  for (const host of hosts.map((it) => `${it}:${PORT}`)) {
    const { state } = Deno.permissions.querySync({ name: "net", host });
    if (state === "granted") continue;
    throw new VerackError(
      "permission",
      `Cannot join multicast DNS: permission denied by Deno, add --allow-net=${
        hosts.map((it) => `${it}:${PORT}`).join(",")
      }`,
    );
  }
}

/** Has the library see only packets that are wanted: it parses each one. */
function filterPackets(socket: Socket, receiver: MulticastReceiver): void {
  const on = socket.on.bind(socket) as (
    event: string,
    listener: unknown,
  ) => Socket;
  const filtered = (
    event: string,
    listener: (bytes: Uint8Array, from: RemoteInfo) => void,
  ) => {
    if (event !== "message") return on(event, listener);
    return on(event, (bytes: Uint8Array, from: RemoteInfo) => {
      if (!receiver.accepts({ host: from.address, port: from.port })) return;
      if (isOrdinary(bytes)) listener(bytes, from);
      else receiver.malformed();
    });
  };
  socket.on = filtered as Socket["on"];
}

/** Checks the length of a packet and the counts of its header, which bound the work of reading it. */
function isOrdinary(bytes: Uint8Array): boolean {
  if (bytes.length < 12 || bytes.length > MAX_PACKET_BYTES) return false;
  const head = new DataView(bytes.buffer, bytes.byteOffset);
  const counts = [4, 6, 8, 10].map((at) => head.getUint16(at));
  return counts.reduce((sum, it) => sum + it) <= MAX_RECORDS;
}

function read(packet: Packet): DnsPacket {
  return {
    isQuery: packet.type === "query",
    questions: (packet.questions ?? []).map(({ name, type }) => ({
      name: String(name),
      type: String(type),
    })),
    records: [...packet.answers ?? [], ...packet.additionals ?? []]
      .flatMap((it) => recordOf(it) ?? []),
  };
}

/** A record of a kind that is read, with values of the right types. */
function recordOf(record: PacketRecord): DnsRecord | undefined {
  const { name, type, ttl, data } = record;
  if (typeof name !== "string" || typeof ttl !== "number") return undefined;
  if (record.class !== undefined && record.class !== "IN") return undefined;
  const head = { name, ttl };
  switch (type) {
    case "PTR":
      return typeof data === "string"
        ? { ...head, type, target: data }
        : undefined;
    case "A":
    case "AAAA":
      return typeof data === "string"
        ? { ...head, type, address: data }
        : undefined;
    case "SRV": {
      const { target, port } = (data ?? {}) as Record<string, unknown>;
      return typeof target === "string" && typeof port === "number"
        ? { ...head, type, target, port }
        : undefined;
    }
    case "TXT":
      return Array.isArray(data)
        ? {
          ...head,
          type,
          texts: data.map((it) => new TextDecoder().decode(it)),
        }
        : undefined;
    default:
      return undefined;
  }
}

function written(record: DnsRecord): PacketRecord {
  const { name, type, ttl } = record;
  // Records of which there is one set only replace what is in caches (RFC 6762 §10.2).
  const head = { name, type, ttl, class: "IN", flush: type !== "PTR" };
  switch (record.type) {
    case "PTR":
      return { ...head, data: record.target };
    case "SRV":
      return {
        ...head,
        data: {
          priority: 0,
          weight: 0,
          port: record.port,
          target: record.target,
        },
      };
    case "TXT":
      return { ...head, data: [...record.texts] };
    case "A":
    case "AAAA":
      return { ...head, data: record.address };
  }
}
