// A mesh that was open is closed: those that merely came meanwhile are not in it.
import { assertEquals } from "@std/assert";
import type { Identity } from "../../src/identity/identity.ts";
import { configureLogging } from "../../src/core/log.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { Node } from "../../src/mesh/node.ts";
import { until } from "../helpers/until.ts";
import { lasting } from "../helpers/identities.ts";

/** Comes and goes. */
async function visit(host: Node, identity: Identity): Promise<void> {
  await using visitor = await Node.start({
    identity,
    connect: [host.address],
  });
  await visitor.joined();
  await until("the visit", () => host.peer(identity.id)?.connected === true);
}

/** Whether a node lets an identity in. */
async function letsIn(host: Node, identity: Identity): Promise<boolean> {
  await using node = await Node.start({ identity, connect: [host.address] });
  let ended = false;
  const joined = node.joined({ timeoutMs: 20_000 }).then(
    () => true,
    () => false,
  )
    .finally(() => ended = true);
  await until("an answer", () => ended, 20_000);
  return await joined && host.peer(identity.id)?.connected === true;
}

Deno.test("closing an open mesh keeps the peers with standing, and lists the others as join requests", async () => {
  const store = new MemoryStore();
  const [own, friend, talker, stranger, denied] = await Promise.all(
    Array.from({ length: 5 }, lasting),
  ) as [Identity, Identity, Identity, Identity, Identity];
  {
    await using open = await Node.start({ identity: own, store });
    for (const it of [friend, stranger, denied]) await visit(open, it);
    open.admission.allow(friend.id);
    open.admission.deny(denied.id);
    await using other = await Node.start({
      identity: talker,
      connect: [open.address],
    });
    await other.joined();
    const sent = open.send(talker.id, "hello");
    for await (const message of other.messages()) {
      message.ack();
      break;
    }
    await sent;
  }
  await using closed = await Node.start({
    identity: own,
    store,
    admission: "closed",
  });
  assertEquals(
    closed.admission.joinRequests().map(({ id }) => id),
    [stranger.id],
  );
  assertEquals(await letsIn(closed, stranger), false);
  assertEquals(await letsIn(closed, denied), false);
  assertEquals(await letsIn(closed, friend), true);
  assertEquals(await letsIn(closed, talker), true);
  closed.admission.allow(stranger.id);
  assertEquals(await letsIn(closed, stranger), true);
});

Deno.test("a mesh that stays open keeps all that came, and one that is closed already all that it admitted", async () => {
  const store = new MemoryStore();
  const [own, guest] = await Promise.all([lasting(), lasting()]);
  {
    await using open = await Node.start({ identity: own, store });
    await visit(open, guest);
  }
  for (const admission of ["open", "open"] as const) {
    await using open = await Node.start({ identity: own, store, admission });
    assertEquals(open.admission.joinRequests(), []);
    assertEquals(open.peers().map(({ id }) => id), [guest.id]);
    open.admission.allow(guest.id);
  }
  for (const admission of ["closed", "closed"] as const) {
    await using closed = await Node.start({ identity: own, store, admission });
    assertEquals(closed.admission.joinRequests(), []);
    assertEquals(closed.peers().map(({ id }) => id), [guest.id]);
  }
});

Deno.test("a guest leaves the strangers of its open mesh behind when it comes into a closed one", async () => {
  const store = new MemoryStore();
  const [own, stranger] = await Promise.all([lasting(), lasting()]);
  {
    await using open = await Node.start({ identity: own, store });
    await visit(open, stranger);
  }
  await using host = await Node.start({ admission: "closed" });
  const invite = host.admission.invite();
  for (const options of [{ invite }, {}, { invite }]) {
    await using guest = await Node.start({ identity: own, store, ...options });
    await guest.joined();
    assertEquals(await letsIn(guest, stranger), false);
    assertEquals(guest.peers().map(({ id }) => id), [host.identity.id]);
  }
  assertEquals(host.peers().map(({ id }) => id), [own.id]);
});

Deno.test("a guest of an open mesh is open, and its strangers are no members once it is closed", async () => {
  const store = new MemoryStore();
  const [own, stranger] = await Promise.all([lasting(), lasting()]);
  await using host = await Node.start();
  {
    await using guest = await Node.start({
      identity: own,
      store,
      invite: host.admission.invite(),
    });
    await guest.joined();
    await until("the welcome", () => guest.status().admission === "open");
    await visit(guest, stranger);
  }
  const lines: string[] = [];
  const format = { format: "json", color: false } as const;
  const write = (line: string) => void lines.push(line);
  configureLogging({ level: "warn", ...format, write });
  await using closed = await Node.start({
    identity: own,
    store,
    admission: "closed",
  });
  configureLogging({ level: "off", ...format, write });
  const [told] = lines.map((line) => JSON.parse(line))
    .filter(({ message }) => message.includes("strangers are removed"));
  assertEquals(told?.fields.removed, 1, lines.join());
  assertEquals(await letsIn(closed, stranger), false);
});

Deno.test("a record is closed that another one's copied settings close", async () => {
  const store = new MemoryStore();
  const [own, stranger] = await Promise.all([lasting(), lasting()]);
  {
    await using open = await Node.start({ identity: own, store });
    await visit(open, stranger);
  }
  // As `node.protection` restores it, or as it is after a crash.
  const setting = "protection.admission main";
  store.putSetting(setting, new TextEncoder().encode("closed"));
  for (const options of [{}, { admission: "closed" as const }]) {
    await using closed = await Node.start({ identity: own, store, ...options });
    assertEquals(
      closed.admission.joinRequests().map(({ id }) => id),
      [stranger.id],
    );
    assertEquals(await letsIn(closed, stranger), false);
  }
});
