// Somebody else sits at an address: one that a person typed, one on record, one
// that was heard of.
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { serverNameOf } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { VerackError } from "../../src/core/errors.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { entryOf } from "../helpers/forged_messages.ts";
import { RawListener } from "../helpers/raw_listener.ts";
import { EventLog } from "../helpers/nodes.ts";
import { Sink } from "../helpers/sink.ts";
import { TcpProxy } from "../helpers/tcp_proxy.ts";
import { until } from "../helpers/until.ts";
import { lasting } from "../helpers/identities.ts";

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`another identity at a typed address of ${host} is refused, the old one kept`, async () => {
    await using first = await Node.start({
      identity: await lasting(),
      host,
    });
    await using impostor = await Node.start({
      identity: await lasting(),
      host,
    });
    const { id } = first.identity;
    let to = first.address;
    await using place = TcpProxy.start(() => to, host);
    await using victim = await Node.start({ connect: [place.address], host });
    const log = new EventLog(victim);
    await until("the first to be up", () => log.of("peer:up").length === 1);
    const addresses = victim.peers()[0]?.addresses;
    await first.close({ abrupt: true });
    await until("the first to be gone", () => log.of("peer:down").length === 1);
    const known = victim.peers();

    to = impostor.address;
    await until("a refusal", () => log.of("refused").length > 0);
    const [refused] = log.of("refused");
    assertEquals(refused?.address, place.address);
    assertEquals(refused?.expected, id);
    assertEquals(refused?.actual, impostor.identity.id);
    assertStringIncludes(refused?.reason ?? "", id);
    assertStringIncludes(refused?.reason ?? "", impostor.identity.id);
    assertEquals(victim.peers(), known);
    assertEquals(impostor.peers(), []);

    // The one on record is still welcome there.
    await using back = await Node.start({ identity: first.identity, host });
    to = back.address;
    await until("the first to be back", () => log.of("peer:up").length === 2);
    assertEquals(log.of("peer:up")[1]?.id, id);
    assertEquals(log.of("peer:up")[1]?.trust, "known");
    assertEquals(victim.peers()[0]?.addresses[0], addresses?.[0]);
    assertEquals(back.peers().length, 1);
  });
}

Deno.test("an identity that lives in memory gives its typed address up when it is gone, not before", async () => {
  await using first = await Node.start();
  await using second = await Node.start();
  let to = first.address;
  await using proxy = TcpProxy.start(() => to);
  await using victim = await Node.start({ connect: [proxy.address] });
  const log = new EventLog(victim);
  await until("the first to be up", () => log.of("peer:up").length === 1);
  // The address changes hands; the session with the first lives on.
  to = second.address;
  const arrivals = proxy.arrivals;
  assertEquals(victim.sessions().map((link) => link.id), [
    first.identity.id,
  ]);
  await first.close({ abrupt: true });
  await until("the second to be up", () => log.of("peer:up").length === 2);
  assert(proxy.arrivals > arrivals);
  assertEquals(log.of("peer:up")[1]?.id, second.identity.id);
  assertEquals(log.of("peer:up")[1]?.trust, "first-use");
  assertEquals(log.of("replaced"), [{
    type: "replaced",
    address: proxy.address,
    former: first.identity.id,
    id: second.identity.id,
  }]);
  assertEquals(log.of("peer:down").map((event) => event.id), [
    first.identity.id,
  ]);
});

for (const ephemeral of [true, false]) {
  Deno.test(`another ${ephemeral ? "passing" : "lasting"} identity than the one asked for by name is refused`, async () => {
    const wanted = await Identity.generate();
    await using other = await RawListener.start({
      identity: await Identity.generate({ ephemeral }),
    });
    const target = `${wanted.id}@${other.address}`;
    await using victim = await Node.start({ connect: [target] });
    const log = new EventLog(victim);
    const before = victim.peers();
    await until("a refusal", () => log.of("refused").length > 0);
    const [refused] = log.of("refused");
    assertEquals(refused?.expected, wanted.id);
    assertEquals(refused?.actual, other.identity.id);
    assertStringIncludes(refused?.reason ?? "", wanted.id);
    assertStringIncludes(refused?.reason ?? "", other.identity.id);
    // Tried again, said once, nothing learned, nobody spoken to.
    const { arrivals } = other;
    await until("another try", () => other.arrivals > arrivals);
    assertEquals(log.of("refused").length, 1);
    assertEquals(victim.peers(), before);
    for (const { frames } of other.peers) assertEquals(frames, []);
  });
}

