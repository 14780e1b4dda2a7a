/** What one connection carries, cut into frames, and as text for a file. */
import { MAX_PAYLOAD_BYTES } from "../../../src/wire/wire_limits.ts";
import type { Connection } from "../../../src/transport/transport.ts";
import { FrameDecoder } from "../../../src/wire/frame_decoder.ts";
import type { Role } from "./world.ts";

/** One frame of a recorded session. */
export interface Recorded {
  readonly from: Role;
  readonly command: string;
  /** All bytes of the frame, see {@linkcode packHex}. */
  readonly bytes: string;
}

/** Cuts what passes into frames; checksums are checked by who receives them. */
export class Tape {
  readonly frames: Recorded[] = [];
  readonly #decoders: Readonly<Record<Role, FrameDecoder>>;
  readonly #pending: Record<Role, Uint8Array[]> = { dialer: [], listener: [] };

  constructor(magic: Uint8Array) {
    const decoder = () =>
      new FrameDecoder({
        magic,
        maxPayload: MAX_PAYLOAD_BYTES,
        verifyChecksum: false,
      });
    this.#decoders = { dialer: decoder(), listener: decoder() };
  }

  /** Bytes went by. */
  add(from: Role, bytes: Uint8Array): void {
    const decoder = this.#decoders[from];
    const pending = this.#pending[from];
    pending.push(bytes.slice());
    decoder.push(bytes);
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      const size = 24 + frame.payload.length;
      const all = concat(pending.splice(0));
      pending.push(all.slice(size));
      const text = packHex(all.subarray(0, size));
      this.frames.push({ from, command: frame.command, bytes: text });
    }
  }

  /** A connection of `own` whose bytes are recorded as they pass. */
  record(connection: Connection, own: Role): Connection {
    const other = own === "dialer" ? "listener" : "dialer";
    return {
      localAddress: connection.localAddress,
      remoteAddress: connection.remoteAddress,
      read: async (buffer) => {
        const count = await connection.read(buffer);
        if (count !== null) this.add(other, buffer.subarray(0, count));
        return count;
      },
      write: async (data) => {
        const count = await connection.write(data);
        this.add(own, data.subarray(0, count));
        return count;
      },
      close: () => connection.close(),
    };
  }
}

const LEAST_RUN = 64;

/** Hex digits, where a byte that repeats is written once: `00 61*40000 ff`. */
export function packHex(bytes: Uint8Array): string {
  const parts: string[] = [];
  let plain = 0;
  for (let at = 0; at < bytes.length;) {
    let end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at]) end++;
    if (end - at >= LEAST_RUN) {
      if (plain < at) parts.push(bytes.subarray(plain, at).toHex());
      parts.push(`${bytes.subarray(at, at + 1).toHex()}*${end - at}`);
      plain = end;
    }
    at = end;
  }
  if (plain < bytes.length) parts.push(bytes.subarray(plain).toHex());
  return parts.join(" ");
}

/** The bytes that {@linkcode packHex} wrote. */
export function unpackHex(text: string): Uint8Array<ArrayBuffer> {
  return concat(
    text.split(" ").map((part) => {
      const [hex = "", times] = part.split("*");
      const bytes = Uint8Array.fromHex(hex);
      return times === undefined
        ? bytes
        : new Uint8Array(Number(times)).fill(bytes[0] ?? 0);
    }),
  );
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
