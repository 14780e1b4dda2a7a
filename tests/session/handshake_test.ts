// The rules Bitcoin and the mesh share, each as Bitcoin Core has it
// (src/net_processing.cpp), in both roles.
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { BitcoinProfile } from "../../src/session/bitcoin_profile.ts";
import {
  Handshake,
  type HandshakeAction,
  type Role,
} from "../../src/session/handshake.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import {
  encodeVersion,
  type VersionMessage,
} from "../../src/wire/messages/version.ts";

const EMPTY = new Uint8Array(0);
const MAGIC = new Uint8Array([0xfa, 0xbf, 0xb5, 0xda]);

function version(fields: Partial<VersionMessage> = {}): VersionMessage {
  const nowhere = { services: 0n, ip: new Uint8Array(16), port: 0 };
  return {
    version: 70016,
    services: 9n,
    timestamp: 1_700_000_000n,
    addrRecv: nowhere,
    addrFrom: nowhere,
    nonce: 42n,
    userAgent: new TextEncoder().encode("/test:1/"),
    startHeight: 0,
    relay: true,
    ...fields,
  };
}

function handshake(
  role: Role,
  fields: Partial<VersionMessage> = {},
  ownNonces: bigint[] = [],
): Handshake {
  return new Handshake({
    role,
    profile: new BitcoinProfile(),
    local: version({ nonce: 7n, ...fields }),
    isOwnNonce: (nonce) => ownNonces.includes(nonce),
  });
}

function receive(
  machine: Handshake,
  command: string,
  payload: Uint8Array = EMPTY,
): HandshakeAction[] {
  return machine.receive({ command, payload });
}

function sent(actions: HandshakeAction[]): string[] {
  return actions.map((a) => a.type === "send" ? a.command : `<${a.type}>`);
}

Deno.test("the initiator speaks first", () => {
  assertEquals(sent(handshake("initiator").start()), ["version"]);
});

Deno.test("the responder says nothing until it has a version, then everything at once", () => {
  const machine = handshake("responder");
  assertEquals(machine.start(), []);
  assertEquals(sent(receive(machine, "version", encodeVersion(version()))), [
    "version",
    "wtxidrelay",
    "sendaddrv2",
    "verack",
  ]);
  assertEquals(sent(receive(machine, "verack")), ["<complete>"]);
});

Deno.test("the initiator is complete when the peer's version and then its verack came", () => {
  const machine = handshake("initiator");
  machine.start();
  assertEquals(sent(receive(machine, "version", encodeVersion(version()))), [
    "wtxidrelay",
    "sendaddrv2",
    "verack",
  ]);
  assertEquals(machine.state, "running");
  assertEquals(sent(receive(machine, "verack")), ["<complete>"]);
  assertEquals(machine.state, "complete");
});

Deno.test("wtxidrelay and sendaddrv2 go to peers of 70016 and later only", () => {
  for (const [theirs, features] of [[70015, 0], [70016, 2], [70017, 2]]) {
    const machine = handshake("initiator");
    machine.start();
    const payload = encodeVersion(version({ version: theirs as number }));
    assertEquals(
      sent(receive(machine, "version", payload)).length,
      1 + features!,
    );
    assertEquals(machine.commonVersion, Math.min(theirs as number, 70016));
  }
});

