/** `verack forward` and `run --allow-forward` as processes. */
import { assert, assertEquals } from "@std/assert";
import { type Child, verack } from "../helpers/child.ts";
import {
  dial,
  echo,
  endsEmpty,
  readExactly,
  TcpServer,
  writeAll,
} from "../helpers/forwarding.ts";
import { Place } from "../helpers/place.ts";
import { NodeProcess } from "../helpers/process.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("verack forward prints where it listens, forwards what run --allow-forward allows, and says what happens", async () => {
  await using world = await World.start();
  await using tunnel = world.forward("0", `bob:${world.port}`);
  await until("it says where it listens", () => tunnel.out.length > 0);
  const [address = "", arrow, to] = tunnel.out[0]?.split(/\s+/) ?? [];
  assertEquals([arrow, to], ["->", `127.0.0.1:${world.port}`]);
  {
    using socket = await dial(address);
    await writeAll(socket, bytes("hello"));
    assertEquals(text(await readExactly(socket, 5)), "hello");
    const status = await world.status();
    assert(/^forwarding +1 connection$/m.test(status), status);
  }
  await until("it says that it has closed", () => tunnel.err.length === 2);
  const prefix = `verack forward: bob:${world.port}: 1`;
  assert(tunnel.err[0]?.startsWith(`${prefix} opened from 127.0.0.1:`));
  assert(
    /^ closed after [\d.]+ s, 5 bytes sent, 5 received$/.test(
      tunnel.err[1]?.slice(prefix.length) ?? "",
    ),
    tunnel.err[1],
  );
  tunnel.kill("SIGINT");
  assertEquals(await tunnel.code(), 130);
  await until("the port is closed", () => cannotDial(address));
});

Deno.test("a port that no rule allows is refused with the reason, in text and in JSON", async () => {
  await using world = await World.start();
  const port = world.port === 65_535 ? 1 : world.port + 1;
  await using tunnel = world.forward("0", `bob:${port}`);
  await until("it says where it listens", () => tunnel.out.length > 0);
  using socket = await dial(tunnel.out[0]?.split(" ")[0] ?? "");
  assert(await endsEmpty(socket));
  await until("it says why", () => tunnel.err.length === 1);
  assert(
    tunnel.err[0]?.endsWith(
      `Cannot connect to 127.0.0.1:${port}: no rule of the serving node allows it (not-allowed)`,
    ),
    tunnel.err[0],
  );
  await using json = world.forward("0", `bob:${port}`, "--json");
  await until("it says where it listens", () => json.out.length > 0);
  const first = JSON.parse(json.out[0] ?? "");
  using other = await dial(first.address);
  assert(await endsEmpty(other));
  await until("it says why", () => json.out.length === 2);
  const second = JSON.parse(json.out[1] ?? "");
  assertEquals(
    [first.type, first.id, first.name, second.type, second.code, second.peer],
    ["listening", world.bob.id, "bob", "refused", "not-allowed", "bob"],
  );
});

Deno.test("several pairs are forwarded by one command, and in reverse the peer listens", async () => {
  await using world = await World.start();
  const there = `bob:localhost:${world.port}`;
  await using both = world.forward("0", `bob:${world.port}`, "0", there);
  await until("both are printed", () => both.out.length === 2);
  for (const line of both.out) {
    using socket = await dial(line.split(" ")[0] ?? "");
    if (line.includes("localhost")) assert(await endsEmpty(socket));
    else {
      await writeAll(socket, bytes("hello"));
      assertEquals(text(await readExactly(socket, 5)), "hello");
    }
  }
  await using reverse = world.forward(`${world.port}`, "bob:0", "--reverse");
  await until("it is printed", () => reverse.out.length === 1);
  using socket = await dial(reverse.out[0]?.split(" ")[0] ?? "");
  await writeAll(socket, bytes("hello"));
  assertEquals(text(await readExactly(socket, 5)), "hello");
});

Deno.test("a Unix socket is forwarded, and when the peer is gone standard error says so", async () => {
  await using world = await World.start();
  const path = `${world.path}/db.sock`;
  await using tunnel = world.forward(path, `bob:${world.port}`);
  await until("it says where it listens", () => tunnel.out.length > 0);
  assert(tunnel.out[0]?.startsWith(`${path} -> `), tunnel.out[0]);
  {
    using socket = await Deno.connect({ transport: "unix", path });
    await writeAll(socket, bytes("hello"));
    assertEquals(text(await readExactly(socket, 5)), "hello");
  }
  world.bob.child.kill("SIGKILL");
  await tunnel.talk((line) => line.includes("the peer is away"));
  using socket = await Deno.connect({ transport: "unix", path });
  assert(await endsEmpty(socket));
  await tunnel.talk((line) =>
    line.includes(": refused ") && line.endsWith("(not-connected)")
  );
  tunnel.kill("SIGTERM");
  assertEquals(await tunnel.code(), 143);
  await until("the socket is removed", () => !exists(path));
});

