/**
 * The demo for real: the command line as a child process, which has children of
 * its own. Its parts are tested in `demo/`.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import type { DemoEvent } from "../../src/cli/demo/demo_event.ts";
import { planDemo } from "../../src/cli/demo/demo_script.ts";
import { Node } from "../../src/mesh/node.ts";
import { type Child, verack } from "../helpers/child.ts";
import { FakeOpener } from "../helpers/fake_opener.ts";
import { PageBrowser } from "../helpers/page_browser.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

type Kind = DemoEvent["type"];
type Of<K extends Kind> = Extract<DemoEvent, { type: K }>;

/** What a demo may use beside its nodes. */
interface DemoSettings {
  readonly env?: Readonly<Record<string, string>>;
  /** Programs that it may start. */
  readonly programs?: readonly string[];
}

/** A demo in a temporary directory of its own. */
class Demo implements AsyncDisposable {
  readonly child: Child;
  readonly #directory: string;

  private constructor(
    args: readonly string[],
    directory: string,
    { env, programs = [] }: DemoSettings = {},
  ) {
    this.#directory = directory;
    this.child = verack(["demo", ...args], {
      env: { TMPDIR: directory, VERACK_LOG: "", ...env },
      permissions: [
        `--allow-write=${directory}`,
        `--allow-run=${[Deno.execPath(), ...programs].join()}`,
        "--allow-env=DISPLAY,WAYLAND_DISPLAY,SSH_CONNECTION",
      ],
    });
  }

  static async startWith(
    settings: DemoSettings,
    ...args: string[]
  ): Promise<Demo> {
    const directory = await Deno.makeTempDir({ prefix: "verack-test-" });
    return new Demo(args, directory, settings);
  }

  static async start(...args: string[]): Promise<Demo> {
    return new Demo(args, await Deno.makeTempDir({ prefix: "verack-test-" }));
  }

  /** What it printed with `--json`. */
  get events(): DemoEvent[] {
    return this.child.out.map((line) => JSON.parse(line));
  }

  of<K extends Kind>(kind: K): Of<K>[] {
    return this.events.filter((it): it is Of<K> => it.type === kind);
  }

  get summary(): Of<"summary"> {
    const last = this.events.at(-1);
    assert(last?.type === "summary", this.text);
    return last;
  }

  /** All it printed, for messages. */
  get text(): string {
    return [...this.child.out, ...this.child.err].join("\n");
  }