Deno.test("the identity asked for by name is accepted", async () => {
  await using wanted = await Node.start();
  const target = `${wanted.identity.id}@${wanted.address}`;
  await using victim = await Node.start({ connect: [target] });
  const log = new EventLog(victim);
  await until("the peer to be up", () => log.of("peer:up").length === 1);
  assertEquals(log.of("peer:up")[0]?.trust, "pinned");
});

Deno.test("a rumoured address that shows another identity is dropped, the peer kept", async () => {
  await using bob = await Node.start({ identity: await lasting() });
  await using carol = await RawListener.start({ identity: await lasting() });
  let to = bob.address;
  await using place = TcpProxy.start(() => to);
  await using victim = await Node.start({ connect: [place.address] });
  const log = new EventLog(victim);
  await until("bob to be up", () => log.of("peer:up").length === 1);
  await bob.close({ abrupt: true });
  await until("bob to be gone", () => log.of("peer:down").length === 1);

  using mallory = await RawPeer.open(victim, { identity: await lasting() });
  await until("mallory to be up", () => log.of("peer:up").length === 2);
  const about = () =>
    victim.peers().find((peer) => peer.id === bob.identity.id);
  const before = about();
  await mallory.tell([entryOf(bob.identity, [parseAddress(carol.address)])]);
  await until("a look at the rumour", () => carol.arrivals > 0);
  await until(
    "the address to be dropped",
    () => !about()?.addresses.includes(carol.address),
  );
  assertEquals(about(), before);
  // Who is really there was spoken to by nobody and is on nobody's record.
  for (const { frames } of carol.peers) assertEquals(frames, []);
  assert(!victim.peers().some((it) => it.id === carol.identity.id));
  // Nothing was said: no person had named that address.
  assertEquals(log.of("refused"), []);

  await using back = await Node.start({ identity: bob.identity });
  to = back.address;
  await until("bob to be back", () => log.of("peer:up").length === 3);
  assertEquals(log.of("peer:up")[2]?.id, bob.identity.id);
});

Deno.test("a port that keeps handshakes hanging does not shut out the other ports of its host", async () => {
  const identity = await Identity.generate();
  await using honest = await RawListener.start();
  await using shown = await RawListener.start({ identity });
  await using sink = Sink.start();
  // Answers whoever looks at its certificate, and leaves whoever dials it hanging.
  await using trap = TcpProxy.start((_, hello) =>
    new TextDecoder("latin1").decode(hello).includes("verack.invalid")
      ? sink.address
      : shown.address
  );
  const transport = tlsTransport();
  for (let tries = 1; tries <= 3; tries++) {
    const giveUp = new AbortController();
    const dial = transport.dial(parseAddress(trap.address), {
      pin: pinOf(identity),
      signal: giveUp.signal,
    });
    let over = false;
    const refused = assertRejects(() => dial, VerackError)
      .finally(() => over = true);
    await until("a dial to hang", () => over || sink.arrivals === tries);
    giveUp.abort(new DOMException("too long", "TimeoutError"));
    await refused;
  }
  const connection = await transport.dial(parseAddress(honest.address), {
    pin: pinOf(honest.identity),
  });
  connection.close();
});

Deno.test("a dial that we call off ourselves is not held against the host", async () => {
  await using honest = await RawListener.start();
  await using sink = Sink.start();
  const transport = tlsTransport();
  const pin = pinOf(honest.identity);
  await using slow = TcpProxy.start((_, hello) =>
    new TextDecoder("latin1").decode(hello).includes("verack.invalid")
      ? sink.address
      : honest.address
  );
  for (let tries = 1; tries <= 3; tries++) {
    // As a node does when the peer's own dial arrives first.
    const collision = new AbortController();
    const dial = transport.dial(parseAddress(slow.address), {
      pin,
      signal: collision.signal,
    });
    let over = false;
    const refused = assertRejects(() => dial, VerackError)
      .finally(() => over = true);
    await until(
      "a dial to be under way",
      () => over || sink.arrivals === tries,
    );
    collision.abort(new VerackError("duplicate", "Another session is open"));
    await refused;
  }
  const address = parseAddress(honest.address);
  (await transport.dial(address, { pin })).close();
});

function pinOf(identity: Identity) {
  const { der } = verifyCertificate(identity.certificate);
  return { certificate: der, serverName: serverNameOf(identity.id) };
}
