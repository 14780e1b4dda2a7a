// Whole sessions, byte for byte: what two nodes say with fixed keys and chance, and
// what one says to whoever plays the other.
import { assert, assertEquals } from "@std/assert";
import { verify } from "node:crypto";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { decodeProof } from "../../src/wire/messages/credentials.ts";
import { readVectors, recordAll } from "./vectors/record.ts";
import { replay } from "./vectors/replay.ts";
import { SETUPS } from "./vectors/sessions.ts";
import { packHex, unpackHex } from "./vectors/tape.ts";
import { derOf, World } from "./vectors/world.ts";

const vectors = await readVectors();

Deno.test("two nodes with the keys and chance of the vectors say exactly what is recorded", async () => {
  assertEquals(await recordAll(vectors.keys), vectors);
});

for (const role of ["dialer", "listener"] as const) {
  Deno.test(`a node that is the ${role} answers a recorded peer with the recorded bytes`, async () => {
    let world = new World(vectors.keys);
    for (const setup of SETUPS) {
      if (!setup.continues) world = new World(vectors.keys);
      const session = vectors.sessions.find(({ name }) => name === setup.name);
      assert(session !== undefined);
      await replay(world, vectors, session, setup, role);
    }
  });
}

Deno.test("the recorded proofs are by the recorded keys over what is said to be signed", () => {
  const { dialer } = vectors.keys;
  const certificate = verifyCertificate(
    derOf(dialer.certificate),
    dialer.id,
  );
  for (const { frames, derived } of vectors.sessions) {
    const proof = frames.find(({ command }) => command === "proof");
    const payload = unpackHex(proof?.bytes ?? "").subarray(24);
    const { signature } = decodeProof(payload);
    const signed = Uint8Array.fromHex(derived.signed);
    assert(verify(null, signed, certificate.publicKey, signature));
  }
});

Deno.test("what repeats in a vector is written once, and read back", () => {
  const bytes = Uint8Array.from([1, 2, ...Array(100).fill(3), 4]);
  assertEquals(packHex(bytes), "0102 03*100 04");
  assertEquals(unpackHex("0102 03*100 04"), bytes);
});
