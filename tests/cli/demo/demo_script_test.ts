/** The cast of the demo, and the ways in which it can fail, which no real run has. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import type { DemoEvent } from "../../../src/cli/demo/demo_event.ts";
import type {
  DemoHost,
  DemoNode,
  DemoNodeOptions,
} from "../../../src/cli/demo/demo_host.ts";
import { planDemo, playDemo } from "../../../src/cli/demo/demo_script.ts";
import { Identity } from "../../../src/identity/identity.ts";

/** Nodes that do nothing by themselves. */
class FakeHost implements DemoHost {
  readonly startsAtOnce = Infinity;
  readonly linksAtOnce = Infinity;
  /** Names of the nodes that were asked to leave. */
  readonly left: string[] = [];
  readonly #onStart: (options: DemoNodeOptions) => void;

  constructor(onStart: (options: DemoNodeOptions) => void) {
    this.#onStart = onStart;
  }

  start(options: DemoNodeOptions): Promise<DemoNode> {
    this.#onStart(options);
    return Promise.resolve({
      kill: () => Promise.resolve(),
      leave: () => {
        this.left.push(options.name);
        return Promise.resolve();
      },
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

async function play(
  host: DemoHost,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ ok: boolean; summary: Extract<DemoEvent, { type: "summary" }> }> {
  const plan = planDemo(3);
  const identities = new Map(
    await Promise.all(
      plan.nodes.map(async ({ name }) =>
        [name, await Identity.generate()] as const
      ),
    ),
  );
  const shown: DemoEvent[] = [];
  const ok = await playDemo({
    plan,
    identities,
    host,
    inProcess: true,
    periodS: 1,
    keep: true,
    show: (event) => shown.push(event),
    signal,
  });
  const summary = shown.at(-1);
  assert(summary?.type === "summary");
  return { ok, summary };
}

const listen = (options: DemoNodeOptions) =>
  options.onEvent({
    type: "listening",
    id: options.identity.id,
    address: "127.0.0.1:1",
    addresses: ["127.0.0.1:1"],
  });

Deno.test("playDemo() fails at once, and names the node, when one crashes", async () => {
  const host = new FakeHost((options) => {
    listen(options);
    if (options.name === "carol") {
      options.onEnd("its process ended with exit code 7");
    }
  });
  const { ok, summary } = await play(host);
  assertEquals([ok, summary.ok], [false, false]);
  assertMatch(summary.missing.join("\n"), /^carol: .* exit code 7$/m);
  assertMatch(summary.missing.join("\n"), /^all of part impostor$/m);
  assertEquals(summary.shown, []);
  assertEquals(host.left.sort(), ["alice", "bob", "carol"]);
});

Deno.test("playDemo() lets all leave when it is interrupted", async () => {
  const controller = new AbortController();
  const host = new FakeHost((options) => {
    listen(options);
    if (options.name === "carol") controller.abort();
  });
  const { ok, summary } = await play(host, controller.signal);
  assertEquals([ok, summary.interrupted], [false, true]);
  assertEquals(host.left.sort(), ["alice", "bob", "carol"]);
});

Deno.test("playDemo() throws what keeps a node from being started", async () => {
  const host = new FakeHost(() => {
    throw new Deno.errors.NotCapable("no processes here");
  });
  await assertRejects(() => play(host), Deno.errors.NotCapable, "no processes");
});

Deno.test("planDemo() lets every node join through one that starts before it", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes } = planDemo(count);
    const names = nodes.map(({ name }) => name);
    assertEquals(new Set(names).size, count);
    for (const [index, { via }] of nodes.entries()) {
      if (index === 0) assertEquals(via, undefined);
      else assert(names.slice(0, index).includes(via ?? ""), `${count}`);
    }
  }
});

Deno.test("planDemo() does not send all through the first node", () => {
  const { nodes } = planDemo(5);
  assert(new Set(nodes.map(({ via }) => via)).size > 2);
});

Deno.test("planDemo() kills another than the first and brings it back elsewhere", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes, victim } = planDemo(count);
    const planned = nodes.find(({ name }) => name === victim.name);
    assert(planned !== undefined && planned !== nodes[0]);
    assertNotEquals(victim.returnsThrough, victim.name);
    assert(nodes.some(({ name }) => name === victim.returnsThrough));
    if (count > 2) assertNotEquals(victim.returnsThrough, planned.via);
  }
});

Deno.test("planDemo() has the impostor pose as one member before another", () => {
  for (let count = 2; count <= 100; count++) {
    const { nodes, impostor } = planDemo(count);
    const names = nodes.map(({ name }) => name);
    assert(names.includes(impostor.as) && names.includes(impostor.to));
    assertNotEquals(impostor.as, impostor.to);
  }
});

Deno.test("planDemo() plans the same show every time", () => {
  assertEquals(planDemo(7), planDemo(7));
});

Deno.test("planDemo() throws for a single node", () => {
  for (const count of [1, 0, -1, 2.5, NaN]) {
    assertThrows(() => planDemo(count), RangeError, `${count}`);
  }
});
