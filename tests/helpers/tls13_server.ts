/**
 * The accepting end of TLS 1.3 (RFC 8446), as much as a test needs: it shows any certificate and
 * signs the handshake in any way, which no library of TLS lets a server do. X25519 and
 * AES-128-GCM; one connection, its ClientHello in one record.
 */
import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  type KeyObject,
} from "node:crypto";

/** What the server shows, and what it signs with. */
export interface Shown {
  /** X.509 DER. */
  readonly certificate: Uint8Array;
  /** SignatureScheme (RFC 8446 §4.2.3). */
  readonly scheme: number;
  /** Signs what a server signs of the handshake. */
  sign(handshake: Uint8Array): Uint8Array;
  readonly protocol: string;
}

/** How the other end answered the handshake. */
export type Answer = "finished" | `alert ${number}` | "hung up";

const HASH_BYTES = 32;
const RECORD = { alert: 21, handshake: 22, data: 23 } as const;
const KEY_SHARE = 51;
const X25519 = 0x001d;

/** Serves the first connection of `listener`, which it closes, to the end of the handshake. */
export async function serveTls13(
  listener: Deno.TcpListener,
  shown: Shown,
): Promise<Answer> {
  using _ = listener;
  using socket = await listener.accept();
  const hello = (await readRecord(socket))?.body;
  if (hello === undefined) return "hung up";
  const { sessionId, share } = readHello(hello);
  const own = generateKeyPairSync("x25519");
  const raw = own.publicKey.export({ format: "der", type: "spki" }).subarray(
    -32,
  );
  const answer = message(2, [
    u16(0x0303),
    crypto.getRandomValues(new Uint8Array(32)),
    vector(1, sessionId),
    u16(0x1301),
    Uint8Array.of(0),
    vector(2, [
      extension(43, [u16(0x0304)]),
      extension(KEY_SHARE, [u16(X25519), vector(2, raw)]),
    ]),
  ]);
  let transcript = Buffer.concat([hello, answer]);
  const keys = handshakeKeys(
    diffieHellman({ privateKey: own.privateKey, publicKey: share }),
    transcript,
  );
  const say = (said: Buffer) => {
    transcript = Buffer.concat([transcript, said]);
    return said;
  };
  const protocol = vector(1, Buffer.from(shown.protocol));
  const flight = [
    message(8, [vector(2, [extension(16, [vector(2, protocol)])])]),
    message(11, [
      vector(1, []),
      vector(3, [vector(3, shown.certificate), vector(2, [])]),
    ]),
  ].map(say);
  const signature = shown.sign(
    Buffer.concat([
      Buffer.alloc(64, 0x20),
      Buffer.from("TLS 1.3, server CertificateVerify\0"),
      digest(transcript),
    ]),
  );
  flight.push(say(message(15, [u16(shown.scheme), vector(2, signature)])));
  const finished = hmac(
    expand(keys.server, "finished", [], HASH_BYTES),
    digest(transcript),
  );
  flight.push(message(20, [finished]));
  await sendAll(socket, record(RECORD.handshake, answer));
  await sendAll(socket, seal(keys.server, Buffer.concat(flight)));
  return await readAnswer(socket, keys.client);
}

/** Session id and key share of a ClientHello. */
function readHello(hello: Buffer): { sessionId: Buffer; share: KeyObject } {
  // Type, length, version and random.
  let at = 4 + 2 + 32;
  const take = (lengthBytes: number) => {
    const length = hello.readUIntBE(at, lengthBytes);
    at += lengthBytes + length;
    return hello.subarray(at - length, at);
  };
  const sessionId = take(1);
  take(2); // cipher suites
  take(1); // compression
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = hello.readUInt16BE(at);
    at += 2;
    const shares = take(2);
    for (let i = 2; type === KEY_SHARE && i < shares.length;) {
      const length = shares.readUInt16BE(i + 2);
      const key = shares.subarray(i + 4, i + 4 + length);
      if (shares.readUInt16BE(i) === X25519) {
        return { sessionId, share: x25519Key(key) };
      }
      i += 4 + length;
    }
  }
  throw new Error("The ClientHello offers no X25519");
}

