/** Sending by name from another shell, while another process takes the name. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { Place } from "../helpers/place.ts";
import { verackProgram } from "../helpers/child.ts";

function short(id: string): string {
  return id.slice(0, 8);
}

for (const attacked of [false, true]) {
  const what = attacked
    ? "while another node takes the name"
    : "while it is away";
  Deno.test(`what is sent to bob ${what}, before and after a restart, is bob's`, async () => {
    await using place = new Place();
    let alice = await place.node("alice", "--name=alice");
    const { id } = alice;
    const bob = await place.node(
      "bob",
      "--name=bob",
      `--connect=${alice.address}`,
    );
    await alice.waitFor("peer:up");
    // Who has taken a message for it alone is no stranger any more.
    assertEquals((await place.ends("alice", "send", "bob", "zero")).out, [
      `delivered  bob (${short(bob.id)})`,
    ]);
    await bob.end("SIGKILL");
    await alice.waitFor("peer:down");

    const mallory = attacked
      ? await place.node("mallory", "--name=bob", `--connect=${alice.address}`)
      : undefined;
    try {
      if (mallory !== undefined) {
        await mallory.meshOf(2);
        const conflict = await alice.waitFor("name-conflict");
        assertEquals(
          [conflict.id, conflict.name, conflict.holder],
          [mallory.id, "bob", bob.id],
        );
      }
      const kept = `kept       bob (${short(bob.id)}), which is away`;
      assertEquals(await place.ends("alice", "send", "bob", "one"), {
        code: 0,
        out: [kept],
        err: [],
      });
      assertEquals(await alice.end("SIGTERM"), 143);
      alice = await place.node(
        "alice",
        "--name=alice",
        `--port=${alice.address.split(":")[1]}`,
      );
      assertEquals(alice.id, id);
      if (mallory !== undefined) await alice.waitFor("peer:up");
      assertEquals((await place.ends("alice", "send", "bob", "two")).out, [
        kept,
      ]);

      // Both can be told apart, and the first is back for what was kept.
      await using back = await place.node(
        "bob",
        "--name=bob",
        `--connect=${alice.address}`,
      );
      const texts = [
        await back.waitFor("message"),
        await back.waitFor("message"),
      ]
        .map(({ text }) => text);
      assertEquals(texts, ["one", "two"]);
      if (mallory === undefined) return;
      const who = await place.ends("alice", "find", "bob");
      assertStringIncludes(who.err.join("\n"), "2 peers use");
      assertStringIncludes(
        who.out.join("\n"),
        `the name is bound to ${bob.id}`,
      );
      for (const peer of [back, mallory]) {
        const { out } = await place.ends(
          "alice",
          "send",
          short(peer.id),
          "by id",
        );
        assertEquals(out, [`delivered  bob (${short(peer.id)})`]);
      }
      // Now both have taken messages, and it is up to a person.
      const contested = await place.ends("alice", "send", "bob", "three");
      assertEquals([contested.code, contested.out], [1, []]);
      for (const peer of [bob, mallory]) {
        assertStringIncludes(contested.err.join("\n"), peer.id);
      }
      // A person gives the name away, and it stays given.
      const allowed = await place.ends(
        "alice",
        "allow",
        mallory.id,
        "--name=bob",
      );
      assertEquals(allowed.code, 0, allowed.err.join("\n"));
      const moved = await place.ends("alice", "send", "bob", "three");
      assertEquals(moved.out, [`delivered  bob (${short(mallory.id)})`]);
      assertEquals(
        mallory.of("message").map(({ text }) => text),
        ["by id", "three"],
      );
    } finally {
      await mallory?.[Symbol.asyncDispose]();
      await bob[Symbol.asyncDispose]();
      await alice[Symbol.asyncDispose]();
    }
  });
}

Deno.test("a name can be given to another peer while the node does not run", async () => {
  await using place = new Place();
  await using first = await place.node("alice", "--name=alice");
  await using bob = await place.node(
    "bob",
    "--name=bob",
    `--connect=${first.address}`,
  );
  await first.waitFor("peer:up");
  await bob.end("SIGKILL");
  await using other = await place.node(
    "other",
    "--name=bob",
    `--connect=${first.address}`,
  );
  await first.waitFor("name-conflict");
  assertEquals(await first.end("SIGTERM"), 143);
  const peers = await place.ends("alice", "peers");
  assertMatch(
    peers.out.find((line) => line.startsWith(short(other.id))) ?? "",
    new RegExp(`bob {2}a name of ${short(bob.id)}`),
  );
  assertEquals(
    (await place.ends("alice", "allow", other.id, "--name=bob")).code,
    0,
  );
  await using _again = await place.node("alice", "--name=alice");
  const { out } = await place.ends("alice", "send", "bob", "hello");
  assertEquals(out.length, 1);
  assertStringIncludes(out[0]!, `bob (${short(other.id)})`);
});

Deno.test("a peer is called by the name that a person gave it, and denied by it while the node does not run", async () => {
  await using place = new Place();
  await using alice = await place.node("alice", "--name=alice");
  await using eve = await place.node(
    "eve",
    "--name=eve",
    `--connect=${alice.address}`,
  );
  await alice.waitFor("peer:up");
  const { id } = eve;
  assertEquals((await place.ends("alice", "allow", id, "--name=eva")).code, 0);
  const label = `eva (calls itself eve, ${short(id)})`;
  assertEquals((await place.ends("alice", "send", "eva", "hello")).out, [
    `delivered  ${label}`,
  ]);
  assertEquals((await place.ends("alice", "broadcast", "hello")).out, [
    `delivered  ${label}`,
  ]);
  assertEquals(
    (await place.ends("alice", "find", "eva")).out[0],
    `${label}  connected`,
  );
  const listed = `${short(id)}  eva (calls itself eve)  `;
  const { out } = await place.ends("alice", "peers");
  assertEquals(out.map((line) => line.slice(0, listed.length)), [listed]);
  await eve.end("SIGTERM");
  assertEquals((await alice.waitFor("peer:down")).boundName, "eva");
  assertEquals(await alice.end("SIGTERM"), 143);

  const offline = await place.ends("alice", "peers", "--json");
  assertEquals(JSON.parse(offline.out[0] ?? "").boundName, "eva");
  assertEquals(await place.ends("alice", "deny", "eva"), {
    code: 0,
    out: [`denied     ${id}`],
    err: [],
  });
});

Deno.test({
  name:
    "in a chat /msg and /ping mean the first peer of a name, and a later one is told of",
  ignore: !HAS_PTY,
  async fn() {
    await using place = new Place();
    await using alice = new Pty(verackProgram([
      ...["chat", "--no-color", "--name=alice"],
      ...["--host=127.0.0.1", "--port=0"],
    ]));
    const [, address = ""] = await alice.shows(/--connect (127\.0\.0\.1:\d+)/);
    await using bob = await place.node(
      "bob",
      "--name=bob",
      `--connect=${address}`,
    );
    await alice.shows(new RegExp(`bob \\(${short(bob.id)}\\) is here`));
    await alice.type("/msg bob hello\r");
    await bob.waitFor("message");
    // Asking for the next message is what acknowledges one.
    await alice.type("/msg bob again\r");
    await bob.waitFor("message");
    await alice.type("/ping bob\r");
    await alice.shows(/bob answers in/);
    // It has standing once an acknowledgement is here, which nothing shows.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await bob.end("SIGKILL");
    await alice.shows(/bob .* is lost/);
    await using mallory = await place.node(
      "mallory",
      "--name=bob",
      `--connect=${address}`,
    );
    await alice.shows(
      new RegExp(
        `bob \\(${short(mallory.id)}\\) uses a name of ${short(bob.id)}`,
      ),
    );
    await alice.type("/ping bob\r");
    await alice.shows(
      new RegExp(`bob \\(${short(bob.id)}\\) is away\\s`),
    );
    await alice.type("/msg bob a secret\r");
    await alice.shows(
      new RegExp(`bob \\(${short(bob.id)}\\) is away and gets it later`),
    );
    await using back = await place.node(
      "bob",
      "--name=bob",
      `--connect=${address}`,
    );
    const message = await back.waitFor("message");
    assertEquals(message.text, "a secret");
    assert(!mallory.events.some(({ type }) => type === "message"));
  },
});
