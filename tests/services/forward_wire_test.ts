import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { VerackError } from "../../src/core/errors.ts";
import {
  CONNECTED,
  decodeForwardRequest,
  encodeForwardRequest,
  encodeListening,
  encodeRefusal,
  type ForwardRequest,
  ReplyReader,
} from "../../src/services/forwarding/forward_wire.ts";
import { ByteWriter } from "../../src/wire/bytes.ts";

const REQUESTS: readonly (readonly [ForwardRequest, hex: string])[] = [
  [
    { kind: "connect", address: { host: "127.0.0.1", port: 5432 } },
    "00093132372e302e302e311538",
  ],
  [
    { kind: "listen", address: { host: "::1", port: 0 }, id: 7 },
    "01033a3a31000007000000",
  ],
  [
    { kind: "accepted", id: 7, from: "[::1]:9" },
    "0207000000075b3a3a315d3a39",
  ],
];

Deno.test("requests have these bytes, and are read as they were written", () => {
  for (const [request, hex] of REQUESTS) {
    assertEquals(encodeForwardRequest(request).toHex(), hex);
    assertEquals(decodeForwardRequest(Uint8Array.fromHex(hex)), request);
  }
});

Deno.test("a request is refused that is cut, has a byte too many, or another kind", () => {
  for (const [, hex] of REQUESTS) {
    const bytes = Uint8Array.fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      malformed(bytes.subarray(0, length));
    }
    malformed(new Uint8Array([...bytes, 0]));
  }
  malformed(Uint8Array.of(3));
  malformed(new Uint8Array(1_024));
});

Deno.test("an address from a peer has one spelling: every other form of it is refused", () => {
  const hosts = [
    "",
    "127.1",
    "127.0.0.01",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:0:0:1",
    "[::1]",
    "::1%lo",
    "0.0.0.0",
    "0.0.0.1",
    "::",
    "LOCALHOST",
    "localhost.",
    " localhost",
    "localhost\0",
    "localhost\n",
    "localhost:80",
    "ⅼocalhost",
    "user@localhost",
  ];
  for (const host of hosts) malformed(connectTo(host, 80));
  malformed(connectTo("127.0.0.1", 0));
  malformed(connectTo("a".repeat(254), 80));
  // The control: the spelling that is the right one.
  assertEquals(decodeForwardRequest(connectTo("localhost", 80)), {
    kind: "connect",
    address: { host: "localhost", port: 80 },
  });
});

Deno.test("a peer cannot have a node listen on a name", () => {
  const listen = new ByteWriter().u8(1).varString("host", "localhost", 253)
    .u16be(80).u32(1).finish();
  malformed(listen);
});

Deno.test("arbitrary metadata is read or refused as malformed, and what was read is written alike", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 64 }),
    fc.nat(3),
    (bytes, kind) => {
      const metadata = new Uint8Array([kind, ...bytes]);
      let request;
      try {
        request = decodeForwardRequest(metadata);
      } catch (error) {
        assertEquals((error as VerackError).code, "malformed");
        return;
      }
      assertEquals(encodeForwardRequest(request), metadata);
    },
  ));
});

Deno.test("a reply is read in whatever parts it comes, and what follows it is kept", () => {
  const sent = [...CONNECTED, 1, 2, 3];
  for (let cut = 1; cut <= sent.length; cut++) {
    const reader = new ReplyReader("connect");
    assertEquals(reader.push(new Uint8Array(0)), undefined);
    const rest = reader.push(Uint8Array.from(sent.slice(0, cut)));
    assertEquals([...rest ?? []], sent.slice(1, cut));
  }
  const listening = [...encodeListening(8080), 9];
  const reader = new ReplyReader("listen");
  for (const byte of listening.slice(0, 2)) {
    assertEquals(reader.push(Uint8Array.of(byte)), undefined);
  }
  assertEquals([...reader.push(Uint8Array.from(listening.slice(2)))!], [9]);
  assertEquals(reader.port, 8080);
});

Deno.test("a refusal arrives with its code and its text", () => {
  for (const parts of [1, 3, 1_000]) {
    const reader = new ReplyReader("connect");
    const sent = encodeRefusal("connection-refused", "nothing listens");
    assertThrows(
      () => {
        for (let at = 0; at < sent.length; at += parts) {
          reader.push(sent.subarray(at, at + parts));
        }
      },
      VerackError,
      "nothing listens",
    );
  }
});

Deno.test("a refusal for a reason that is not on the wire is a failure, and its text is cut", () => {
  const error = assertThrows(
    () =>
      new ReplyReader("connect").push(
        encodeRefusal("bad-key", "é".repeat(300)),
      ),
    VerackError,
  );
  assertEquals(error.code, "failed");
  assertEquals(error.message, "é".repeat(125));
  const unknown = assertThrows(
    () => new ReplyReader("connect").push(Uint8Array.of(200, 0)),
    VerackError,
  );
  assertEquals(unknown.code, "failed");
});

function connectTo(host: string, port: number): Uint8Array {
  return new ByteWriter().u8(0).varString("host", host, 1_000).u16be(port)
    .finish();
}

function malformed(metadata: Uint8Array): void {
  const error = assertThrows(() => decodeForwardRequest(metadata), VerackError);
  assertEquals(error.code, "malformed");
}
