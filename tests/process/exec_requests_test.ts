/** Requests that programs answer: real nodes, real processes. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { RequestError } from "../../src/streams/request_error.ts";
import { verack } from "../helpers/child.ts";
import { Place } from "../helpers/place.ts";
import { NodeProcess } from "../helpers/process.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const test = testIf(Deno.build.os !== "windows");
const FILES = { permissions: ["--allow-read", "--allow-write"] };
const SHELL = { permissions: ["--allow-run"] };

/** Arguments that answer requests for `job` by a script. */
function script(text: string, ...flags: string[]): string[] {
  return [...flags, "--exec=sh", "--exec-method=job", "--", "-c", text];
}

/** A peer that requests, connected to the node at an address. */
async function caller(address: string, id: PeerId): Promise<Node> {
  const node = await Node.start({ name: "bob", connect: [address] });
  await until("connected", () => node.peer(id)?.connected ?? false);
  return node;
}

async function failure(promise: Promise<unknown>): Promise<RequestError> {
  return await assertRejects(() => promise, RequestError);
}

test("a program gets the body by standard input, and its standard output is the answer, in the kind of the request", async () => {
  await using alice = await NodeProcess.start(
    script(`if [ "$VERACK_KIND" = none ]; then
      echo "$VERACK_METHOD $VERACK_NAME $VERACK_FROM"
    else echo loud >&2; cat; fi`),
    SHELL,
  );
  await using bob = await caller(alice.address, alice.id);
  assertEquals(
    await bob.request(alice.id, "job"),
    `job bob ${bob.identity.id}\n`,
  );
  const bytes = new Uint8Array([0, 255, 10]);
  for (const body of ["héllo", bytes, { a: [1, null] }, 7]) {
    assertEquals(await bob.request(alice.id, "job", body), body);
  }
  const large = new Uint8Array(4_000_000).fill(255);
  assertEquals(await bob.request(alice.id, "job", large), large);
  await alice.child.talk((line) => line === "  | loud");
});

test("a program that fails answers with the last line of its standard error and its exit code", async () => {
  await using alice = await NodeProcess.start(
    script(`case $(cat) in
      said) echo first >&2; echo "no such job" >&2; echo >&2; exit 3;;
      silent) exit 4;;
      killed) kill -9 $$;;
      endless) yes;;
    esac`),
    SHELL,
  );
  await using bob = await caller(alice.address, alice.id);
  const said = await failure(bob.request(alice.id, "job", "said"));
  assertEquals(
    [said.remoteCode, said.message, said.data],
    ["failed", "no such job", { exitCode: 3 }],
  );
  const silent = await failure(bob.request(alice.id, "job", "silent"));
  assertEquals([silent.message, silent.data], [
    "exit code 4",
    { exitCode: 4 },
  ]);
  const killed = await failure(bob.request(alice.id, "job", "killed"));
  assertEquals(killed.message, "killed by SIGKILL");
  const endless = await failure(bob.request(alice.id, "job", "endless"));
  assertEquals(
    endless.message,
    "its standard output is longer than 4000000 bytes",
  );
});

test("a request that is aborted or too late ends its program, and the next one can run", async () => {
  await using place = new Place();
  const log = `${place.path}/log`;
  await using alice = await NodeProcess.start(
    script(
      `trap 'echo ended >> ${log}; exit 1' TERM; echo begun >> ${log}
      case "$(cat)" in
        sleep) sleep 60 & wait ;;
        fail) exit 2 ;;
      esac; echo done`,
      "--exec-jobs=1",
    ),
    SHELL,
  );
  await using bob = await caller(alice.address, alice.id);
  const lines = () => {
    try {
      return Deno.readTextFileSync(log).trim().split("\n");
    } catch {
      return [];
    }
  };
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = bob.request(alice.id, "job", "sleep", { signal });
  await until("it runs", () => lines().length === 1);
  // One process at a time: this one waits for the other's end.
  const next = bob.request(alice.id, "job", "now");
  controller.abort();
  await assertRejects(() => aborted, Error, "aborted");
  assertEquals(await next, "done\n");
  assertEquals(lines(), ["begun", "ended", "begun"]);
  const late = bob.request(alice.id, "job", "sleep", { timeoutMs: 700 });
  await assertRejects(() => late, Error, "within 700 ms");
  await until("it was told to end", () => lines().length === 5);
  // A program that fails is warned of, a caller that no longer waits is not.
  await failure(bob.request(alice.id, "job", "fail"));
  await alice.child.talk((line) => line.includes("request failed"));
  const warned = alice.child.err.filter((it) => it.includes("request failed"));
  assertEquals(warned.length, 1, warned.join("\n"));
});

