// Admissions of peers without a record: which are remembered when there are too many.
import { assert, assertEquals } from "@std/assert";
import { MAX_FORMER_MEMBERS } from "../../../src/mesh/mesh_limits.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { verifyCertificate } from "../../../src/identity/certificate.ts";
import { parsePeerId, type PeerId } from "../../../src/core/peer_id.ts";
import { Identity } from "../../../src/identity/identity.ts";
import { logger } from "../../../src/core/log.ts";
import {
  FormerMembers,
  Membership,
} from "../../../src/mesh/admission/membership.ts";
import { resolveOptions } from "../../../src/mesh/options.ts";
import type { VerifiedPeer } from "../../../src/session/mesh_profile.ts";
import { networkMagic } from "../../../src/wire/frame.ts";
import { Standing } from "../../../src/mesh/peers/standing.ts";
import { plainRules, plainTable, recalled } from "../../helpers/plain_table.ts";

const attestation = new Uint8Array(1);

Deno.test("of former members the oldest without standing are forgotten first, then the oldest", () => {
  const former = new FormerMembers();
  const add = (id: PeerId, hasStanding: boolean) =>
    former.add(id, { attestation, hasStanding });
  for (const id of ["a" as PeerId, "b" as PeerId]) add(id, true);
  for (let at = 0; at < MAX_FORMER_MEMBERS; at++) {
    add(`stranger ${at}` as PeerId, false);
  }
  assert(["a" as PeerId, "b" as PeerId].every((id) => former.has(id)));
  const strangers = (at: number) => former.has(`stranger ${at}` as PeerId);
  assertEquals([0, 1, 2].map(strangers), [false, false, true]);
  for (let at = 0; at < MAX_FORMER_MEMBERS; at++) {
    add(`friend ${at}` as PeerId, true);
  }
  assert(!strangers(MAX_FORMER_MEMBERS - 1));
  assertEquals(former.has("a" as PeerId), false);
  assert(former.has("friend 0" as PeerId));
  assertEquals(former.take("friend 0" as PeerId), attestation);
  assertEquals(former.has("friend 0" as PeerId), false);
});

Deno.test("a closed node lets a friend in again, though more members than it remembers have come and gone since", async () => {
  const identity = await Identity.generate();
  const table = plainTable();
  const rules = plainRules();
  const membership = new Membership({
    clock: systemClock,
    emit: () => {},
    events: table.events,
    identity,
    log: logger("mesh"),
    magic: networkMagic("main"),
    rules,
    settings: resolveOptions({ admission: "closed" }),
    standing: new Standing(rules),
    table,
  });
  const id = (at: number) => parsePeerId(at.toString(16).padStart(64, "0"));
  for (let at = 0; at <= MAX_FORMER_MEMBERS; at++) {
    const record = recalled(table.ensure(id(at))!, {
      lastSeen: 1,
      earnedStanding: at === 0,
    });
    table.forget(record);
  }
  const certificate = verifyCertificate(identity.certificate);
  const refusal = (at: number) =>
    membership.refusal(
      { id: id(at), certificate } as VerifiedPeer,
      { host: "10.0.0.1", port: 1 },
      "inbound",
    )?.code;
  assertEquals([0, 1, 2].map(refusal), [undefined, "not-admitted", undefined]);
});
