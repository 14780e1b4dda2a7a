/** Closed meshes of real processes: in by invite, in by word of a person, and back. */
import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { verack, verackProgram } from "../helpers/child.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import type { NodeProcess } from "../helpers/process.ts";
import { Place } from "../helpers/place.ts";

Deno.test("a guest joins a closed mesh by the line of verack invite, and is back after a kill without it", async () => {
  await using place = new Place();
  const secret = `${place.path}/secret`;
  await Deno.writeTextFile(secret, `${"7".repeat(64)}\n`);
  const closed = ["--admission=closed", `--secret-file=${secret}`];
  await using _alice = await place.node("alice", ...closed);
  const line = await place.ask("alice", "invite");
  assertMatch(line, /^[0-9a-f]{64}@127\.0\.0\.1:\d+#[a-z2-7]{32}$/);

  assertMatch(
    await place.ask("alice", "status"),
    /^network +main, closed to strangers, with a secret$/m,
  );
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
  assertEquals(again.id, bob.id);
  await again.meshOf(3);

  // The line is used up, and says so to whoever found it.
  await using thief = await place.node("thief", `--join=${line}`);
  const { reason } = await thief.waitFor("refused");
  assertMatch(reason, /used by another node or expired/);
});

Deno.test("a stranger to a closed node is listed, and a person lets it in or keeps it out", async () => {
  await using place = new Place();
  await using alice = await place.node("alice", "--admission=closed");
  await using bob = await place.node("bob", `--connect=${alice.address}`);
  assertEquals((await alice.waitFor("join-request")).id, bob.id);
  assertMatch(
    (await bob.waitFor("refused")).reason,
    /no member has admitted it/,
  );
  assert((await place.ask("alice", "requests")).includes(bob.id));
  const trouble =
    /^warning +not-admitted since [^Z]+Z: .*no member has admitted it/m;
  assertMatch(await place.ask("bob", "status"), trouble);

  await place.ask("alice", "allow", bob.id);
  await alice.meshOf(2);
  await bob.waitFor("resolved");
  assert(!trouble.test(await place.ask("bob", "status")));
  await place.ask("alice", "deny", bob.id);
  await alice.waitFor("peer:down");
  await alice.end("SIGTERM");
  // Still so after a restart.
  await using again = await place.node(
    "alice",
    "--admission=closed",
    `--port=${alice.address.split(":")[1]}`,
  );
  const { reason } = await again.waitFor("refused");
  assertMatch(reason, /it is denied here/);
});

Deno.test("a restart without its flags keeps a mesh closed and its secret, says so, and opens only when told", async () => {
  await using place = new Place();
  const secret = `${place.path}/secret`;
  await Deno.writeTextFile(secret, `${"7".repeat(64)}\n`);
  await using first = await place.node(
    "alice",
    "--admission=closed",
    `--secret-file=${secret}`,
  );
  await first.end("SIGKILL");
  const status = async () =>
    JSON.parse(await place.ask("alice", "status", "--json")).admission;
  {
    await using again = await place.node("alice");
    assertEquals(await status(), "closed");
    const said = again.child.err.join("\n");
    assertMatch(said, /the mesh stays closed/);
    assertMatch(said, /the network's secret is required, as before/);
    await using stranger = await place.node(
      "stranger",
      `--connect=${again.address}`,
    );
    await stranger.waitFor("refused");
    assertEquals(again.of("peer:up"), []);
    await again.end("SIGTERM");
  }
  for (const damage of ["garbage ".repeat(1_000), undefined]) {
    const database = `${place.path}/alice/node.db`;
    if (damage === undefined) await Deno.remove(database);
    else await Deno.writeTextFile(database, damage);
    await using again = await place.node("alice");
    const told = await place.ask("alice", "status");
    assertMatch(told, /closed to strangers, with a secret/);
    assertMatch(again.child.err.join("\n"), /the database was lost/);
    await again.end("SIGTERM");
  }
  {
    await using open = await place.node(
      "alice",
      "--admission=open",
      "--secret-file=none",
    );
    assertMatch(open.child.err.join("\n"), /the mesh is open from now on/);
    await open.end("SIGTERM");
  }
  await using still = await place.node("alice");
  assertEquals([await status(), still.child.err], ["open", []]);
});

Deno.test("an invite comes from a file, from standard input or from the environment, and only on the command line it is warned of", async () => {
  await using place = new Place();
  await using _alice = await place.node("alice", "--admission=closed");
  const ways: Record<string, (line: string) => Promise<NodeProcess>> = {
    file: async (line) => {
      const path = `${place.path}/invite`;
      await Deno.writeTextFile(path, `\n ${line}\r\n`, { mode: 0o600 });
      return await place.node("file", `--join-file=${path}`);
    },
    stdin: (line) =>
      place.nodeWith({ stdin: `${line}\nmore` }, "stdin", "--join-file=-"),
    env: (line) =>
      place.nodeWith(
        { env: { INVITE: line }, permissions: ["--allow-env=INVITE"] },
        "env",
        "--join-env=INVITE",
      ),
    line: (line) => place.node("line", `--join=${line}`),
  };
  for (const [name, start] of Object.entries(ways)) {
    await using guest = await start(await place.ask("alice", "invite"));
    await guest.waitFor("peer:up");
    const said = guest.child.err.join("\n");
    if (name === "line") assertMatch(said, /can be seen by every user/);
    else assertEquals(said, "");
  }
});

Deno.test({
  name: "a person is asked for the invite, and nothing of it is shown",
  ignore: !HAS_PTY,
  async fn() {
    await using place = new Place();
    await using _alice = await place.node("alice", "--admission=closed");
    const line = await place.ask("alice", "invite");
    const args = ["--host=127.0.0.1", "--port=0", "--join-file=-"];
    await using pty = new Pty(verackProgram(args), { NO_COLOR: "1" });
    await pty.shows(/Invite: /);
    await pty.type(`${line}\r`);
    await pty.shows(/ up /);
    assertFalse(pty.text.includes(line.split("#")[1] ?? line));
  },
});

Deno.test("an invite that is none, missing or given twice is refused, and never repeated", async () => {
  await using place = new Place();
  const secret = "abcdefgh".repeat(4);
  const path = `${place.path}/invite`;
  await Deno.writeTextFile(path, `not@an.invite#${secret}\n`, { mode: 0o600 });
  await Deno.writeTextFile(`${path}.empty`, "\n", { mode: 0o600 });
  const faults: [string[], number, RegExp][] = [
    [
      [`--join-file=${path}`],
      1,
      /invite of \S+: it is none, must be identity@/,
    ],
    [[`--join-file=${path}.empty`], 1, /it is empty/],
    [[`--join-file=${path}.none`], 1, /there is no such file/],
    [["--join-file=-"], 1, /standard input: it is none/],
    [["--join-env=INVITE"], 1, /Cannot take the invite of INVITE/],
    [["--join-env=UNSET"], 1, /from UNSET: the variable is not set/],
    [["--join-env=HOME"], 1, /add --allow-env=HOME/],
    [["--join-env=INVITE", `--join-file=${path}`], 2, /must be one of them/],
  ];
  for (const [args, code, says] of faults) {
    await using child = verack(["--port=0", ...args], {
      permissions: [`--allow-read=${place.path}`, "--allow-env=INVITE,UNSET"],
      env: { INVITE: secret },
    });
    assertEquals(await child.code(), code, child.err.join("\n"));
    assertMatch(child.err.join("\n"), says);
    assertFalse(child.err.join("\n").includes(secret));
  }
});

Deno.test("invites outlive a kill, and are listed and revoked while their node runs or not", async () => {
  await using place = new Place();
  const list = async () =>
    (await place.ask("alice", "invites", "--json")).split("\n")
      .filter((line) => line !== "").map((line) => JSON.parse(line));
  const ids = async () => (await list()).map(({ id }) => id);
  await using first = await place.node("alice", "--admission=closed");
  const lines: string[] = [];
  const made: string[] = [];
  for (const ttl of [100, 200, 300, 400]) {
    const json = JSON.parse(
      await place.ask("alice", "invite", "--json", `--ttl=${ttl}`),
    );
    lines.push(json.invite);
    made.push(json.id);
  }
  assertEquals(await ids(), made);
  // Online.
  const said = await place.ask("alice", "invites", "revoke", made[1]!);
  assertEquals(said, `revoked  ${made[1]}`);
  await first.end("SIGKILL");
  // Offline.
  assertEquals(await ids(), [made[0], made[2], made[3]]);
  await place.ask("alice", "invites", "revoke", made[2]!.slice(0, 8));
  await place.ask("alice", "invites", "revoke", lines[3]!);
  assertEquals(await ids(), [made[0]]);
  const port = first.address.split(":")[1];
  await using again = await place.node("alice", `--port=${port}`);
  assertEquals(await ids(), [made[0]]);
  for (const line of lines.slice(1)) {
    await using thief = await place.node("thief", `--join=${line}`);
    assertMatch((await thief.waitFor("refused")).reason, /invite is unknown/);
  }
  assertEquals(again.of("peer:up"), []);
  await using guest = await place.node("guest", `--join=${lines[0]}`);
  await guest.waitFor("peer:up");
  const text = await place.ask("alice", "invites");
  assertMatch(
    text,
    new RegExp(
      `^${
        made[0]
      }  until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\dZ  used by ${guest.id}$`,
    ),
  );
  // The one that was used says by which guest, who is not kept out by this.
  await again.waitFor("peer:up");
  const short = guest.id.slice(0, 8);
  assertEquals(
    await place.ask("alice", "invites", "revoke", made[0]!),
    `revoked  ${
      made[0]
    }; ${short} came in by it and stays in: verack deny ${short} keeps it out`,
  );
});
