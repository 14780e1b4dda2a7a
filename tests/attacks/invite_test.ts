// An invite lets one guest in, for a while, at the host that gave it; whoever gets
// hold of the line later, or stands in between, gets nothing.
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import {
  formatInvite,
  inviteSecret,
  parseInvite,
} from "../../src/identity/invite.ts";
import { issueAttestation, issuerOf } from "../../src/identity/attestation.ts";
import { partsOf } from "../../src/mesh/node_parts.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import { Records } from "../../src/store/records.ts";
import { SqliteStore } from "../../src/store/sqlite_store.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { networkMagic } from "../../src/wire/frame.ts";
import {
  decodeWelcome,
  encodeWelcome,
} from "../../src/wire/messages/credentials.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { EventLog } from "../helpers/nodes.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const closed = { admission: "closed" } as const;
const secretOf = (line: string) => inviteSecret(parseInvite(line).code);
const isUp = (node: Node, id: string) =>
  node.sessions().some((link) => link.id === id);

Deno.test("an invite is used once: by the first of two guests that come together", async () => {
  await using host = await Node.start(closed);
  const invite = host.admission.invite();
  const shows = secretOf(invite);
  // Both have shown that they know the code before either says who it is.
  using first = await RawPeer.open(host, { shows }, "features");
  using second = await RawPeer.open(host, { shows }, "features");
  await first.shakeOn("proof");
  await second.say(COMMAND.proof, second.proof());
  assertEquals((await second.refusal())?.name, "bad-invite");
  assert(isUp(host, first.identity.id));
  assert(!host.peers().some((it) => it.id === second.identity.id));

  // The same guest may come again with it, for instance because its welcome was lost.
  first.close();
  const { identity } = first;
  using again = await RawPeer.open(host, { identity, shows });
  await again.take(COMMAND.welcome);
});

Deno.test("an invite is worth nothing once it has expired", async () => {
  let passedMs = 0;
  const clock: Clock = {
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic(),
    after: (delayMs, callback) => systemClock.after(delayMs, callback),
  };
  await using host = await Node.start({ ...closed, clock });
  const shows = secretOf(host.admission.invite({ ttlMs: 60_000 }));
  using guest = await RawPeer.open(host, { shows }, "challenge");
  passedMs = 59_000;
  using intime = await RawPeer.open(host, { shows }, "challenge");
  passedMs = 61_000;
  using late = await RawPeer.open(host, {}, "challenge");
  await late.say(COMMAND.secret, late.secret(shows));
  assertEquals((await late.refusal())?.name, "bad-invite");
  // Nor is it between showing the code and saying who one is.
  for (const peer of [guest, intime]) {
    await peer.features();
    await peer.say(COMMAND.proof, peer.proof());
    assertEquals((await peer.refusal())?.name, "bad-invite");
  }
  assertEquals(host.peers(), []);
});

Deno.test("an invite given by one node opens no other", async () => {
  await using host = await Node.start(closed);
  await using other = await Node.start(closed);
  const shows = secretOf(host.admission.invite());
  using guest = await RawPeer.open(other, {}, "challenge");
  await guest.say(COMMAND.secret, guest.secret(shows));
  assertEquals((await guest.refusal())?.name, "bad-invite");
});

Deno.test("a node between a guest and its host is refused, and learns no code", async () => {
  await using host = await Node.start(closed);
  await using mallory = await RawListener.start();
  await using proxy = TcpProxy.start(() => mallory.address);
  const invite = host.admission.invite({ address: proxy.address });
  await using guest = await Node.start({ invite });
  const log = new EventLog(guest);
  await until("the refusal", () => log.of("refused").length > 0);
  assertStringIncludes(log.of("refused")[0]!.reason, mallory.identity.id);
  assertEquals(mallory.peers.flatMap(({ frames }) => frames), []);
  assert(!isUp(guest, mallory.identity.id));
});

Deno.test("a guest whose bytes are only passed on gets in", async () => {
  await using host = await Node.start(closed);
  await using proxy = TcpProxy.start(() => host.address);
  const invite = host.admission.invite({ address: proxy.address });
  await using guest = await Node.start({ invite });
  await until("the guest", () => isUp(host, guest.identity.id));
});