  /** What it left in the directory for temporary files. */
  leftFiles(): string[] {
    return [...Deno.readDirSync(this.#directory)].map(({ name }) => name);
  }

  /** The nodes that still listen where they once did. */
  async leftNodes(): Promise<string[]> {
    const addresses = [...this.of("started"), ...this.of("restarted")]
      .map(({ address }) => address);
    const answers = await Promise.all(addresses.map(async (address) => {
      const [hostname = "", port] = address.split(":");
      try {
        using _ = await Deno.connect({ hostname, port: Number(port) });
        return [address];
      } catch {
        return [];
      }
    }));
    return answers.flat();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** Holds for every way of running it. */
async function assertShown(demo: Demo, nodes: number): Promise<void> {
  assertEquals(await demo.child.code(), 0, demo.text);
  const { summary } = demo;
  assertEquals(summary.missing, []);
  assertEquals([summary.ok, summary.interrupted], [true, false]);
  const of = nodes * (nodes - 1) / 2;
  assertEquals([summary.links, summary.of], [of, of]);
  assertEquals(summary.pingPairs, 2 * of);

  const plan = planDemo(nodes);
  const started = demo.of("started");
  assertEquals(
    new Map(started.map(({ name, via }) => [name, via])),
    new Map(plan.nodes.map(({ name, via }) => [name, via ?? null])),
  );
  assertEquals(new Set(started.map(({ id }) => id)).size, nodes);

  const { name: victim } = plan.victim;
  const others = plan.nodes.map(({ name }) => name)
    .filter((name) => name !== victim).sort();
  assertEquals(demo.of("killed").map(({ name }) => name), [victim]);
  const lost = demo.of("lost").filter(({ peer }) => peer === victim);
  assertEquals(lost.map(({ name }) => name).sort(), others);
  const [returned, ...more] = demo.of("restarted");
  assert(returned !== undefined && more.length === 0);
  const before = started.find(({ name }) => name === victim);
  assertEquals(returned.id, before?.id);
  assertNotEquals(returned.address, before?.address);
  const recognised = demo.of("recognised");
  assertEquals(recognised.map(({ name }) => name).sort(), others);
  assertEquals(
    new Set(recognised.map(({ trust }) => trust)),
    new Set(["known"]),
  );

  const [impostor] = demo.of("impostor");
  assertEquals(impostor?.refused, true);
  assertMatch(impostor?.memberSays ?? "", /proof .* does not verify/);
  assertMatch(impostor?.impostorSays ?? "", /bad-proof/);

  const rows = demo.of("node");
  assertEquals(rows.length, nodes);
  for (const { links, heard } of rows) {
    assertEquals([links, heard], [nodes - 1, nodes - 1]);
  }
}

Deno.test("demo shows the whole play with a process a node, and leaves nothing behind", async () => {
  await using demo = await Demo.start(
    "--nodes=4",
    "--period=0.3",
    "--json",
  );
  await assertShown(demo, 4);
  assertEquals(demo.child.err, []);
  assertEquals(demo.leftFiles(), []);
  assertEquals(await demo.leftNodes(), []);
});

Deno.test("demo --in-process shows the same without any process", async () => {
  await using demo = await Demo.start(
    "--in-process",
    "--nodes=10",
    "--period=0.3",
    "--json",
  );
  await assertShown(demo, 10);
  assertEquals(demo.leftFiles(), []);
});

Deno.test("demo prints lines for people that end with the result", async () => {
  await using demo = await Demo.start("--nodes=2", "--period=0.1");
  assertEquals(await demo.child.code(), 0, demo.text);
  const text = demo.child.out.join("\n");
  assertMatch(text, /bob +joined +through alice/);
  assertMatch(text, /alice +recognised +bob by its key \(known\)/);
  assertMatch(text, /mallory +was told /);
  assertMatch(text, /\n {2}bob +[0-9a-f]{8} +127\.0\.0\.1:\d+ +1 of 1 /);
  assertMatch(text, /\nAll of it happened in /);
  for (const line of demo.child.out) assert(line.length <= 80, line);
});

Deno.test("demo --keep stays up after the show until it is interrupted, and then leaves politely", async () => {
  await using demo = await Demo.start(
    "--nodes=2",
    "--period=0.1",
    "--keep",
    "--json",
  );
  await demo.child.line((line) => line.includes('"phase":"keep"'));
  assertEquals((await demo.leftNodes()).length, 2);
  demo.child.kill("SIGINT");
  assertEquals(await demo.child.code(), 130, demo.text);
  assertEquals(demo.summary.ok, true);
  assertEquals(demo.leftFiles(), []);
  assertEquals(await demo.leftNodes(), []);
});

for (const mode of ["--in-process", "--no-in-process"]) {
  Deno.test(`demo ${mode} prints a bounded number of what a stranger does to its nodes`, async () => {
    const args = mode === "--in-process" ? [mode] : [];
    await using demo = await Demo.start(
      ...["--nodes=2", "--period=1", "--keep", "--json", ...args],
    );
    await demo.child.line((line) => line.includes('"phase":"keep"'));
    const [started] = demo.of("started");
    await using stranger = await Node.start({ connect: [started!.address] });
    await until("both", () => stranger.sessions().length === 2);
    for (let i = 0; i < 500; i++) stranger.ping(`${i}`);
    stranger.ping("end");
    await stranger.close();
    await until(
      "its end at both",
      () => others("peer:down").length === 2,
    );
    demo.child.kill("SIGINT");
    assertEquals(await demo.child.code(), 130, demo.text);
    const pings = others("ping").length;
    assert(pings >= 20 && pings < 100, `${pings} are printed`);

    function others(type: string) {
      return demo.of("other").filter(({ event }) =>
        event.type === type && "id" in event &&
        event.id === stranger.identity.id
      );
    }
  });
}

for (const mode of ["with processes", "--in-process"]) {
  Deno.test(`demo ${mode} has its nodes go by the names that it prints, at other nodes and on the page`, async () => {
    const args = mode === "--in-process" ? [mode] : [];
    await using demo = await Demo.start(
      ...["--nodes=2", "--period=1", "--keep", "--json", ...args],
    );
    await demo.child.line((line) => line.includes('"phase":"keep"'));
    const [started] = demo.of("started");
    await using guest = await Node.start({ connect: [started!.address] });
    await until("both", () => guest.sessions().length === 2);
    const names = guest.peers().map(({ name }) => name).toSorted();
    assertEquals(names, demo.of("started").map(({ name }) => name).toSorted());
    demo.child.kill("SIGINT");
    assertEquals(await demo.child.code(), 130, demo.text);
  });
}

Deno.test("demo ends its nodes when it is interrupted in the middle of the show", async () => {
  await using demo = await Demo.start("--nodes=3", "--json");
  await demo.child.line((line) => line.includes('"joined"'));
  demo.child.kill("SIGTERM");
  assertEquals(await demo.child.code(), 143, demo.text);
  assertEquals([demo.summary.ok, demo.summary.interrupted], [false, true]);
  assertEquals(demo.leftFiles(), []);
  assertEquals(await demo.leftNodes(), []);
});

Deno.test("demo ends its nodes and removes their keys even when it is interrupted twice", async () => {
  await using demo = await Demo.start("--nodes=3", "--json");
  await demo.child.line((line) => line.includes('"joined"'));
  demo.child.kill("SIGINT");
  demo.child.kill("SIGINT");
  assertEquals(await demo.child.code(), 130, demo.text);
  assertEquals(demo.leftFiles(), []);
  await until(
    "all nodes are gone",
    async () => (await demo.leftNodes()).length === 0,
  );
});

Deno.test("demo's nodes do not outlive it when it is killed", async () => {
  await using demo = await Demo.start("--nodes=2", "--period=0.1", "--json");
  await demo.child.line((line) => line.includes('"phase":"pings"'));
  assertEquals((await demo.leftNodes()).length, 2);
  demo.child.kill("SIGKILL");
  await demo.child.code();
  await until(
    "all nodes are gone",
    async () => (await demo.leftNodes()).length === 0,
  );
});

Deno.test("demo says which permission it lacks and exits 1", async () => {
  for (
    const [permission, flag] of [
      ["--deny-write", /--allow-write/],
      ["--deny-run", /--allow-run/],
    ] as const
  ) {
    await using child = verack(["demo"], {
      permissions: ["--allow-write", "--allow-run", permission],
    });
    assertEquals(await child.code(), 1);
    assertEquals(child.err.length, 1, child.err.join("\n"));
    assertMatch(child.err[0] ?? "", flag);
  }
});

for (const mode of ["", " --in-process"]) {
  testIf(Deno.build.os === "linux")(
    `demo --open${mode} shows the page of its first node in a browser, waits for it, and stays`,
    async () => {
      await using opener = new FakeOpener();
      await using demo = await Demo.startWith(
        { env: opener.env, programs: [opener.path] },
        ...["--open", "--pace=0.1", "--nodes=3", "--period=0.1", "--json"],
        ...(mode === "" ? [] : [mode.trim()]),
      );
      await demo.child.line((line) => line.includes('"type":"page"'));
      const [{ name, url, opened }] = demo.of("page") as [Of<"page">];
      assertEquals([name, opened], ["alice", true]);
      const shown = await Deno.readTextFile(opener.shown);
      assertStringIncludes(shown, `url=${url}"`);
      assertEquals(demo.of("started").length, 1);

      const browser = new PageBrowser(new URL(url).origin);
      assertEquals((await browser.visit(url)).status, 200);
      const events = await browser.fetch("/v1/events");
      await demo.child.line((line) => line.includes('"phase":"keep"'));
      const status = await (await browser.fetch("/v1/status")).json();
      assertEquals(status.mesh.nodes, 3);
      await until("another address", () => demo.of("page").length === 2);
      const [, again] = demo.of("page");
      const other = new PageBrowser(browser.origin);
      assertEquals((await other.visit(again!.url)).status, 200);
      await events.body?.cancel();
      demo.child.kill("SIGINT");
      assertEquals(await demo.child.code(), 130, demo.text);
      assertEquals(demo.summary.ok, true);
      assertEquals(demo.leftFiles(), []);
      assertEquals(await demo.leftNodes(), []);
    },
  );
}
