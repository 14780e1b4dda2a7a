/** Whose word admits a peer to a closed mesh. */
import { assertEquals } from "@std/assert";
import { verifyCertificate } from "../../../src/identity/certificate.ts";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { issueAttestation } from "../../../src/identity/attestation.ts";
import { Attestations } from "../../../src/mesh/admission/attestations.ts";
import { networkMagic } from "../../../src/wire/frame.ts";
import { plainTable, recalled } from "../../helpers/plain_table.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";

const magic = networkMagic("main");

Deno.test("a member that we have admitted admits others, itself not, and no other does", async () => {
  const [own, member, stranger] = await Promise.all(
    [1, 2, 3].map(() => Identity.generate()),
  );
  const table = plainTable();
  for (const { id, certificate } of [member!, stranger!]) {
    recalled(table.ensure(id)!, {
      certificate: verifyCertificate(certificate),
    });
  }
  const attestations = new Attestations({
    clock: new VirtualClock(),
    identity: own!,
    magic,
    table,
    isMember: ({ id }) => id === member!.id,
  });
  const guest = parsePeerId("ab".repeat(32));
  const admits = (issuer: Identity, subject: PeerId) =>
    attestations.admits(
      issueAttestation(issuer, { magic, subject }, 1),
      subject,
    );
  assertEquals(admits(member!, guest), true);
  assertEquals(admits(own!, guest), true);
  assertEquals(admits(stranger!, guest), false);
  assertEquals(admits(member!, member!.id), false);
  assertEquals(admits(own!, own!.id), false);
});