Deno.test("arguments that are none, a port that is taken and an unknown peer are said at once", async () => {
  await using world = await World.start();
  const cases: [args: string[], code: number, said: string][] = [
    [["0"], 2, "THERE is missing"],
    [["0", "bob"], 2, "must be NAME:[HOST:]PORT"],
    [["0", "bob:1", "0"], 2, "has no THERE"],
    [["0", "bob:0"], 2, "must be 1 to 65535"],
    [["x", "bob:1"], 2, "has no port"],
    [["0", "carol:1"], 1, "carol"],
    [["0", "bob:1", "--reverse"], 2, "must be 1 to 65535"],
    [[`${world.port}`, "bob:1"], 1, "the port is in use"],
    [[`${world.path}/no/s`, "bob:1"], 1, "/no/s: its folder does not exist"],
    [["1", "bob:1", "--reverse"], 1, "no rule of the serving node allows it"],
  ];
  for (const [args, code, said] of cases) {
    await using tunnel = world.forward(...args);
    assertEquals(await tunnel.code(), code, args.join(" "));
    const all = tunnel.err.join("\n");
    assert(all.includes(said), `${args.join(" ")}: ${all}`);
  }
});

Deno.test("run refuses to open a port to every stranger of an open mesh", async () => {
  await using open = verack([
    "--port=0",
    "--host=0.0.0.0",
    "--allow-forward=22",
  ]);
  assertEquals(await open.code(), 2);
  assert(
    open.err.join("\n").includes("would let every stranger use it"),
    open.err.join("\n"),
  );
});

testIf(hasProgram("curl"))(
  "curl gets a page through a forwarded port, and the same page again on the kept connection",
  async () => {
    await using web = Deno.serve(
      { port: 0, onListen() {} },
      (request) =>
        new Response(`page ${new URL(request.url).pathname} `.repeat(10_000)),
    );
    await using world = await World.start(`--allow-forward=${web.addr.port}`);
    await using tunnel = world.forward("0", `bob:${web.addr.port}`);
    await until("it is printed", () => tunnel.out.length > 0);
    const address = tunnel.out[0]?.split(" ")[0];
    const { stdout, success } = await new Deno.Command("curl", {
      args: ["-sS", "-m20", `http://${address}/a`, `http://${address}/b`],
      stderr: "inherit",
    }).output();
    assert(success);
    assertEquals(
      text(stdout),
      "page /a ".repeat(10_000) + "page /b ".repeat(10_000),
    );
    await until("it is closed", () => tunnel.err.length >= 2);
    assertEquals(tunnel.err.length, 2, tunnel.err.join("\n"));
  },
);

/** Two nodes, and an echo server that bob allows. */
class World implements AsyncDisposable {
  readonly port: number;
  readonly alice: NodeProcess;
  readonly bob: NodeProcess;
  readonly #server: TcpServer;
  readonly #place: Place;

  private constructor(
    server: TcpServer,
    alice: NodeProcess,
    bob: NodeProcess,
    place: Place,
  ) {
    this.port = server.port;
    this.alice = alice;
    this.bob = bob;
    this.#server = server;
    this.#place = place;
  }

  static async start(...args: string[]): Promise<World> {
    const place = new Place();
    const server = new TcpServer(echo);
    const bob = await NodeProcess.start([
      "--name=bob",
      `--allow-forward=${server.port}`,
      "--allow-forward-listen=0",
      ...args,
    ]);
    const alice = await place.node("alice", `--connect=${bob.address}`);
    await alice.waitFor("peer:up");
    return new World(server, alice, bob, place);
  }

  /** Where the data directories are. */
  get path(): string {
    return this.#place.path;
  }

  forward(...args: string[]): Child {
    return this.#place.command("alice", "forward", ...args);
  }

  /** What `verack status` prints of alice. */
  status(): Promise<string> {
    return this.#place.ask("alice", "status");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.alice[Symbol.asyncDispose]();
    await this.bob[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.#place[Symbol.asyncDispose]();
  }
}

function hasProgram(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

async function cannotDial(address: string): Promise<boolean> {
  try {
    using _socket = await dial(address);
    return false;
  } catch {
    return true;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