for (const role of ["initiator", "responder"] as const) {
  Deno.test(`${role}: everything before the peer's version is ignored, also verack`, () => {
    const machine = handshake(role);
    machine.start();
    for (const command of ["verack", "ping", "sendaddrv2", "nonsense"]) {
      assertEquals(receive(machine, command), []);
    }
    assertEquals(machine.state, "running");
    receive(machine, "version", encodeVersion(version()));
    assertEquals(machine.features.size, 0);
    assertEquals(machine.state, "running");
  });

  Deno.test(`${role}: a second version is ignored, the first one's fields stay`, () => {
    const machine = handshake(role);
    machine.start();
    receive(machine, "version", encodeVersion(version({ startHeight: 1 })));
    const second = encodeVersion(version({ startHeight: 2, version: 1 }));
    assertEquals(receive(machine, "version", second), []);
    assertEquals(machine.remote?.startHeight, 1);
  });

  Deno.test(`${role}: unknown and known messages before verack are ignored, no pong`, () => {
    const machine = handshake(role);
    machine.start();
    receive(machine, "version", encodeVersion(version()));
    for (const command of ["ping", "getaddr", "xyzzy", "reject", "peers"]) {
      assertEquals(receive(machine, command, new Uint8Array(8)), []);
    }
    assertEquals(machine.state, "running");
  });

  Deno.test(`${role}: features between version and verack are remembered`, () => {
    const machine = handshake(role);
    machine.start();
    receive(machine, "version", encodeVersion(version()));
    receive(machine, "wtxidrelay");
    receive(machine, "sendaddrv2");
    assertEquals([...machine.features], ["wtxidrelay", "sendaddrv2"]);
  });

  Deno.test(`${role}: a version below 31800 ends it without a verack`, () => {
    const machine = handshake(role);
    machine.start();
    const payload = encodeVersion(version({ version: 31799 }));
    const actions = receive(machine, "version", payload);
    assertEquals(sent(actions), ["<fail>"]);
    const [failure] = actions;
    assert(failure?.type === "fail");
    assertEquals(failure.error.code, "obsolete");
    assertEquals([failure.error.expected, failure.error.actual], [
      31800,
      31799,
    ]);
    assertStringIncludes(failure.error.message, "31799");
    assertStringIncludes(failure.error.message, "31800");
  });

  Deno.test(`${role}: 31800 is just new enough`, () => {
    const machine = handshake(role);
    machine.start();
    receive(machine, "version", encodeVersion(version({ version: 31800 })));
    assertEquals(sent(receive(machine, "verack")), ["<complete>"]);
  });

  Deno.test(`${role}: a frame with a fault and a payload that does not parse are dropped`, () => {
    const machine = handshake(role);
    machine.start();
    const payload = encodeVersion(version());
    for (const fault of ["bad-checksum", "bad-command"] as const) {
      assertEquals(machine.receive({ command: "version", payload, fault }), []);
    }
    assertEquals(receive(machine, "version", payload.subarray(0, 45)), []);
    assertEquals(machine.remote, undefined);
    receive(machine, "version", payload);
    assertEquals(machine.remote?.nonce, 42n);
  });
}

Deno.test("the responder refuses a nonce of its own outbound connections", () => {
  const machine = handshake("responder", {}, [99n]);
  const payload = encodeVersion(version({ nonce: 99n }));
  const [failure] = receive(machine, "version", payload);
  assert(failure?.type === "fail");
  assertEquals(failure.error.code, "self");
  assertEquals(machine.remote, undefined);
});

Deno.test("the initiator refuses a peer that answers with its nonce", () => {
  const machine = handshake("initiator");
  machine.start();
  const [failure] = receive(
    machine,
    "version",
    encodeVersion(version({ nonce: 7n })),
  );
  assert(failure?.type === "fail");
  assertEquals(failure.error.code, "self");
});

Deno.test("receive() after the end is a mistake of the caller", () => {
  const machine = handshake("responder");
  receive(machine, "version", encodeVersion(version()));
  receive(machine, "verack");
  assertThrows(() => receive(machine, "ping"), TypeError, "complete");
});

Deno.test("both ends complete however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
    (sizes) => {
      const ends = [
        handshake("initiator"),
        handshake("responder", { nonce: 8n }),
      ];
      const decoders = ends.map(() =>
        new FrameDecoder({ magic: MAGIC, maxPayload: 1000 })
      );
      const inbox: Uint8Array[][] = [[], []];
      const perform = (from: number, actions: HandshakeAction[]) => {
        for (const action of actions) {
          assert(action.type !== "fail");
          if (action.type !== "send") continue;
          let bytes = encodeFrame(MAGIC, action.command, action.payload);
          while (bytes.length > 0) {
            const size = sizes.next().value;
            inbox[1 - from]!.push(bytes.subarray(0, size));
            bytes = bytes.subarray(size);
          }
        }
      };
      perform(0, ends[0]!.start());
      for (
        let turn = 0;
        inbox.some((queue) => queue.length > 0);
        turn = 1 - turn
      ) {
        const chunk = inbox[turn]!.shift();
        if (chunk === undefined) continue;
        decoders[turn]!.push(chunk);
        for (let f = decoders[turn]!.next(); f; f = decoders[turn]!.next()) {
          perform(turn, ends[turn]!.receive(f));
        }
      }
      assertEquals(ends.map((end) => end.state), ["complete", "complete"]);
    },
  ));
});
