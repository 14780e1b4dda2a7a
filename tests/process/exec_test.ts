/** Messages handed to programs: real nodes, real processes. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { VerackError } from "../../src/core/errors.ts";
import { parsePeerId, type PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { verack, verackProgram } from "../helpers/child.ts";
import { NodeProcess } from "../helpers/process.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { until } from "../helpers/until.ts";
import { Place } from "../helpers/place.ts";
import { testIf } from "../helpers/test_if.ts";

const test = testIf(Deno.build.os !== "windows");
const SHELL = { permissions: ["--allow-run=sh"] };

/** Arguments that hand messages to a script. */
function script(text: string, ...flags: string[]): string[] {
  return [...flags, "--exec=sh", "--", "-c", text];
}

/** Where what a program writes begins on the node's standard error. */
const MARK = "  | ";

/** What programs of a node have written. */
function written(node: NodeProcess): string[] {
  return node.child.err.filter((line) => line.startsWith(MARK))
    .map((line) => line.slice(MARK.length));
}

/** A peer that sends, connected to the node at an address. */
async function sender(address: string, id: PeerId): Promise<Node> {
  const node = await Node.start({ name: "bob", connect: [address] });
  await until("connected", () => node.peer(id)?.connected ?? false);
  return node;
}

test("a program gets the body by standard input, and the sender in its environment", async () => {
  await using alice = await NodeProcess.start(
    script("cat; env | grep ^VERACK_; echo $0 $* >&2", "--name=alice")
      .concat("zero", "$HOME", "; false"),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  await bob.send(alice.id, "one\x1b[2J\n", { topic: "$(id) 'x'" });
  const event = await alice.waitFor("message");
  assertEquals(event.text, "one\x1b[2J\n");
  for (
    const line of [
      "one\\u{1b}[2J",
      `VERACK_FROM=${bob.identity.id}`,
      "VERACK_NAME=bob",
      "VERACK_TOPIC=$(id) 'x'",
      `VERACK_ID=${event.id}`,
      "VERACK_DELIVERY_COUNT=1",
      "zero $HOME ; false",
    ]
  ) await until(line, () => written(alice).includes(line));
});

test("a message comes again when the program fails, with the same id", async () => {
  await using alice = await NodeProcess.start(
    script(
      'echo "$VERACK_ID $VERACK_DELIVERY_COUNT"; exit $((2 - VERACK_DELIVERY_COUNT))',
    ),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  await bob.send(alice.id, "x");
  const { id } = await alice.waitFor("message");
  const tries = () => written(alice).filter((line) => line.startsWith(id));
  await until("both tries", () => tries().length >= 2);
  assertEquals(tries(), [`${id} 1`, `${id} 2`]);
  const { err } = alice.child;
  await until(
    "the fault",
    () => err.join().includes('"fault":"exit code 1"'),
  );
});

test("a message that the program fails five times is a dead letter, and rejected for its sender", async () => {
  await using alice = await NodeProcess.start(
    script('[ "$VERACK_TOPIC" = good ] || kill -9 $$'),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  const bad = bob.send(alice.id, "bad");
  // A topic of its own is not held up.
  await bob.send(alice.id, "good", { topic: "good" });
  const error = await assertRejects(() => bad, VerackError);
  assertEquals(error.code, "rejected");
  const aside = await alice.waitFor("dead-letter");
  assertEquals(aside.reason, "killed by SIGKILL");
});

test("large bodies go through, also to a program that never reads", async () => {
  await using alice = await NodeProcess.start(
    script('if [ "$VERACK_TOPIC" = count ]; then wc -c; fi'),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  const body = new Uint8Array(4_000_000);
  await bob.send(alice.id, body, { topic: "unread" });
  await bob.send(alice.id, body, { topic: "count" });
  await alice.child.talk((line) => line.replace(MARK, "").trim() === "4000000");
  await bob.send(alice.id, "", { topic: "count" });
  await alice.child.talk((line) => line.replace(MARK, "").trim() === "0");
});

test("a program that hangs is killed, even if it will not hear and has children", async () => {
  await using alice = await NodeProcess.start(
    script(
      '[ $VERACK_DELIVERY_COUNT = 2 ] || { trap "" TERM; sleep 5; echo woke; }',
      "--exec-timeout=0.3",
    ),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  await bob.send(alice.id, "x");
  const fault = '"fault":"no exit within 0.3 s"';
  await alice.child.talk((line) => line.includes(fault));
  const talk = alice.child.err.join("\n");
  assert(!talk.includes("woke"), talk);
});

test("much output is cut, and stops no program", async () => {
  await using alice = await NodeProcess.start(
    script("seq 100000; head -c 3000 /dev/zero >&2"),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  await bob.send(alice.id, "x");
  await alice.child.talk((line) =>
    line === `${MARK}99900 lines more, not shown`
  );
  await alice.waitFor("message");
  await until("all lines", () => alice.child.err.length >= 102);
  const longest = Math.max(...alice.child.err.map((line) => line.length));
  assertEquals(alice.child.err.length, 102);
  assert(longest > 500 && longest <= 1_000 + MARK.length, `${longest}`);
});

test("--exec-topic leaves other messages to be printed, and waits for none of them", async () => {
  await using alice = await NodeProcess.start(
    script(
      "echo ran $VERACK_TOPIC; sleep 20",
      "--exec-topic=jobs",
      "--exec-jobs=1",
      "--exec-timeout=100",
    ),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  const abort = new AbortController();
  const { signal } = abort;
  const job = bob.send(alice.id, "long", { topic: "jobs", signal });
  await alice.child.talk((line) => line === `${MARK}ran jobs`);
  await bob.send(alice.id, "printed", { topic: "news" });
  const { text } = await alice.waitFor("message");
  assertEquals(text, "printed");
  assertEquals(alice.child.err, [`${MARK}ran jobs`]);
  abort.abort();
  await assertRejects(() => job, VerackError);
});

test("two senders do not wait for each other's programs", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const gate = `${directory}/gate`;
  await using alice = await NodeProcess.start(
    script(
      `[ $VERACK_TOPIC = fast ] || { echo waits; until [ -e ${gate} ]; do sleep 0.1; done; }`,
    ),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  const slow = bob.send(alice.id, "x", { topic: "slow" });
  await alice.child.talk((line) => line === `${MARK}waits`);
  await bob.send(alice.id, "y", { topic: "fast" });
  await Deno.writeTextFile(gate, "");
  await slow;
});

test("a node that is told to stop lets its program finish, and acknowledges", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const gate = `${directory}/gate`;
  await using alice = await NodeProcess.start(
    script(
      `echo begun; until [ -e ${gate} ]; do sleep 0.1; done`,
      "--log-level=info",
    ),
    SHELL,
  );
  await using bob = await sender(alice.address, alice.id);
  const sent = bob.send(alice.id, "x");
  await alice.child.talk((line) => line === `${MARK}begun`);
  const ended = alice.end("SIGTERM");
  // A signal takes its time, and a message sent meanwhile would be taken.
  await alice.child.talk((line) => line.includes("leaving"));
  // It takes no more, so that this one is not begun.
  const later = bob.send(alice.id, "y", { topic: "later" });
  later.catch(() => {});
  await Deno.writeTextFile(gate, "");
  await sent;
  assertEquals(await ended, 143);
  const begun = written(alice).filter((line) => line === "begun");
  assertEquals(begun.length, 1);
});

Deno.test({
  name: "Ctrl-C is for the node, not for the program that runs",
  ignore: Deno.build.os === "windows" || !HAS_PTY,
  async fn() {
    await using place = new Place();
    const { path: directory } = place;
    const gate = `${directory}/gate`;
    const waits =
      `echo begun; until [ -e ${gate} ]; do sleep 0.1; done; echo over`;
    await using pty = new Pty(
      verackProgram(
        ["--host=127.0.0.1", "--port=0", ...script(waits)],
        ["--allow-run=sh"],
      ),
      { NO_COLOR: "1" },
    );
    const [, text = ""] = await pty.shows(/verack ([0-9a-f]{64})/);
    const id = parsePeerId(text);
    const [, address = ""] = await pty.shows(/listen on (\S+) as/);
    await using bob = await sender(address, id);
    const sent = bob.send(id, "x");
    await pty.shows(/begun/);
    await pty.type("\x03");
    await pty.shows(/Ctrl-C again ends at once/);
    await Deno.writeTextFile(gate, "");
    await sent;
    await pty.shows(/over/);
    assertEquals(await pty.code(), 130);
  },
});

test("a message whose node was killed meanwhile is handed over again", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const data = `${directory}/alice`;
  const gate = `${directory}/gate`;
  const start = (port: string) =>
    NodeProcess.start(
      script(
        `echo run $VERACK_ID; until [ -e ${gate} ]; do sleep 0.1; done`,
        `--data=${data}`,
        `--port=${port}`,
      ),
      {
        permissions: [
          ...SHELL.permissions,
          `--allow-read=${directory}`,
          `--allow-write=${directory}`,
        ],
      },
    );
  await using first = await start("0");
  await using bob = await sender(first.address, first.id);
  const sent = bob.send(first.id, "x");
  const run = await first.child.talk((line) => line.startsWith(`${MARK}run `));
  await first.end("SIGKILL");
  await using second = await start(first.address.split(":")[1]!);
  assertEquals(second.id, first.id);
  await second.child.talk((line) => line === run);
  await Deno.writeTextFile(gate, "");
  await sent;
  const { id } = await second.waitFor("message");
  assertEquals(run, `${MARK}run ${id}`);
});

for (
  const [program, says] of [
    ["/no/such/program", /there is no such program/],
    ["no-such-program", /there is no such program/],
    ["notes.txt", /it is not executable for this user/],
  ] as const
) {
  Deno.test({
    name: `a node whose program is ${program} does not start, and says why`,
    // Others, and Linux before 6.8, look for it when a message comes.
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using place = new Place();
      const { path: directory } = place;
      await Deno.writeTextFile(`${directory}/notes.txt`, "");
      const path = program === "notes.txt" ? `${directory}/notes.txt` : program;
      await using child = verack(["--port=0", `--exec=${path}`], {
        permissions: ["--allow-run"],
      });
      assertEquals(await child.code(), 1);
      assertEquals(child.out, []);
      assertMatch(child.err.join(), says);
      assertStringIncludes(child.err.join(), path);
    },
  });
}

test("a program that is gone later costs neither node nor message, and is said once", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const job = `${directory}/job`;
  const install = () => Deno.writeTextFile(job, "#!/bin/sh\n", { mode: 0o755 });
  await install();
  await using alice = await NodeProcess.start([`--exec=${job}`], {
    permissions: ["--allow-run"],
  });
  await using bob = await sender(alice.address, alice.id);
  await bob.send(alice.id, "first");
  await Deno.remove(job);
  const sent = ["second", "third"].map((topic) =>
    bob.send(alice.id, topic, { topic })
  );
  await alice.child.talk((line) => line.includes("there is no such"));
  await install();
  await Promise.all(sent);
  await alice.child.talk((line) => line.includes("starts again"));
  assertEquals(alice.child.err.length, 2, alice.child.err.join("\n"));
  assertEquals(await alice.end("SIGTERM"), 143);
});

for (
  const [permission, what] of [
    ["--allow-run", "its program and what that has started"],
    ["--allow-run=sh", "its program"],
  ] as const
) {
  test(`a node that leaves ends ${what} within 5 s, deaf as it may be`, async () => {
    await using place = new Place();
    const { path: directory } = place;
    const alive = `${directory}/alive`;
    await using alice = await NodeProcess.start(
      script(
        `trap "" TERM; ( while [ -d ${directory} ] && sleep 0.1; do echo x >> ${alive}; done ) & echo begun; sleep 20`,
      ),
      { permissions: [permission] },
    );
    await using bob = await sender(alice.address, alice.id);
    const sent = bob.send(alice.id, "x");
    sent.catch(() => {});
    await alice.child.talk((line) => line === `${MARK}begun`);
    const begin = performance.now();
    assertEquals(await alice.end("SIGINT"), 130);
    const took = performance.now() - begin;
    assert(took < 5_000, `${took} ms`);
    if (permission === "--allow-run") {
      const { size } = await Deno.stat(alive);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assertEquals((await Deno.stat(alive)).size, size);
    }
  });
}

/** A node by name, connected to the node at an address. */
async function named(
  name: string,
  address: string,
  id: PeerId,
): Promise<Node> {
  const node = await Node.start({ name, connect: [address] });
  await until("connected", () => node.peer(id)?.connected ?? false);
  return node;
}

for (const topic of ["", "jobs"]) {
  test(`messages of a peer that --exec-from does not name are printed and do not start the program: topic "${topic}"`, async () => {
    const friend = await Identity.generate();
    const flags = topic === "" ? [] : [`--exec-topic=${topic}`];
    await using alice = await NodeProcess.start(
      script(
        'echo "ran $VERACK_NAME $(cat)"',
        `--exec-from=${friend.id.toUpperCase()}`,
        "--exec-from=bob",
        "--exec-jobs=1",
        ...flags,
      ),
      SHELL,
    );
    const { address, id } = alice;
    await using bob = await named("bob", address, id);
    await using carol = await Node.start({
      name: "carol",
      identity: friend,
      connect: [address],
    });
    await using mallory = await named("mallory", address, id);
    await mallory.send(id, "printed", { topic });
    assertEquals((await alice.waitFor("message")).text, "printed");
    await bob.send(id, "by name", { topic });
    await until("carol", () => carol.peer(id)?.connected ?? false);
    await carol.send(id, "by identity", { topic });
    await until("both", () => alice.child.err.length >= 3);
    const ran = written(alice).filter((line) => line.startsWith("ran "));
    assertEquals(ran, ["ran bob by name", "ran carol by identity"]);
    if (topic === "") return;
    await bob.send(id, "news", { topic: "news" });
    const { text } = await alice.waitFor(
      "message",
      (it) => it.topic === "news",
    );
    assertEquals(text, "news");
  });
}

test("a peer that takes a name of --exec-from from its holder does not start the program, and its holder goes on", async () => {
  await using alice = await NodeProcess.start(
    script('echo "ran $(cat)"', "--exec-from=bob"),
    SHELL,
  );
  const { address, id } = alice;
  await using bob = await named("bob", address, id);
  await bob.send(id, "1");
  await using mallory = await named("BOB", address, id);
  await mallory.send(id, "x");
  const taken = () =>
    alice.waitFor("message", (it) => it.from === mallory.identity.id);
  assertEquals((await taken()).text, "x");
  const ran = (count: number) =>
    until(`${count} to be shown`, () => written(alice).length >= count);
  await ran(1);
  assertEquals(written(alice), ["ran 1"]);
  // The name means nobody to those who send by it, and its holder all the same.
  await bob.send(id, "2");
  await ran(2);
  assertEquals(written(alice), ["ran 1", "ran 2"]);
});

test("--exec is refused in an open mesh that others than this machine reach, and --exec-from or a closed mesh makes it go", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const options = {
    permissions: [
      "--allow-run=sh",
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
    ],
  };
  const data = `--data=${directory}/alice`;
  const run = script("true", "--host=0.0.0.0", data);
  {
    await using child = verack(["--port=0", ...run], options);
    assertEquals(await child.code(), 2);
    assertEquals(child.out, []);
    assertMatch(
      child.err.join(),
      /open mesh that listens on 0\.0\.0\.0:0 .* needs --exec-from NAME\|ID, or --admission closed/,
    );
  }
  for (
    const [flags, says] of [
      [["--exec-from=bob"], /means the first peer that uses it/],
      [[`--exec-from=${"ab".repeat(32)}`], /^$/],
      [["--admission=closed"], /the mesh is closed from now on/],
      // As remembered from the start before.
      [[], /the mesh stays closed/],
      [["--exec-from=bob"], /means the first peer that uses it/],
    ] as const
  ) {
    await using node = await NodeProcess.start([...flags, ...run], options);
    assertEquals(await node.end("SIGTERM"), 143);
    assertMatch(node.child.err.join("\n"), says);
  }
});

test("--exec-from takes no first digits of an identity", async () => {
  await using child = verack(script("true", "--exec-from=abcdef0123"));
  assertEquals(await child.code(), 2);
  assertMatch(child.err.join(), /it reads like an identity/);
});

test("a program has none of the node's environment but what is documented, and no secret of the command line", async () => {
  await using place = new Place();
  const { path: directory } = place;
  const passphrase = "open sesame";
  const key = `${directory}/alice.key`;
  const { privateKeyPem } = await Identity.generate();
  await Deno.writeTextFile(`${directory}/plain`, privateKeyPem, {
    mode: 0o600,
  });
  const encrypt = new Deno.Command("openssl", {
    args: [
      ...["pkcs8", "-topk8", "-in", `${directory}/plain`, "-out", key],
      ...["-passout", `pass:${passphrase}`],
    ],
    stderr: "null",
  });
  assert((await encrypt.output()).success);
  const environment = async (...permissions: string[]) => {
    await using alice = await NodeProcess.start(
      script(
        "env | grep -v ^PWD=",
        `--key=${key}`,
        "--passphrase-env=SESAME",
      ),
      {
        permissions: [
          ...["--allow-run=sh", `--allow-read=${directory}`],
          ...permissions,
        ],
        env: {
          SESAME: passphrase,
          API_TOKEN: "of another program",
          VERACK_LOG: "warn",
          PATH: "/usr/bin:/bin",
          // Deno itself needs the real one.
          HOME: Deno.env.get("HOME") ?? directory,
          LANG: "C.UTF-8",
          TZ: "UTC",
          TMPDIR: directory,
          TERM: "dumb",
        },
      },
    );
    await using bob = await sender(alice.address, alice.id);
    await bob.send(alice.id, "x");
    await alice.waitFor("message");
    await alice.end("SIGTERM");
    return written(alice).filter((line) => /^\w+=/.test(line))
      .map((line) => line.split("=")[0]!).filter((name) => name !== "_")
      .toSorted();
  };
  const own = ["DELIVERY_COUNT", "FROM", "ID", "NAME", "TOPIC"]
    .map((name) => `VERACK_${name}`);
  const passed = ["HOME", "LANG", "PATH", "TERM", "TMPDIR", "TZ"];
  const all = `--allow-env=SESAME,API_TOKEN,${passed.join()}`;
  assertEquals(await environment(all), [...passed, ...own]);
  // Without the right to read a variable it is left out, and all else works.
  assertEquals(await environment("--allow-env=SESAME,HOME"), [
    "HOME",
    ...own,
  ]);
});
