/**
 * What happened in a simulation, in order: the last of it in words, and if wanted
 * all of it as one hash, by which two runs are compared.
 */
import { createHash, type Hash } from "node:crypto";
import type { MemoryPacket } from "../../src/testing/memory_end.ts";
import { FRAME_HEADER_BYTES } from "../../src/wire/wire_limits.ts";

/** How much is kept and shown. */
export interface TraceOptions {
  /** Hash everything. */
  readonly hash?: boolean;
  /** Is given each line as it comes. */
  readonly write?: (line: string) => void;
}

/** Lines kept for when something breaks. */
const KEPT_LINES = 60;

/** The trace of one run. */
export class Trace {
  readonly #hash: Hash | undefined;
  readonly #write: ((line: string) => void) | undefined;
  /** Ring of the last entries; put into words only when asked for. */
  readonly #last: (() => string)[] = [];
  #count = 0;

  constructor(options: TraceOptions) {
    this.#hash = options.hash ? createHash("sha256") : undefined;
    this.#write = options.write;
  }

  /** Something happened. */
  note(line: () => string): void {
    this.#last[this.#count++ % KEPT_LINES] = line;
    if (this.#hash === undefined && this.#write === undefined) return;
    const text = line();
    this.#hash?.update(text).update("\n");
    this.#write?.(text);
  }

  /** A packet arrived. */
  packet(packet: MemoryPacket): void {
    if (packet.data !== undefined) this.#hash?.update(packet.data);
    if (packet.kind === "credit" && this.#hash === undefined) return;
    this.note(() => words(packet));
  }

  /** The last lines, oldest first. */
  last(): string[] {
    const length = Math.min(this.#count, KEPT_LINES);
    return Array.from({ length }, (_, i) => {
      const at = (this.#count - length + i) % KEPT_LINES;
      return this.#last[at]!();
    });
  }

  /** SHA-256 of everything; ends the trace. */
  digest(): string | undefined {
    return this.#hash?.digest("hex");
  }
}

/** A moment of virtual time. */
export function at(ms: number): string {
  return `${ms.toFixed(3).padStart(11)} ms`;
}

function words(packet: MemoryPacket): string {
  const { atMs, from, to, kind, bytes, data } = packet;
  return `${at(atMs)}  ${from} > ${to} ${kind} ${bytes}${commands(data)}`;
}

/** The whole frames in one packet, and the head of the last, as far as it begins with a frame. */
export function framesOf(
  data: Uint8Array,
): {
  readonly command: string;
  readonly payload: Uint8Array;
  readonly isWhole: boolean;
}[] {
  const frames = [];
  for (let at = 0; at + FRAME_HEADER_BYTES <= data.length;) {
    const command = new TextDecoder("latin1").decode(
      data.subarray(at + 4, at + 16),
    )
      .replace(/\0+$/, "");
    if (!/^[a-z0-9]+$/.test(command)) break;
    const length = new DataView(data.buffer, data.byteOffset + at + 16, 4)
      .getUint32(0, true);
    at += FRAME_HEADER_BYTES;
    const payload = data.subarray(at, at + length);
    frames.push({ command, payload, isWhole: payload.length === length });
    at += length;
  }
  return frames;
}

/** The commands of the frames in one packet, as far as it begins with a frame. */
function commands(data: Uint8Array | undefined): string {
  if (data === undefined) return "";
  const names = framesOf(data).map(({ command }) => command);
  return names.length > 0 ? ` (${names.join(" ")})` : "";
}