Deno.test("a welcome without an invite is ignored, and a false one ends the session", async () => {
  const magic = networkMagic("main");
  await using mallory = await RawListener.start();
  const store = new MemoryStore();
  const identity = await Identity.generate();
  const about = (issuer: Identity, subject: PeerId) =>
    encodeWelcome({
      attestation: issueAttestation(issuer, { magic, subject }, 0),
      closed: true,
      networkKey: new Uint8Array(32),
    });
  const kept = () => store.setting(`welcome main ${identity.id}`);
  {
    // A member that we dialed without an invite, while another's host is awaited.
    const invite = formatInvite({
      host: parsePeerId("ab".repeat(32)),
      address: { host: "127.0.0.1", port: 9 },
      code: new Uint8Array(20),
    });
    await using node = await Node.start({
      identity,
      store,
      invite,
      connect: [`${mallory.identity.id}@${mallory.address}`],
    });
    using peer = await mallory.next();
    await peer.answer();
    await peer.say(COMMAND.welcome, about(mallory.identity, identity.id));
    await peer.say(COMMAND.ping, new Uint8Array(8));
    await peer.take(COMMAND.pong);
    assertEquals(kept(), undefined);
    assert(isUp(node, mallory.identity.id));
  }
  {
    // The host itself, with an attestation about somebody else.
    const code = new Uint8Array(20);
    const invite = formatInvite({
      host: mallory.identity.id,
      address: parseAddress(mallory.address),
      code,
    });
    await using node = await Node.start({ identity, store, invite });
    using peer = await mallory.next();
    peer.knows = inviteSecret(code);
    await peer.answer();
    await peer.say(
      COMMAND.welcome,
      about(mallory.identity, parsePeerId("ab".repeat(32))),
    );
    assertStringIncludes((await peer.refusal())?.text ?? "", "welcome");
    assertEquals(kept(), undefined);
    await until("the end", () => !isUp(node, mallory.identity.id));
  }
});

