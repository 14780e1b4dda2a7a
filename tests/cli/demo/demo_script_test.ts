/** The ways in which the demo can fail, which no real run has. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type {
  DemoHost,
  DemoNode,
  DemoNodeOptions,
} from "../../../src/cli/demo/demo_host.ts";
import type { DemoEvent } from "../../../src/cli/demo/demo_event.ts";
import { planDemo } from "../../../src/cli/demo/demo_script.ts";
import { playDemo } from "../../../src/cli/demo/demo_script.ts";
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
