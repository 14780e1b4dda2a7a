/** Closed meshes of real processes: in by invite, in by word of a person, and back. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";

/** Data directories below one that is removed at the end, and the rights to it. */
class Place implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<Place> {
    return new Place(await Deno.makeTempDir({ prefix: "verack-closed-" }));
  }

  get #permissions(): string[] {
    return [`--allow-read=${this.path}`, `--allow-write=${this.path}`];
  }

  /** A node with the data directory of this name. */
  node(name: string, ...args: string[]): Promise<NodeProcess> {
    return NodeProcess.start([`--data=${this.path}/${name}`, ...args], {
      permissions: this.#permissions,
    });
  }

  /** What a command about the node of this name prints. */
  async ask(name: string, ...args: string[]): Promise<string> {
    await using child = verack([...args, `--data=${this.path}/${name}`], {
      permissions: this.#permissions,
    });
    assertEquals([await child.code(), child.err], [0, []]);
    return child.out.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

Deno.test("a guest joins a closed mesh by the line of verack invite, and is back after a kill without it", async () => {
  await using place = await Place.make();
  const secret = `${place.path}/secret`;
  await Deno.writeTextFile(secret, `${"7".repeat(64)}\n`);
  const closed = ["--trust=known", `--secret-file=${secret}`];
  await using _alice = await place.node("alice", ...closed);
  const line = await place.ask("alice", "invite");
  assertMatch(line, /^[0-9a-f]{64}@127\.0\.0\.1:\d+#[a-z2-7]{32}$/);

  await using bob = await place.node("bob", `--join=${line}`);
  await bob.meshOf(2);
  await using carol = await place.node(
    "carol",
    `--join=${await place.ask("bob", "invite")}`,
  );
  await carol.meshOf(3);
  await bob.meshOf(3);

  assertEquals(await bob.end("SIGKILL"), 137);
  await using again = await place.node("bob");
  assertEquals(again.identity, bob.identity);
  await again.meshOf(3);

  // The line is used up, and says so to whoever found it.
  await using thief = await place.node("thief", `--join=${line}`);
  const { reason } = await thief.waitFor("refused");
  assertMatch(reason, /used by somebody else or expired/);
});

Deno.test("a stranger to a closed node is listed, and a person lets it in or keeps it out", async () => {
  await using place = await Place.make();
  await using alice = await place.node("alice", "--trust=known");
  await using bob = await place.node("bob", `--connect=${alice.address}`);
  assertEquals((await alice.waitFor("pending")).identity, bob.identity);
  assertMatch((await bob.waitFor("refused")).reason, /nobody has admitted it/);
  assert((await place.ask("alice", "pending")).includes(bob.identity));
  const trouble =
    /^trouble +not-admitted since \S+Z: .*nobody has admitted it/m;
  assertMatch(await place.ask("bob", "status"), trouble);

  await place.ask("alice", "allow", bob.identity);
  await alice.meshOf(2);
  await bob.waitFor("resolved");
  assert(!trouble.test(await place.ask("bob", "status")));
  await place.ask("alice", "deny", bob.identity);
  await alice.waitFor("peer:down");
  await alice.end("SIGTERM");
  // Still so after a restart.
  await using again = await place.node(
    "alice",
    "--trust=known",
    `--port=${alice.address.split(":")[1]}`,
  );
  const { reason } = await again.waitFor("refused");
  assertMatch(reason, /it is denied here/);
});

Deno.test("a restart without its flags keeps a mesh closed and its secret, says so, and opens only when told", async () => {
  await using place = await Place.make();
  const secret = `${place.path}/secret`;
  await Deno.writeTextFile(secret, `${"7".repeat(64)}\n`);
  await using first = await place.node(
    "alice",
    "--trust=known",
    `--secret-file=${secret}`,
  );
  await first.end("SIGKILL");
  const status = async () =>
    JSON.parse(await place.ask("alice", "status", "--json")).trust;
  {
    await using again = await place.node("alice");
    assertEquals(await status(), "known");
    const said = again.child.err.join("\n");
    assertMatch(said, /the mesh stays closed/);
    assertMatch(said, /the network's secret is asked for, as before/);
    await using stranger = await place.node(
      "stranger",
      `--connect=${again.address}`,
    );
    await stranger.waitFor("refused");
    assertEquals(again.of("peer:up"), []);
    await again.end("SIGTERM");
  }
  {
    await using open = await place.node(
      "alice",
      "--trust=open",
      "--secret-file=none",
    );
    assertMatch(open.child.err.join("\n"), /the mesh is open from now on/);
    await open.end("SIGTERM");
  }
  await using still = await place.node("alice");
  assertEquals([await status(), still.child.err], ["open", []]);
});