function x25519Key(raw: Buffer): KeyObject {
  const spki = Buffer.concat([
    Buffer.from("302a300506032b656e032100", "hex"),
    raw,
  ]);
  return createPublicKey({ key: spki, format: "der", type: "spki" });
}

/** The traffic secrets of the handshake (RFC 8446 §7.1). */
function handshakeKeys(shared: Buffer, transcript: Buffer) {
  const early = hmac(Buffer.alloc(HASH_BYTES), Buffer.alloc(HASH_BYTES));
  const salt = expand(early, "derived", digest([]), HASH_BYTES);
  const secret = hmac(salt, shared);
  const traffic = (label: string) =>
    expand(secret, label, digest(transcript), HASH_BYTES);
  return { client: traffic("c hs traffic"), server: traffic("s hs traffic") };
}

/** HKDF-Expand-Label, for at most one hash. */
function expand(
  secret: Buffer,
  label: string,
  context: Bytes,
  length: number,
): Buffer {
  const info = Buffer.concat([
    u16(length),
    vector(1, Buffer.from(`tls13 ${label}`)),
    vector(1, context),
    Buffer.of(1),
  ]);
  return hmac(secret, info).subarray(0, length);
}

/** The first record of a traffic secret. */
function seal(secret: Buffer, content: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-gcm", ...keyAndNonce(secret));
  const header = Buffer.concat([
    Buffer.of(RECORD.data, 3, 3),
    u16(content.length + 1 + 16),
  ]);
  cipher.setAAD(header);
  return Buffer.concat([
    header,
    cipher.update(Buffer.concat([content, Buffer.of(RECORD.handshake)])),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}

function keyAndNonce(secret: Buffer): [Buffer, Buffer] {
  return [expand(secret, "key", [], 16), expand(secret, "iv", [], 12)];
}

async function readAnswer(
  socket: Deno.TcpConn,
  secret: Buffer,
): Promise<Answer> {
  for (;;) {
    const next = await readRecord(socket);
    if (next === undefined) return "hung up";
    // An alert before keys are there; a change of cipher means nothing.
    if (next.type === RECORD.alert) return `alert ${next.body[1] ?? 0}`;
    if (next.type !== RECORD.data) continue;
    const open = createDecipheriv("aes-128-gcm", ...keyAndNonce(secret));
    open.setAAD(next.header);
    open.setAuthTag(next.body.subarray(-16));
    const content = Buffer.concat([
      open.update(next.body.subarray(0, -16)),
      open.final(),
    ]);
    return content.at(-1) === RECORD.alert
      ? `alert ${content[1] ?? 0}`
      : "finished";
  }
}

async function readRecord(socket: Deno.TcpConn) {
  const header = await readExactly(socket, 5);
  const body = header && await readExactly(socket, header.readUInt16BE(3));
  return header && body && { type: header[0], header, body };
}

async function readExactly(
  socket: Deno.TcpConn,
  length: number,
): Promise<Buffer | undefined> {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length;) {
    const count = await socket.read(bytes.subarray(at)).catch(() => null);
    if (count === null) return undefined;
    at += count;
  }
  return bytes;
}

async function sendAll(socket: Deno.TcpConn, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await socket.write(bytes.subarray(at));
  }
}

type Bytes = Uint8Array | readonly Uint8Array[];

function joined(parts: Bytes): Uint8Array {
  return parts instanceof Uint8Array ? parts : Buffer.concat(parts);
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Bytes behind their length. */
function vector(lengthBytes: number, parts: Bytes): Buffer {
  const bytes = joined(parts);
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(bytes.length, 0, lengthBytes);
  return Buffer.concat([length, bytes]);
}

function extension(type: number, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([u16(type), vector(2, parts)]);
}

/** A message of the handshake. */
function message(type: number, parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(type), vector(3, parts)]);
}

function record(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3), vector(2, body)]);
}

function digest(bytes: Bytes): Buffer {
  return hash("sha256", joined(bytes), "buffer");
}

function hmac(key: Buffer, bytes: Buffer): Buffer {
  return createHmac("sha256", key).update(bytes).digest();
}