test("peers that --exec-from does not name are denied, and no program is started", async () => {
  const friend = await Identity.generate();
  await using alice = await NodeProcess.start(
    script("echo ran >&2; echo yes", `--exec-from=${friend.id}`),
    SHELL,
  );
  await using bob = await caller(alice.address, alice.id);
  const denied = await failure(bob.request(alice.id, "job"));
  assertEquals(denied.remoteCode, "denied");
  await using known = await Node.start({
    identity: friend,
    connect: [alice.address],
  });
  await until("connected", () => known.peer(alice.id)?.connected ?? false);
  assertEquals(await known.request(alice.id, "job"), "yes\n");
  await alice.child.talk((line) => line === "  | ran");
  assertEquals(alice.child.err.filter((it) => it === "  | ran").length, 1);
});

test("messages are printed, not run, unless --exec-topic says so", async () => {
  await using alice = await NodeProcess.start(
    script("echo $VERACK_TOPIC >&2", "--exec-topic=jobs"),
    SHELL,
  );
  await using bob = await caller(alice.address, alice.id);
  await bob.send(alice.id, "x", { topic: "other" });
  await bob.send(alice.id, "x", { topic: "jobs" });
  await alice.child.talk((line) => line === "  | jobs");
  await using carol = await NodeProcess.start(script("echo ran >&2"), SHELL);
  await using dave = await caller(carol.address, carol.id);
  await dave.send(carol.id, "hello");
  assertEquals((await carol.waitFor("message")).text, "hello");
  assert(!carol.child.err.includes("  | ran"));
});

test("status says which methods, messages and files a node takes, and of which peers", async () => {
  await using place = new Place();
  const data = `${place.path}/alice`;
  await using _alice = await NodeProcess.start([
    `--data=${data}`,
    `--receive-dir=${place.path}/in`,
    "--receive-from=bob",
    "--exec=true",
    "--exec-method=one",
    "--exec-method=two",
    "--exec-topic=jobs",
  ], { permissions: [...FILES.permissions, "--allow-run"] });
  await using status = verack(["status", `--data=${data}`], FILES);
  assertEquals(await status.code(), 0);
  assertEquals(
    status.out.flatMap((it) => it.startsWith("allowed") ? [it.slice(10)] : []),
    [
      "to request one, two, for peers on this machine",
      "to start the program by messages of topic jobs, for peers on this machine",
      `to send files into ${place.path}/in, for bob`,
    ],
  );
});

test("verack request prints the answer as it is, and the code of an error on standard error with exit code 1", async () => {
  await using place = new Place();
  const alice = await NodeProcess.start(
    script(`if [ "$(cat)" = bad ]; then echo "no \\033[2J" >&2; exit 3; fi
      printf '\\001\\377'`),
    SHELL,
  );
  await using _alice = alice;
  const data = `${place.path}/bob`;
  await using bob = await NodeProcess.start([
    `--data=${data}`,
    `--connect=${alice.address}`,
  ], FILES);
  await bob.waitFor("peer:up");
  const request = (...args: string[]) =>
    verack(["request", ...args, `--data=${data}`], FILES);
  const id = alice.id.slice(0, 12);
  await using plain = request(id, "job", "x", "--json");
  assertEquals(await plain.code(), 0);
  const answer = JSON.parse(plain.out[0] ?? "");
  assertEquals([answer.id, answer.kind, answer.base64], [
    alice.id,
    "bytes",
    "Af8=",
  ]);
  await using failed = request(id, "job", "bad");
  assertEquals(await failed.code(), 1);
  assertEquals(failed.err, [
    "verack: failed: no \\u{1b}[2J",
    '  | {"exitCode":3}',
  ]);
  await using unknown = request(id, "other");
  assertEquals(await unknown.code(), 1);
  assert(
    unknown.err.join().endsWith("it has no such method (unknown-method)"),
    unknown.err.join(),
  );
  const inJson = async (...args: string[]) => {
    await using child = request(...args, "--json");
    assertEquals([await child.code(), child.err], [1, []]);
    return JSON.parse(child.out.join("\n")).error;
  };
  assertEquals(await inJson(id, "job", "bad"), {
    code: "failed",
    message: "no \\u{1b}[2J",
    remoteCode: "failed",
    data: { exitCode: 3 },
  });
  const { code, message, ...rest } = await inJson(id, "other");
  assertEquals([code, rest], ["unknown-method", {}]);
  assert(message.endsWith("it has no such method"), message);
  assertEquals((await inJson("carol", "job")).code, "unknown-peer");
  await using short = request(id, "job", "x", "-t", "1");
  assertEquals(await short.code(), 2);
  await using wrong = request(id, "job", "{", "--json-body");
  assertEquals(await wrong.code(), 2);
});
