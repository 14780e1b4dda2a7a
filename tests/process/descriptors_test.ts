// Strangers who take all file descriptors of a node that may have few.
import { assert, assertEquals } from "@std/assert";
import { connect, type Socket } from "node:net";
import { verifyCertificate } from "../../src/identity/certificate.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import { forward } from "../../src/services/mod.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { verack } from "../helpers/child.ts";
import { dial, echo, TcpServer } from "../helpers/forwarding.ts";
import { NodeProcess } from "../helpers/process.ts";
import { until } from "../helpers/until.ts";

/** Descriptors that the node may have; Deno and a database take some 30 of them. */
const LIMIT = 256;

/** The same where they are too few to be counted. */
const VERY_FEW = 64;

/** Connections of strangers: more than there are descriptors. */
const CROWD = 320;
const SMALL_CROWD = 96;

/** Those that are free also while strangers take what they can get. */
const SPARE = 16;

/** Before a connection that was closed is followed by another. */
const PAUSE_MS = 500;

const SOURCES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];

const launcher = (
  limit: number,
) => ["sh", "-c", `ulimit -n ${limit} && exec "$@"`, "sh"];

/** Those who keep so many connections open, whatever becomes of each. */
interface Crowd extends AsyncDisposable {
  /** Connections so far. */
  readonly arrived: number;
}

/** Connects and says nothing. */
function silent(victim: NodeProcess, size: number): Crowd {
  const { port } = parseAddress(victim.address);
  const open = new Set<Socket>();
  let arrived = 0;
  let ends = false;
  const next = (localAddress: string) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    open.add(socket);
    socket.on("error", () => {});
    socket.on("connect", () => arrived++);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      open.delete(socket);
      if (!ends) setTimeout(() => ends || next(localAddress), PAUSE_MS);
    });
    socket.resume();
  };
  for (let i = 0; i < size; i++) next(SOURCES[i % SOURCES.length]!);
  return {
    get arrived() {
      return arrived;
    },
    async [Symbol.asyncDispose]() {
      ends = true;
      for (const socket of open) socket.destroy();
      await until("their end", () => open.size === 0);
      // What waited to connect again has seen that it is over.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    },
  };
}

/** Proves a key of its own on each connection, and stays. */
async function proven(victim: NodeProcess, size: number): Promise<Crowd> {
  const address = parseAddress(victim.address);
  const certificate = verifyCertificate(
    await tlsTransport().fetchCertificate(address, {}),
  );
  const node = {
    address: victim.address,
    identity: { id: certificate.id, certificate: certificate.der },
  } as unknown as Node;
  const open: RawPeer[] = [];
  let arrived = 0;
  const ends = new AbortController();
  const worker = async () => {
    while (!ends.signal.aborted && arrived < size) {
      arrived++;
      try {
        open.push(await RawPeer.open(node));
      } catch {
        // It was refused.
      }
    }
  };
  const workers = Array.from({ length: 8 }, worker);
  return {
    get arrived() {
      return arrived;
    },
    async [Symbol.asyncDispose]() {
      ends.abort();
      await Promise.all(workers);
      for (const peer of open) peer.close();
    },
  };
}

/**
 * Descriptors in use, without those of `counted`: a node counts what is free by opening its
 * data directory until that fails.
 */
