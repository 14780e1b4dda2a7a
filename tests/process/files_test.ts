/** `verack send-file`, `receive` and `run --receive-dir`, with real processes and files. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { type Child, verack, verackProgram } from "../helpers/child.ts";
import { EmulatedLink, type LineOptions } from "../helpers/emulated_link.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { CAN_MOUNT, onSmallDisk } from "../helpers/small_disk.ts";
import { until } from "../helpers/until.ts";

/** Takes two seconds over the slow line of a scene. */
const LARGE_BYTES = 8_000_000;
const LINE = { bytesPerSecond: 4_000_000, bufferBytes: 262_144 };

/** A folder with two nodes, alice and bob, that have a session. */
class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly alice: NodeProcess;
  bob: NodeProcess;
  readonly #link: EmulatedLink;

  private constructor(
    folder: string,
    link: EmulatedLink,
    alice: NodeProcess,
    bob: NodeProcess,
  ) {
    this.folder = folder;
    this.#link = link;
    this.alice = alice;
    this.bob = bob;
  }

  /** @param always Bob's node receives into `in` all the time. */
  static async start(line: LineOptions = {}, always = false): Promise<Scene> {
    const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
    const args = always ? [`--receive-dir=${folder}/in`] : [];
    const bob = await startNode(folder, "bob", args);
    const link = EmulatedLink.start(bob.address, line);
    const alice = await startNode(folder, "alice", [
      `--connect=${link.address}`,
    ]);
    await alice.waitFor("peer:up");
    return new Scene(folder, link, alice, bob);
  }

  at(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** Ends bob at once, as a power cut does. */
  async killBob(): Promise<void> {
    await this.bob.end("SIGKILL");
  }

  async restartBob(args: readonly string[] = []): Promise<void> {
    const port = this.bob.address.split(":").at(-1);
    this.bob = await startNode(this.folder, "bob", [`--port=${port}`, ...args]);
  }

  /** A command to alice's or bob's node. */
  command(of: "alice" | "bob", ...args: string[]): Child {
    return verack([...args, `--data=${this.at(of)}`], {
      permissions: permissions(this.folder),
    });
  }

  /** The words that run a command on a terminal. */
  words(of: "alice" | "bob", ...args: string[]): string[] {
    return verackProgram(
      [...args, `--data=${this.at(of)}`],
      permissions(this.folder),
    );
  }

  /** Bob receives; resolves when he does. */
  async receive(...args: string[]): Promise<Child> {
    const child = this.command(
      "bob",
      "receive",
      `--dir=${this.at("in")}`,
      ...args,
    );
    await child.talk((line) => line.includes("files go to"));
    return child;
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.at(name);
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    await Deno.writeFile(path, bytes);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.alice[Symbol.asyncDispose]();
    await this.bob[Symbol.asyncDispose]();
    await this.#link[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function permissions(folder: string): string[] {
  return [`--allow-read=${folder}`, `--allow-write=${folder}`];
}

async function startNode(
  folder: string,
  name: string,
  args: readonly string[],
): Promise<NodeProcess> {
  return await NodeProcess.start(
    [`--data=${folder}/${name}`, `--name=${name}`, ...args],
    { permissions: permissions(folder) },
  );
}

/** Bytes that do not compress, the same at every call. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4));
  let state = 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return bytes;
}

async function assertSame(a: string, b: string): Promise<void> {
  const hash = async (path: string) =>
    new Uint8Array(
      await crypto.subtle.digest("SHA-256", await Deno.readFile(path)),
    ).toHex();
  assertEquals(await hash(a), await hash(b));
}

interface Step {
  readonly type: string;
  readonly path: string;
  readonly bytes: number;
  readonly resumedAt?: number;
  readonly error?: { readonly code: string };
}

function stepsOf(child: Child): Step[] {
  return child.out.map((line) => JSON.parse(line));
}

Deno.test("files and folders arrive, and both ends list the same ones", async () => {
  await using scene = await Scene.start();
  const photo = await scene.write("out/photo.jpg", noise(300_000));
  await scene.write("out/notes/deep/a.txt", "a");
  await scene.write("out/notes/b.txt", "b");
  await using receive = await scene.receive("--yes", "--once");
  await using send = scene.command(
    "alice",
    "send-file",
    photo,
    scene.at("out/notes"),
    "bob",
  );
  assertEquals([await send.code(), await receive.code()], [0, 0]);
  const paths = [
    "notes/b.txt  1 B",
    "notes/deep/a.txt  1 B",
    "photo.jpg  300 kB",
  ];
  assertEquals(send.out.toSorted(), paths.map((it) => `sent      ${it}`));
  assertEquals(receive.out.toSorted(), paths.map((it) => `received  ${it}`));
  assertMatch(
    send.err.at(-1) ?? "",
    /^verack send-file: 3 files, 300 kB, sent to bob \(/,
  );
  assertMatch(
    receive.err.at(-1) ?? "",
    /^verack receive: 3 files, 300 kB, received from alice \(/,
  );
  await assertSame(photo, scene.at("in/photo.jpg"));
  assertEquals(await Deno.readTextFile(scene.at("in/notes/deep/a.txt")), "a");

  // Again: nothing is sent twice, nothing overwritten.
  await Deno.writeTextFile(scene.at("out/notes/b.txt"), "another");
  await using again = await scene.receive("--yes", "--once");
  await using resend = scene.command(
    "alice",
    "send-file",
    photo,
    scene.at("out/notes"),
    "bob",
  );
  assertEquals([await resend.code(), await again.code()], [0, 0]);
  assert(
    again.out.includes("received  photo.jpg  300 kB, was there already"),
    again.out.join("\n"),
  );
  assert(
    again.out.some((it) => it.includes('as "notes/b (1).txt"')),
    again.out.join("\n"),
  );
  assertEquals(await Deno.readTextFile(scene.at("in/notes/b.txt")), "b");
});

Deno.test("after Ctrl-C the same command goes on where it was", async () => {
  await using scene = await Scene.start(LINE);
  const file = await scene.write("large.bin", noise(LARGE_BYTES));
  await using receive = await scene.receive("--yes", "--json");
  await using send = scene.command("alice", "send-file", file, "bob", "--json");
  await send.line((line) => {
    const { type, bytes } = JSON.parse(line);
    return type === "progress" && bytes > 1_000_000;
  });
  send.kill("SIGINT");
  assertEquals(await send.code(), 130);
  assertMatch(
    send.err.join("\n"),
    /interrupted at \d+%; the same command goes on/,
  );
  await receive.line((line) => JSON.parse(line).type === "end");
  assert(!(await exists(scene.at("in/large.bin"))));
  await using again = scene.command(
    "alice",
    "send-file",
    file,
    "bob",
    "--json",
  );
  assertEquals(await again.code(), 0);
  const begin = stepsOf(again).find(({ type }) => type === "begin");
  assert((begin?.resumedAt ?? 0) > 0, JSON.stringify(begin));
  await assertSame(file, scene.at("in/large.bin"));
  receive.kill("SIGINT");
  assertEquals(await receive.code(), 130);
});

Deno.test("a receiver that is killed goes on after its restart, while the sender waits", async () => {
  await using scene = await Scene.start(LINE, true);
  const file = await scene.write("large.bin", noise(LARGE_BYTES));
  await using send = scene.command("alice", "send-file", file, "bob", "--json");
  await send.line((line) => {
    const { type, bytes } = JSON.parse(line);
    return type === "progress" && bytes > 1_000_000;
  });
  await scene.killBob();
  await send.line((line) => JSON.parse(line).type === "retrying");
  assert(!(await exists(scene.at("in/large.bin"))));
  await scene.restartBob([`--receive-dir=${scene.at("in")}`]);
  assertEquals(await send.code(), 0, send.err.join("\n"));
  const begins = stepsOf(send).filter(({ type }) => type === "begin");
  assert((begins.at(-1)?.resumedAt ?? 0) > 0, JSON.stringify(begins));
  await assertSame(file, scene.at("in/large.bin"));
  const done = await scene.bob.waitFor("file", ({ step }) => step === "done");
  assertEquals([done.path, done.from, done.name], [
    "large.bin",
    scene.alice.id,
    "alice",
  ]);
});

Deno.test("without a terminal and without --yes an offer is declined, and both ends say so", async () => {
  await using scene = await Scene.start();
  const file = await scene.write("out/a.txt", "a");
  await using receive = await scene.receive();
  await using send = scene.command("alice", "send-file", file, "bob");
  assertEquals(await send.code(), 1);
  assertMatch(send.out.join("\n"), /^declined {2}bob \(\w+\): /);
  await receive.talk((line) =>
    /declined "a\.txt" \(1 file, 1 B\) from alice \(\w+\): there is no terminal to ask, add --yes/
      .test(line)
  );
  assert(!(await exists(scene.at("in/a.txt"))));
});

Deno.test("only the peers of --from may send", async () => {
  await using scene = await Scene.start();
  const file = await scene.write("out/a.txt", "a");
  await using _receive = await scene.receive(
    "--yes",
    `--from=${"ab".repeat(32)}`,
  );
  await using send = scene.command("alice", "send-file", file, "bob");
  assertEquals(await send.code(), 1);
  assertMatch(send.out.join("\n"), /^declined {2}bob/);
});

Deno.test("a name with escape sequences reaches neither the disk nor a terminal", async () => {
  await using scene = await Scene.start();
  const evil = await scene.write("out/\x1b]0;evil\x07\u202etxt.exe", "a");
  const good = await scene.write("out/good.txt", "b");
  await using receive = await scene.receive("--yes", "--once");
  await using send = scene.command("alice", "send-file", evil, good, "bob");
  assertEquals([await send.code(), await receive.code()], [1, 1]);
  for (const child of [send, receive]) {
    const all = [...child.out, ...child.err].join("\n");
    // deno-lint-ignore no-control-regex
    assert(!/[\x1b\x07\u202e]/.test(all), all);
    assert(child.out.some((it) => /^failed .*\\u\{1b\}\]0;evil/.test(it)), all);
  }
  const files = [...Deno.readDirSync(scene.at("in"))].map(({ name }) => name);
  assertEquals(files.filter((it) => !it.startsWith(".")), ["good.txt"]);
});

Deno.test("a node with --receive-dir receives from two peers at once, and reports it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
  try {
    await using bob = await startNode(folder, "bob", [
      `--receive-dir=${folder}/in`,
    ]);
    await using alice = await startNode(folder, "alice", [
      `--connect=${bob.address}`,
    ]);
    await using carol = await startNode(folder, "carol", [
      `--connect=${bob.address}`,
    ]);
    await Promise.all([alice, carol].map((it) => it.waitFor("peer:up")));
    const sends = await Promise.all(["alice", "carol"].map(async (name, i) => {
      const path = `${folder}/${name}.bin`;
      await Deno.writeFile(path, noise(5_000_000 + i));
      return verack(["send-file", path, "bob", `--data=${folder}/${name}`], {
        permissions: permissions(folder),
      });
    }));
    for (const send of sends) {
      assertEquals(await send.code(), 0, send.err.join("\n"));
      await send[Symbol.asyncDispose]();
    }
    for (const name of ["alice", "carol"]) {
      await assertSame(`${folder}/${name}.bin`, `${folder}/in/${name}.bin`);
    }
    await until(
      "both ends",
      () => bob.of("file").filter(({ step }) => step === "end").length === 2,
    );
    const ends = bob.of("file").filter(({ step }) => step === "end");
    assertEquals(ends.map(({ done, failed }) => [done, failed]), [[1, 0], [
      1,
      0,
    ]]);
    // One folder at a time.
    await using second = verack([
      "receive",
      `--dir=${folder}/other`,
      `--data=${folder}/bob`,
    ], {
      permissions: permissions(folder),
    });
    assertEquals(await second.code(), 1);
    assertStringIncludes(second.err.join("\n"), "already");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--receive-dir needs a closed mesh, names, or this machine alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
  try {
    await using open = verack(["--port=0", `--receive-dir=${folder}/in`]);
    assertEquals(await open.code(), 2);
    assertStringIncludes(
      open.err.join("\n"),
      "would let every stranger send files here, needs --receive-from NAME|ID",
    );
    await using alone = verack(["--port=0", "--receive-from=alice"]);
    assertEquals(await alone.code(), 2);
    assertStringIncludes(
      alone.err.join("\n"),
      "--receive-from needs --receive-dir",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what cannot be sent is refused at once, in a sentence", async () => {
  await using scene = await Scene.start();
  const file = await scene.write("out/a.txt", "a");
  const same = await scene.write("other/a.txt", "b");
  for (
    const [args, code, words] of [
      [[file], 2, "NAME is missing"],
      [[], 2, "FILE is missing"],
      [[scene.at("none.txt"), "bob"], 1, "none.txt"],
      [[file, "nobody"], 1, "nobody"],
      [[file, same, "bob"], 2, "a.txt"],
      [
        [file, "bob", "--timeout=0.2"],
        1,
        "receives no files now (verack receive, or run --receive-dir, does)",
      ],
    ] as const
  ) {
    await using send = scene.command("alice", "send-file", ...args);
    assertEquals(await send.code(), code, send.err.join("\n"));
    assertStringIncludes(send.err.join("\n"), words);
  }
});

Deno.test({
  name: "on a terminal the offer is asked, and a bar shows how far it is",
  ignore: !HAS_PTY,
  fn: async () => {
    await using scene = await Scene.start(LINE);
    const file = await scene.write("large.bin", noise(LARGE_BYTES));
    await using receive = new Pty(
      scene.words("bob", "receive", `--dir=${scene.at("in")}`),
      { NO_COLOR: "1" },
    );
    await receive.shows(/files go to/);
    await using send = new Pty(scene.words("alice", "send-file", file, "bob"), {
      NO_COLOR: "1",
    });
    await receive.shows(
      /accept "large\.bin" \(1 file, 8.0 MB\) from alice \(\w+\)\? \[y\/N\] /,
    );
    await receive.type("y\r");
    await send.shows(/large\.bin +\[=+> *\] +\d+% {2}\d/);
    await send.shows(/sent +large\.bin +8.0 MB/);
    assertEquals(await send.code(), 0);
    await receive.shows(/received +large\.bin +8.0 MB/);
    await receive.type("\x03");
    assertEquals(await receive.code(), 130);
    await assertSame(file, scene.at("in/large.bin"));
  },
});

Deno.test({
  name:
    "a disk that fills up fails that file alone, and both ends say so (needs the right to mount)",
  ignore: !CAN_MOUNT,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
    try {
      await using bob = await NodeProcess.start([
        `--data=${folder}/bob`,
        "--name=bob",
        `--receive-dir=${folder}/in`,
      ], {
        permissions: permissions(folder),
        launcher: ["unshare", ...onSmallDisk(1_000, `${folder}/in`)],
      });
      await using alice = await startNode(folder, "alice", [
        `--connect=${bob.address}`,
      ]);
      await alice.waitFor("peer:up");
      await Deno.writeFile(`${folder}/large.bin`, noise(3_000_000));
      await Deno.writeTextFile(`${folder}/small.txt`, "a");
      await using send = verack([
        "send-file",
        `${folder}/large.bin`,
        `${folder}/small.txt`,
        "bob",
        `--data=${folder}/alice`,
      ], { permissions: permissions(folder) });
      assertEquals(await send.code(), 1);
      const lines = send.out.toSorted();
      assertMatch(lines[0] ?? "", /^failed {4}large\.bin: .*(room|space|full)/);
      assertEquals(lines[1], "sent      small.txt  1 B");
      const failed = await bob.waitFor("file", ({ step }) => step === "failed");
      assertEquals(failed.path, "large.bin");
      const end = await bob.waitFor("file", ({ step }) => step === "end");
      assertEquals([end.done, end.failed], [1, 1]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