Deno.test("an invite that was used stays its guest's though the host was killed before its welcome", async () => {
  const dir = await Deno.makeTempDir();
  const identity = await Identity.generate({ ephemeral: false });
  const guest = await Identity.generate({ ephemeral: false });
  try {
    const open = (name: string) =>
      SqliteStore.open(`${dir}/${name}`, { clock: systemClock });
    using store = open("node.db");
    await using host = await Node.start({ ...closed, identity, store });
    const shows = secretOf(host.admission.invite());
    // Admitted, and what is on disk at that instant: a kill leaves nothing else.
    using admitted = await RawPeer.open(
      host,
      { identity: guest, shows },
      "verack",
    );
    assertEquals(admitted.count(COMMAND.welcome), 0);
    for (const suffix of ["", "-wal"]) {
      await Deno.copyFile(`${dir}/node.db${suffix}`, `${dir}/left.db${suffix}`);
    }
    await host.close({ abrupt: true });

    using left = open("left.db");
    await using again = await Node.start({ ...closed, identity, store: left });
    using thief = await RawPeer.open(again, { shows }, "features");
    await thief.say(COMMAND.proof, thief.proof());
    assertEquals((await thief.refusal())?.name, "bad-invite");
    using back = await RawPeer.open(again, { identity: guest, shows });
    const welcome = decodeWelcome(await back.take(COMMAND.welcome));
    assert(welcome.closed);
    assertEquals(issuerOf(welcome.attestation), identity.id);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

for (const verdict of ["forget", "deny"] as const) {
  Deno.test(`a guest that is the object of ${verdict} does not walk back in by its invite, nor does another that has the line`, async () => {
    await using host = await Node.start(closed);
    const shows = secretOf(host.admission.invite());
    const other = secretOf(host.admission.invite());
    const identity = await Identity.generate();
    {
      using guest = await RawPeer.open(host, { identity, shows });
      await guest.take(COMMAND.welcome);
    }
    {
      // The control: until then it may come as often as it likes.
      using guest = await RawPeer.open(host, { identity, shows });
      await guest.take(COMMAND.welcome);
    }
    host.admission[verdict](identity.id);
    for (const who of [identity, await Identity.generate()]) {
      using peer = await RawPeer.open(host, { identity: who }, "challenge");
      await peer.say(COMMAND.secret, peer.secret(shows));
      assertEquals((await peer.refusal())?.name, "bad-invite");
    }
    // Invites of others are as good as before, and a new one lifts what can be lifted.
    if (verdict === "forget") {
      using guest = await RawPeer.open(host, { identity, shows: other });
      await guest.take(COMMAND.welcome);
    } else {
      using peer = await RawPeer.open(
        host,
        { identity, shows: other },
        "features",
      );
      await peer.say(COMMAND.proof, peer.proof());
      assertEquals((await peer.refusal())?.name, "denied");
    }
  });
}

Deno.test("a revoked invite admits no node, also not a guest that has shown it already", async () => {
  await using host = await Node.start(closed);
  const line = host.admission.invite();
  const other = host.admission.invite();
  const shows = secretOf(line);
  using begun = await RawPeer.open(host, { shows }, "features");
  assertEquals(host.admission.invites().length, 2);
  assertEquals(host.admission.revoke(shows.id.slice(0, 8)).id, shows.id);
  await begun.say(COMMAND.proof, begun.proof());
  assertEquals((await begun.refusal())?.name, "bad-invite");
  using late = await RawPeer.open(host, {}, "challenge");
  await late.say(COMMAND.secret, late.secret(shows));
  assertEquals((await late.refusal())?.name, "bad-invite");
  // The other one is as good as before, and shows who came with it.
  using guest = await RawPeer.open(host, { shows: secretOf(other) });
  await guest.take(COMMAND.welcome);
  const [left, ...rest] = host.admission.invites();
  assertEquals([left?.id, left?.usedBy, rest], [
    secretOf(other).id,
    guest.identity.id,
    [],
  ]);
  for (const text of [shows.id, "", "zz", secretOf(other).id.slice(0, 7)]) {
    assertThrows(() => host.admission.revoke(text), VerackError, "no invite");
  }
});

for (const seen of ["by the node", "when it was shown", "by a command"]) {
  Deno.test(`an invite whose end was seen ${seen} stays ended, though the process was killed and the clock set back`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const clock = new VirtualClock();
      const identity = await Identity.generate({ ephemeral: false });
      const open = (name: string) =>
        SqliteStore.open(`${dir}/${name}`, { clock });
      /** What a kill at this instant leaves. */
      const kill = async (from: string, to: string) => {
        for (const suffix of ["", "-wal"]) {
          await Deno.copyFile(
            `${dir}/${from}${suffix}`,
            `${dir}/${to}${suffix}`,
          );
        }
      };
      const options = { identity, admission: "closed", clock } as const;
      const made = open("made");
      const node = await Node.start({ ...options, store: made });
      const line = node.admission.invite({ ttlMs: 60_000 });
      const lasting = node.admission.invite({ ttlMs: 600_000 });
      const ids = (node: Node) => node.admission.invites().map(({ id }) => id);
      const both = [line, lasting].map((it) => secretOf(it).id);
      assertEquals(ids(node), both);
      await kill("made", "copy");
      let left = "made";
      if (seen === "by a command") {
        left = "copy";
        clock.wallOffsetMs = 61_000;
        using store = open(left);
        const listed = new Records(store, clock).invites();
        assertEquals(listed.map(({ id }) => id), both.slice(1));
        await kill("copy", "left");
      } else {
        clock.wallOffsetMs = 61_000;
        if (seen === "by the node") await clock.advance(1_000);
        else {
          const { invites } = partsOf(node).membership;
          assertEquals(both.map((id) => invites.find(id) !== undefined), [
            false,
            true,
          ]);
        }
        await kill("made", "left");
      }
      const closing = node.close({ abrupt: true });
      await clock.advance(10_000);
      await closing;
      made.close();

      clock.wallOffsetMs = -3_600_000;
      using store = open("left");
      const again = await Node.start({ ...options, store });
      assertEquals(ids(again), both.slice(1));
      const over = again.close({ abrupt: true });
      await clock.advance(10_000);
      await over;
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
