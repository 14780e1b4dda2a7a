/** Nodes with a data directory, one process each: stopped, killed and started again. */
import { parsePeerId } from "../../src/core/peer_id.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { DataDirectory } from "../../src/store/data_directory.ts";
import { verack } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

/** A directory for data directories, gone at the end, and the rights to it. */
async function withData(
  use: (path: string, permissions: readonly string[]) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "verack-data-" });
  try {
    await use(`${directory}/data`, [
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs a command to its end. */
async function ends(
  args: readonly string[],
  permissions: readonly string[],
): Promise<{ code: number; out: string[]; err: string[] }> {
  await using child = verack(args, { permissions });
  const code = await child.code();
  return { code, out: child.out, err: child.err };
}

Deno.test("a node that was killed is back in the mesh with its key, told nothing but its directory", () =>
  withData(async (path, permissions) => {
    const start = (...args: string[]) =>
      NodeProcess.start([`--data=${path}`, ...args], { permissions });
    await using a = await NodeProcess.start();
    await using b = await NodeProcess.start([`--connect=${a.address}`]);
    await using first = await start(`--connect=${a.address}`);
    await first.meshOf(3);
    await until("both peers on disk", async () => {
      const log = await Deno.readFile(`${path}/node.db-wal`);
      return [a, b].every(({ id }) => log.toHex().includes(id));
    });
    await first.end("SIGKILL");

    await using second = await start();
    assertEquals(second.id, first.id);
    await second.meshOf(3);
    assertEquals(
      second.of("peer:up").map(({ id, trust }) => [id, trust])
        .sort(),
      [[a.id, "known"], [b.id, "known"]].sort(),
    );
    assertEquals(await second.end("SIGTERM"), 143);

    await using third = await start();
    await third.meshOf(3);
    assertEquals(third.child.err, []);
  }));

Deno.test("a second process on a data directory is refused, with the number of the first", () =>
  withData(async (path, permissions) => {
    await using node = await NodeProcess.start([`--data=${path}`], {
      permissions,
    });
    const second = await ends(
      [`--data=${path}`, "--port=0", "--host=127.0.0.1"],
      permissions,
    );
    assertEquals([second.code, second.out], [1, []]);
    assertMatch(
      second.err.join("\n"),
      /^verack: Cannot use data directory ".*data": process \d+ uses it$/,
    );
    assertEquals(await node.end("SIGINT"), 130);
    await using _third = await NodeProcess.start([`--data=${path}`], {
      permissions,
    });
  }));

Deno.test("a node whose database is damaged says so, and starts with the same key", () =>
  withData(async (path, permissions) => {
    const start = () => NodeProcess.start([`--data=${path}`], { permissions });
    await using first = await start();
    await first.end("SIGKILL");
    await Deno.writeTextFile(`${path}/node.db`, "garbage ".repeat(1_000));
    await using second = await start();
    assertEquals(second.id, first.id);
    assertMatch(
      await second.child.talk((line) => line.includes("renamed")),
      /node\.db\.damaged-/,
    );
  }));

Deno.test("a node whose key is damaged does not start, and leaves it alone", () =>
  withData(async (path, permissions) => {
    await using first = await NodeProcess.start([`--data=${path}`], {
      permissions,
    });
    await first.end("SIGTERM");
    await Deno.writeTextFile(`${path}/node.key`, "garbage");
    const { code, err } = await ends([`--data=${path}`], permissions);
    assertEquals(code, 1);
    assertMatch(
      err.join("\n"),
      /^verack: .*node\.key.*a key is never replaced/,
    );
    assertEquals(await Deno.readTextFile(`${path}/node.key`), "garbage");
  }));

Deno.test("peers lists the records of a stopped node, and forget takes one off for good", () =>
  withData(async (path, permissions) => {
    const data = `--data=${path}`;
    await using a = await NodeProcess.start(["--name=alice"]);
    await using node = await NodeProcess.start([
      data,
      `--connect=${a.address}`,
    ], { permissions });
    await node.meshOf(2);
    await node.end("SIGTERM");

    const listed = await ends(["peers", data, "--json"], permissions);
    const [peer, ...others] = listed.out.map((line) => JSON.parse(line));
    assertEquals(others, []);
    const { firstSeen, lastSeen, ...rest } = peer;
    assertEquals(rest, {
      id: a.id,
      name: "alice",
      connected: false,
      addresses: [a.address],
      trust: "first-use",
      ephemeral: true,
    });
    for (const time of [firstSeen, lastSeen]) {
      assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    const short = a.id.slice(0, 8);
    const shown = await ends(["peers", data], permissions);
    assertMatch(shown.out.join("\n"), new RegExp(`^${short}  alice  127`));

    const forgotten = await ends(["forget", short, data], permissions);
    assertEquals([forgotten.code, forgotten.out], [
      0,
      [`forgotten  ${a.id}`],
    ]);
    const after = await ends(["peers", data, "--json"], permissions);
    assertEquals(after.out.map((line) => JSON.parse(line)), [
      { id: a.id, rule: "forgotten" },
    ]);
    const again = await ends(
      ["forget", "01234567", data],
      permissions,
    );
    assertEquals(again.code, 1);
    assertMatch(again.err.join("\n"), /no peer goes by it/);
  }));

Deno.test("a peer that was denied while the node did not run is refused from then on", () =>
  withData(async (path, permissions) => {
    const data = `--data=${path}`;
    await using node = await NodeProcess.start([data], { permissions });
    await using a = await NodeProcess.start([`--connect=${node.address}`]);
    await node.meshOf(2);
    await node.end("SIGTERM");
    const short = a.id.slice(0, 8);
    const denied = await ends(["deny", short, data, "--json"], permissions);
    assertEquals(denied.out.map((line) => JSON.parse(line)), [
      { id: a.id, rule: "denied" },
    ]);
    // By its first digits nobody is let in again.
    const prefix = await ends(["allow", short, data], permissions);
    assertEquals(prefix.code, 2);
    assertMatch(prefix.err.join("\n"), /must be all 64 digits/);

    const start = () =>
      NodeProcess.start([data, `--connect=${a.address}`], { permissions });
    await using second = await start();
    const { reason } = await second.waitFor("refused");
    assertMatch(reason, new RegExp(`${short}.*denied`));
    assertEquals(second.of("peer:up"), []);
    await second.end("SIGTERM");

    await ends(["allow", a.id, data], permissions);
    await using third = await start();
    await third.meshOf(2);
  }));

Deno.test("what Deno does not permit is asked for by the flags to add", () =>
  withData(async (path, permissions) => {
    await Deno.mkdir(path);
    await Deno.writeTextFile(`${path}/node.db`, "");
    const [read = "", write = ""] = permissions;
    for (const given of [[], [read], [write]]) {
      for (const command of ["run", "peers"]) {
        const { code, err } = await ends([command, `--data=${path}`], given);
        assertEquals(code, 1);
        assert(
          err.join("\n").endsWith(
            `add --allow-read=${path} --allow-write=${path}`,
          ),
          err.join("\n"),
        );
      }
    }
  }));

Deno.test("an encrypted key in a data directory is opened with the flags for it", () =>
  withData(async (path, permissions) => {
    const start = (...args: string[]) =>
      NodeProcess.start([`--data=${path}`, ...args], { permissions });
    await using first = await start();
    await first.end("SIGTERM");
    const { createPrivateKey } = await import("node:crypto");
    const key = createPrivateKey(await Deno.readTextFile(`${path}/node.key`));
    await Deno.writeTextFile(
      `${path}/node.key`,
      key.export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "correct horse",
      }).toString(),
    );
    await Deno.writeTextFile(`${path}/phrase`, "correct horse\n");
    const without = await ends([`--data=${path}`], permissions);
    assertMatch(without.err.join("\n"), /--passphrase-file/);
    await using second = await start(`--passphrase-file=${path}/phrase`);
    assertEquals(second.id, first.id);
  }));

Deno.test("dead letters are listed and discarded while the node does not run, and retried when it does", () =>
  withData(async (path, permissions) => {
    const data = `--data=${path}`;
    const from = parsePeerId("5a".repeat(32));
    const id = "07".repeat(16);
    const other = "08".repeat(16);
    {
      await using directory = await DataDirectory.open(path);
      const { messages } = directory.store;
      for (const [at, text] of ["red\u001b[31m", "other"].entries()) {
        const id = new Uint8Array(16).fill(7 + at);
        const body = new TextEncoder().encode(text);
        messages.putDeadLetter({
          from,
          id,
          topic: "t",
          body,
          reason: "no",
          at,
        });
      }
    }
    const ask = (...args: string[]) =>
      ends(["dead-letters", ...args, data], permissions);
    const listed = (await ask("--json")).out.map((line) => JSON.parse(line));
    assertEquals(listed.map((it) => it.id), [id, other]);
    const people = (await ask()).out.join("\n");
    assertMatch(people, /5a5a5a5a.*topic t.*8 bytes.*nacked: no\n.*red/);
    assertEquals(people.includes("\u001b"), false);
    const shown = JSON.parse((await ask("show", id, "--json")).out.join(""));
    assertEquals(atob(shown.base64), "red\u001b[31m");
    assertEquals(
      (await ask("show", "07070707")).out,
      (await ask("show", id)).out,
    );
    for (const text of ["0707070", "09090909", "z".repeat(8)]) {
      assertEquals((await ask("show", text)).code, 1, text);
    }
    assertEquals((await ask("discard", "080808080")).out, [
      `discarded  ${other}`,
    ]);
    const early = await ask("retry", id);
    assertEquals(early.code, 1);
    assertMatch(early.err.join("\n"), /no node runs/);

    await using node = await NodeProcess.start([data], { permissions });
    assertEquals((await ask("retry", "07070707")).out, [`retried  ${id}`]);
    const { text } = await node.waitFor("message");
    assertEquals(text, "red\u001b[31m");
    // Asking for the next message is what acknowledges one.
    await until("it to be taken", async () => (await ask()).out.length === 0);
    await node.end("SIGTERM");
  }));

Deno.test({
  name:
    "a path that is no UTF-8 is refused, and is not another directory instead",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withData(async (path, permissions) => {
      const parent = path.slice(0, path.lastIndexOf("/"));
      // Arguments of a Deno.Command are text: the byte comes from a shell.
      const launcher = [
        ...["sh", "-c", 'exec "$@" "--data=$0/$(printf \'d\\351j\\340\')"'],
        parent,
      ];
      await using child = verack(["--port=0"], { permissions, launcher });
      assertEquals(await child.code(), 2);
      assertMatch(child.err.join(), /--data is ".*", must be valid UTF-8/);
      assertEquals([...Deno.readDirSync(parent)], []);
    }),
});

Deno.test("a node that is killed as soon as it has announced a peer has not forgotten it", () =>
  withData(async (path, permissions) => {
    for (let round = 0; round < 3; round++) {
      const data = `${path}-${round}`;
      await using node = await NodeProcess.start([`--data=${data}`], {
        permissions,
      });
      await using peer = await NodeProcess.start([
        `--connect=${node.address}`,
      ]);
      const { id } = await node.waitFor("peer:up");
      await node.end("SIGKILL");
      assertEquals(id, peer.id);
      using directory = await DataDirectory.open(data);
      const known = directory.store.peers().map((it) => it.id);
      assertEquals(known, [id]);
    }
  }));
