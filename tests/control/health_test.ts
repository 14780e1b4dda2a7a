// Whether a node does its work, as probes ask for it.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { healthResponse } from "../../src/control/health_response.ts";
import { codesWhere, type ErrorCode } from "../../src/core/error_code.ts";
import { type HealthFact, OWN_FACTS } from "../../src/mesh/health.ts";
import { MemoryStore } from "../../src/mesh/peers/memory_store.ts";
import { ControlScene } from "../helpers/control.ts";

/** A store on a full disk, as long as there is a reason. */
class FullStore extends MemoryStore {
  reason: string | undefined;
  failure() {
    return this.reason;
  }
  override commit() {
    if (this.reason !== undefined) throw new Error(this.reason);
  }
}

/** A running node on a disk that has become full. */
async function fullScene(): Promise<{ scene: ControlScene; store: FullStore }> {
  const store = new FullStore();
  const scene = await ControlScene.start({ store });
  store.reason = "Cannot write: the disk is full";
  return { scene, store };
}

Deno.test("a node that is well answers 200 to a health check, with no reasons", async () => {
  await using scene = await ControlScene.start();
  const response = await scene.fetch("/v1/health");
  assertEquals(response.status, 200);
  assertEquals(await response.json(), { healthy: true, reasons: [] });
  using client = await scene.client();
  assertEquals(await client.health(), { healthy: true, reasons: [] });
});

Deno.test("a node that cannot write answers 503 with the reason, which the client returns rather than throws, and 200 when it can again", async () => {
  const { scene, store } = await fullScene();
  await using _ = scene;
  using client = await scene.client();
  const response = await scene.fetch("/v1/health");
  assertEquals(response.status, 503);
  const answer = await response.json();
  assertEquals(answer.healthy, false);
  const [reason, ...others] = answer.reasons;
  assertEquals(others, []);
  const { since, ...rest } = reason;
  assertMatch(since, /^\d{4}-.*Z$/);
  assertEquals(rest, {
    code: "cannot-write",
    severity: "failing",
    message: store.reason,
  });
  assertEquals(await client.health(), answer);
  assertEquals((await client.status()).health, answer.reasons);

  store.reason = undefined;
  assertEquals(await client.health(), { healthy: true, reasons: [] });
});

Deno.test("a probe of liveness succeeds whenever the node answers, and shows the reasons all the same", async () => {
  const { scene } = await fullScene();
  await using _ = scene;
  const response = await scene.fetch("/v1/health?probe=live");
  assertEquals(response.status, 200);
  const { healthy, reasons } = await response.json();
  assertEquals([healthy, reasons.length], [false, 1]);
  const ready = await scene.fetch("/v1/health?probe=ready");
  assertEquals(ready.status, 503);
  await ready.body?.cancel();
});

Deno.test("a misspelt probe is refused, rather than taken for another", async () => {
  await using scene = await ControlScene.start();
  const response = await scene.fetch("/v1/health?probe=alive");
  assertEquals(response.status, 400);
  assertMatch((await response.json()).error.message, /one of live, ready/);
});

Deno.test("a health check needs the token, as all that has ids and addresses does", async () => {
  await using scene = await ControlScene.start();
  const response = await scene.fetch("/v1/health", { token: null });
  assertEquals(response.status, 401);
  await response.body?.cancel();
});

Deno.test("a server that is closing is an error to the client, not an answer of a node that fails", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  await client.health();
  const closing = scene.server.close();
  const failure = await client.health().then(() => undefined, (error) => error);
  await closing;
  assert(failure instanceof Error);
});

Deno.test("an answer for listeners without a token has codes and severities, and no ids, addresses or times", async () => {
  const facts: HealthFact[] = [
    {
      code: "wrong-identity",
      severity: "warning",
      message: "Cannot accept 10.0.0.1:8080: it is another",
      since: new Date(0),
    },
    {
      code: "key-in-use",
      severity: "failing",
      message: "Another process at 10.0.0.2 runs with this key",
      since: new Date(0),
    },
  ];
  const response = healthResponse(facts, { details: false });
  assertEquals(response.status, 503);
  assertEquals(await response.json(), {
    healthy: false,
    reasons: [
      { code: "wrong-identity", severity: "warning" },
      { code: "key-in-use", severity: "failing" },
    ],
  });
  const warned = healthResponse(facts.slice(0, 1), { details: false });
  assertEquals(warned.status, 200);
  assertEquals((await warned.json()).healthy, true);
});

Deno.test("docs/control.md has every code with its severity, and no other", async () => {
  const url = new URL("../../docs/control.md", import.meta.url);
  const text = await Deno.readTextFile(url);
  const section = /^## Health$(.*?)^## /ms.exec(text)?.[1] ?? "";
  const [own = "", dials = ""] = section.split("The code of a fact about");
  const severities = [...own.matchAll(/^\| `([\w-]+)` +\| (\w+)/gm)]
    .map(([, code, severity]) => [code, severity]);
  assertEquals(Object.fromEntries(severities), OWN_FACTS);

  const listed = new Set(
    [...dials.matchAll(/^\| (`.*?) +\|/gm)].flatMap(([, codes]) =>
      [...codes!.matchAll(/`([\w-]+)`/g)].map(([, code]) => code!)
    ),
  );
  const known = codesWhere(() => true);
  assertEquals([...listed].filter((it) => !known.has(it as ErrorCode)), []);
  const refusals = [...codesWhere(({ isRefusal }) => isRefusal === true)];
  assertEquals(refusals.filter((it) => !listed.has(it)), []);
});
