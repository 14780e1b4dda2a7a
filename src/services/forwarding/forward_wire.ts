/**
 * What is sent by the protocol `tcp/1` beside the forwarded bytes: the metadata of its three
 * kinds of streams, and the reply of the end that handles one, which comes before all other
 * bytes of that end. Pure; `docs/protocol.md` describes both.
 */
import { type ErrorCode, VerackError } from "../../core/errors.ts";
import type { Address } from "../../transport/address.ts";
import { ByteReader, ByteWriter } from "../../wire/bytes.ts";
import { hostFault } from "./forward_target.ts";
import {
  MAX_FORWARD_HOST_BYTES,
  MAX_FORWARD_TEXT_BYTES,
} from "../services_limits.ts";

/** The protocol of forwarded connections. */
export const FORWARD_PROTOCOL = "tcp/1";

/** What a stream is opened for. */
export type ForwardRequest =
  | {
    /** The peer connects to `address`, and the stream is that connection. */
    readonly kind: "connect";
    readonly address: Address;
  }
  | {
    /** The peer listens on `address` until the stream ends. */
    readonly kind: "listen";
    readonly address: Address;
    /** Stands for `address` in {@linkcode ForwardRequest} of kind `accepted`. */
    readonly id: number;
  }
  | {
    /** The stream is a connection that was accepted for the listener `id`. */
    readonly kind: "accepted";
    readonly id: number;
    /** The other end of that connection, for logs; any text. */
    readonly from: string;
  };

const KINDS = ["connect", "listen", "accepted"] as const;

/** The replies that are errors: the number on the wire is the place in this list. */
const REPLY_CODES = [
  undefined, // Connected, or listening.
  "not-allowed",
  "connection-refused",
  "unreachable",
  "dns",
  "timeout",
  "full",
  "address-in-use",
  "address-not-available",
  "failed",
] as const satisfies readonly (ErrorCode | undefined)[];

const FAILED = REPLY_CODES.indexOf("failed");

const REPLACING_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The metadata of a stream. */
export function encodeForwardRequest(
  request: ForwardRequest,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().u8(KINDS.indexOf(request.kind));
  if (request.kind === "accepted") {
    return writer.u32(request.id)
      .varString("address", request.from, MAX_FORWARD_HOST_BYTES).finish();
  }
  const { host, port } = request.address;
  writer.varString("host", host, MAX_FORWARD_HOST_BYTES).u16be(port);
  if (request.kind === "listen") writer.u32(request.id);
  return writer.finish();
}

/**
 * Reads the metadata of a stream.
 *
 * @throws {VerackError} `malformed`, also for an address that is not canonical.
 */
export function decodeForwardRequest(metadata: Uint8Array): ForwardRequest {
  const reader: ByteReader = new ByteReader("request to forward", metadata);
  const kind = KINDS[reader.u8("kind")];
  if (kind === undefined) {
    reader.refuse("kind", `${metadata[0]}`, `at most ${KINDS.length - 1}`, 0);
  }
  if (kind === "accepted") {
    const id = reader.u32("listener");
    const from = reader.varString("address", MAX_FORWARD_HOST_BYTES);
    reader.end();
    return { kind, id, from };
  }
  const start = reader.offset;
  const host = reader.varString("host", MAX_FORWARD_HOST_BYTES);
  const wanted = hostFault(host, kind);
  if (wanted !== undefined) {
    reader.refuse("host", JSON.stringify(host), wanted, start);
  }
  const port = reader.u16be("port");
  if (port === 0 && kind === "connect") {
    reader.refuse("port", "0", "1 to 65535", reader.offset - 2);
  }
  if (kind === "connect") {
    reader.end();
    return { kind, address: { host, port } };
  }
  const id = reader.u32("listener");
  reader.end();
  return { kind, address: { host, port }, id };
}

/** The reply that a connection is made. */
export const CONNECTED: Uint8Array<ArrayBuffer> = new Uint8Array(1);

/** The reply that a socket listens on this port. */
export function encodeListening(port: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(16).u8(0).u16be(port).finish();
}

/** The reply that there is no connection, or no listener. Its text is cut to what fits. */
export function encodeRefusal(
  code: ErrorCode,
  message: string,
): Uint8Array<ArrayBuffer> {
  const known = (REPLY_CODES as readonly (ErrorCode | undefined)[])
    .indexOf(code);
  const text = new Uint8Array(MAX_FORWARD_TEXT_BYTES);
  // `encodeInto` stops before a character that does not fit.
  const { written } = new TextEncoder().encodeInto(message, text);
  return new ByteWriter(300).u8(known < 1 ? FAILED : known)
    .compactSize(written).bytes(text.subarray(0, written)).finish();
}

/** Reads the reply at the beginning of a stream, in whatever parts it comes. */
export class ReplyReader {
  readonly #isListen: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #port: number | undefined;

  /** @param kind What the stream was opened for. */
  constructor(kind: ForwardRequest["kind"]) {
    this.#isListen = kind === "listen";
  }

  /** The port that the peer listens on. */
  get port(): number | undefined {
    return this.#port;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns The bytes behind the reply, or nothing while it is not complete.
   * @throws {VerackError} That which the peer sent; `malformed` for any other reply.
   */
  push(bytes: Uint8Array): Uint8Array | undefined {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
    const [code] = all;
    if (code === undefined) return undefined;
    const isRefusal = code !== 0;
    const length = isRefusal
      ? 2 + (all[1] ?? MAX_FORWARD_TEXT_BYTES)
      : this.#isListen
      ? 3
      : 1;
    if (all.length < length) return undefined;
    const reader = new ByteReader("reply to a request to forward", all);
    reader.u8("code");
    if (isRefusal) {
      const text = reader.varBytes("text", MAX_FORWARD_TEXT_BYTES);
      const meaning = REPLY_CODES[code] ?? "failed";
      throw new VerackError(meaning, REPLACING_UTF8.decode(text));
    }
    if (this.#isListen) this.#port = reader.u16be("port");
    return all.subarray(length);
  }
}
