// Rumours never admit anybody to a closed mesh: what does is an attestation signed by
// somebody the node has itself admitted, about exactly this peer and this network.
import { assert, assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { issueAttestation } from "../../src/identity/attestation.ts";
import { Node } from "../../src/mesh/node.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import { encodePing } from "../../src/wire/messages/ping.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { until } from "../helpers/until.ts";

const magic = networkMagic("main");
const NOBODY = { host: "127.0.0.1", port: 9 };

/** A closed node, a member that tells it things, and others it may speak of. */
class Stage implements AsyncDisposable {
  /** On nobody's list. */
  readonly subject: Identity;
  readonly outsider: Identity;
  /** A member that was denied since. */
  readonly denied: Identity;

  private constructor(
    readonly node: Node,
    readonly member: RawPeer,
    others: readonly Identity[],
  ) {
    const [subject, outsider, denied] = others;
    assert(subject && outsider && denied);
    this.subject = subject;
    this.outsider = outsider;
    this.denied = denied;
  }

  static async start(): Promise<Stage> {
    const node = await Node.start({ admission: "closed" });
    const [identity, denied, ...others] = await Promise.all(
      Array.from({ length: 4 }, () => Identity.generate()),
    );
    assert(identity && denied);
    node.admission.allow(identity.id);
    node.admission.allow(denied.id);
    {
      using gone = await RawPeer.open(node, { identity: denied });
      await gone.say(COMMAND.getpeers, new Uint8Array(33));
    }
    node.admission.deny(denied.id);
    const member = await RawPeer.open(node, { identity });
    return new Stage(node, member, [...others, denied]);
  }

  /** Whom the node has a record of, after it has read all that the member said. */
  async known(): Promise<PeerId[]> {
    const { member, node } = this;
    const pongs = member.count(COMMAND.pong);
    await member.say(COMMAND.ping, encodePing({ nonce: 1n }));
    await until("the pong", () => member.count(COMMAND.pong) > pongs);
    return node.peers().map((peer) => peer.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.member.close();
    await this.node.close();
  }
}

const state = (
  issuer: Identity,
  subject: Identity,
  network = magic,
): Uint8Array<ArrayBuffer> =>
  issueAttestation(issuer, { magic: network, subject: subject.id }, 0);

/** Statements that must admit nobody; made of what an attacker can have. */
const FORGERIES: Readonly<Record<string, (stage: Stage) => Uint8Array>> = {
  "no attestation": () => new Uint8Array(0),
  "an attestation cut short": ({ member, subject }) =>
    state(member.identity, subject).subarray(0, 60),
  "an attestation with a byte more": ({ member, subject }) =>
    Uint8Array.from([...state(member.identity, subject), 0]),
  "an attestation for another network": ({ member, subject }) =>
    state(member.identity, subject, networkMagic("other")),
  "an attestation about another peer": ({ member, outsider }) =>
    state(member.identity, outsider),
  "an attestation with issuer and subject swapped": ({ member, subject }) =>
    state(subject, member.identity),
  "an attestation by itself": ({ subject }) => state(subject, subject),
  "an attestation by somebody who is not admitted": ({ outsider, subject }) =>
    state(outsider, subject),
  "an attestation by somebody who was denied": ({ denied, subject }) =>
    state(denied, subject),
  "an attestation in a member's name, signed by another": (
    { member, outsider, subject },
  ) => {
    const bytes = state(outsider, subject);
    bytes.set(Uint8Array.fromHex(member.identity.id));
    return bytes;
  },
  "an attestation in the node's own name, signed by a member": (
    { node, member, subject },
  ) => {
    const bytes = state(member.identity, subject);
    bytes.set(Uint8Array.fromHex(node.identity.id));
    return bytes;
  },
};

Deno.test("attestations that are not by an admitted member about this peer admit no node", async (t) => {
  for (const [what, forge] of Object.entries(FORGERIES)) {
    await t.step(`${what}, told by a member and shown in a proof`, async () => {
      await using stage = await Stage.start();
      const { node, member, subject } = stage;
      const before = await stage.known();
      const attestation = forge(stage);
      await member.tell([entryOf(subject, [NOBODY], { attestation })]);
      assertEquals(await stage.known(), before);

      using knocking = await RawPeer.open(
        node,
        { identity: subject, attestation },
        "proof",
      );
      assertEquals((await knocking.refusal())?.name, "not-admitted");
      assertEquals(await stage.known(), before);
      assertEquals(node.admission.joinRequests().map((peer) => peer.id), [
        subject.id,
      ]);
    });
  }
});

Deno.test("an attestation by an admitted member admits the peer it is about, told or shown", async () => {
  await using stage = await Stage.start();
  const { node, member, subject, outsider } = stage;
  const attestation = state(member.identity, subject);
  await member.tell([entryOf(subject, [NOBODY], { attestation })]);
  assert((await stage.known()).includes(subject.id));
  const info = node.peers().find((peer) => peer.id === subject.id);
  assertEquals(info?.admittedBy, member.identity.id);
  using told = await RawPeer.open(node, { identity: subject });
  assertEquals(told.told()[0]?.id, node.identity.id);

  const other = state(member.identity, outsider);
  using shown = await RawPeer.open(node, {
    identity: outsider,
    attestation: other,
  });
  assertEquals(shown.told()[0]?.id, node.identity.id);
  assertEquals(node.admission.joinRequests(), []);
});

Deno.test("an attestation does not lift what a person said about its subject", async () => {
  await using stage = await Stage.start();
  const { node, member, subject, denied } = stage;
  node.admission.forget(subject.id);
  for (
    const [identity, reason] of [
      [denied, "denied"],
      [subject, "not-admitted"],
    ] as const
  ) {
    const attestation = state(member.identity, identity);
    const before = await stage.known();
    await member.tell([entryOf(identity, [NOBODY], { attestation })]);
    assertEquals(await stage.known(), before);
    using knocking = await RawPeer.open(
      node,
      { identity, attestation },
      "proof",
    );
    assertEquals((await knocking.refusal())?.name, reason);
  }
});

Deno.test("a member that lost the right to admit did not lose those that it admitted before", async () => {
  // Said in docs/security.md: denying a member does not undo its admissions.
  await using stage = await Stage.start();
  const { node, member, subject, outsider } = stage;
  const attestation = state(member.identity, subject);
  {
    using guest = await RawPeer.open(node, { identity: subject, attestation });
    assertEquals(guest.told().length, 1);
    node.admission.deny(member.identity.id);
    assert(node.peers().some((peer) => peer.id === subject.id));
  }
  using late = await RawPeer.open(
    node,
    { identity: outsider, attestation: state(member.identity, outsider) },
    "proof",
  );
  assertEquals((await late.refusal())?.name, "not-admitted");
});