function descriptorsOf(victim: NodeProcess, counted?: string): number {
  const folder = `/proc/${victim.child.pid}/fd`;
  return [...Deno.readDirSync(folder)].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`) !== counted;
    } catch (error) {
      // It has been closed since.
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }).length;
}

const CROWDS: Record<
  string,
  (victim: NodeProcess, size: number) => Promise<Crowd>
> = {
  "no strangers": (_victim, size) =>
    Promise.resolve({
      arrived: size,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  "silent connections": (victim, size) => Promise.resolve(silent(victim, size)),
  "sessions of strangers": proven,
};

for (
  const [name, limit, size, spare] of [
    ["no strangers", LIMIT, CROWD, SPARE],
    ["silent connections", LIMIT, CROWD, SPARE],
    ["sessions of strangers", LIMIT, CROWD, SPARE],
    ["silent connections", VERY_FEW, SMALL_CROWD, 0],
    ["sessions of strangers", VERY_FEW, SMALL_CROWD, 0],
  ] as const
) {
  const gather = CROWDS[name]!;
  Deno.test({
    name: `${name}, ${limit} descriptors: a friend joins, status answers`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const isQuiet = name === "no strangers";
      const directory = await Deno.realPath(await Deno.makeTempDir());
      const permissions = [
        `--allow-read=${directory}`,
        `--allow-write=${directory}`,
      ];
      const ask = async (...args: string[]) => {
        await using child = verack([...args, `--data=${directory}`], {
          permissions,
        });
        const code = await child.code();
        assertEquals([code, child.err], [0, []], args.join(" "));
        return child.out;
      };
      const health = async () => {
        const [line = "{}"] = await ask("status", "--json");
        const { health } = JSON.parse(line) as { health: { code: string }[] };
        return health.map(({ code }) => code);
      };
      try {
        await using victim = await NodeProcess.start(
          [`--data=${directory}`, "--log-level=warn"],
          { permissions, launcher: launcher(limit) },
        );
        const identity = await Identity.generate({ ephemeral: false });
        await ask("allow", identity.id);
        {
          await using crowd = await gather(victim, size);
          let left: number = limit;
          await until("the crowd", () => {
            left = Math.min(left, limit - descriptorsOf(victim, directory));
            return crowd.arrived >= size;
          }, 60_000);
          if (spare > 0) assert(left >= spare, `${left} were left`);
          const during = await health();
          assertEquals(during, isQuiet ? [] : ["no-descriptors"]);

          await using friend = await Node.start({
            identity,
            connect: [victim.address],
          });
          await friend.joined();
          await friend.send(victim.id, "let me in");
          await victim.waitFor("message", ({ text }) => text === "let me in");
          const text = (await ask("status")).join("\n");
          assertEquals(/failing +no-descriptors/.test(text), !isQuiet, text);
        }
        // It takes seconds of quiet, which one of the crowds is enough to show.
        if (limit === VERY_FEW && gather === CROWDS["silent connections"]) {
          await until(
            "all to be well again",
            async () => (await health()).length === 0,
            60_000,
          );
        }
        await using stranger = await Node.start({ connect: [victim.address] });
        await stranger.joined();
        const lines = victim.child.err.filter((it) =>
          it.includes("descriptors are short")
        );
        // When it began, and when it was over.
        assert(lines.length <= (isQuiet ? 0 : 2), lines.join("\n"));
        assertEquals(await victim.end("SIGTERM"), 143);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

Deno.test({
  name:
    "silent connections, few descriptors and nothing to count them by: a friend joins",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // Where the friend is going to be.
    const identity = await Identity.generate({ ephemeral: false });
    const port = freePort();
    await using victim = await NodeProcess.start([
      `--connect=${identity.id}@127.0.0.1:${port}`,
      "--log-level=warn",
    ], { launcher: launcher(LIMIT) });
    {
      await using crowd = silent(victim, CROWD);
      await until("the crowd", () => crowd.arrived >= CROWD, 60_000);
      await until(
        "the want of descriptors to be told",
        () => victim.child.err.some((it) => it.includes("are short")),
      );
      await until(
        "some to be free",
        () => descriptorsOf(victim) <= LIMIT - SPARE,
      );
      await using friend = await Node.start({
        identity,
        port,
        connect: [victim.address],
      });
      await friend.joined();
      await friend.send(victim.id, "let me in");
      await victim.waitFor("message", ({ text }) => text === "let me in");
    }
    await using stranger = await Node.start({ connect: [victim.address] });
    await stranger.joined();
    assertEquals(await victim.end("SIGTERM"), 143);
  },
});

/** A port at which nothing listens. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

Deno.test({
  name:
    `forwarded connections, ${LIMIT} descriptors: a friend joins, status answers`,
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const directory = await Deno.realPath(await Deno.makeTempDir());
    const permissions = [
      `--allow-read=${directory}`,
      `--allow-write=${directory}`,
    ];
    try {
      await using target = new TcpServer(echo);
      const identity = await Identity.generate({ ephemeral: false });
      await using victim = await NodeProcess.start([
        `--data=${directory}`,
        `--allow-forward=${identity.id}@${target.port}`,
      ], { permissions, launcher: launcher(LIMIT) });
      await using client = await Node.start({
        identity,
        connect: [victim.address],
      });
      await client.joined();
      await using tunnel = await forward(client, {
        listen: "0",
        peer: victim.id,
        to: `${target.port}`,
      });
      const sockets = await Promise.all(
        Array.from({ length: CROWD }, () => dial(tunnel.address)),
      );
      const { counters } = tunnel;
      await until(
        "each is opened or refused",
        () => counters.opened + counters.refused >= CROWD,
      );
      assert(counters.refused > 0 && counters.opened > LIMIT / 4);
      const left = LIMIT - descriptorsOf(victim, directory);
      assert(left >= SPARE, `${left} were left`);
      await using friend = await Node.start({ connect: [victim.address] });
      await friend.joined();
      await using status = verack(
        ["status", `--data=${directory}`],
        { permissions },
      );
      assertEquals([await status.code(), status.err], [0, []]);
      for (const socket of sockets) socket[Symbol.dispose]();
      await until("all are closed", () => counters.open === 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
