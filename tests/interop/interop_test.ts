/**
 * verack's command line against Bitcoin software that none of us wrote: bcoin as
 * a regtest full node, and bcoin, bitcoin-net and bitcore-p2p as initiators, each
 * in a process of Node. Installed by `install.ts`; without it these are skipped.
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Child, verack } from "../helpers/child.ts";
import { installCommand, INTEROP } from "./place.ts";

/** What a peer's process says, one object a line. */
interface Said {
  readonly event: string;
  readonly command?: string;
  readonly answered?: boolean;
  readonly port?: number;
  readonly message?: string;
  readonly outbound?: boolean;
  readonly protocolVersion?: number;
  readonly services?: number;
  readonly userAgent?: string;
  readonly startHeight?: number;
  readonly relay?: boolean;
}

const FOLDER = await INTEROP.folder();
const SKIPPED = await INTEROP.isInstalled(FOLDER)
  ? undefined
  : `the ${INTEROP.title} are not installed (${installCommand(INTEROP)})`;
if (SKIPPED !== undefined) console.log(`tests/interop is skipped: ${SKIPPED}`);

const INITIATORS = [
  { name: "bcoin", userAgent: "/bcoin:v1.0.2/", protocolVersion: 70015 },
  {
    name: "bitcoin-net",
    userAgent: /bitcoin-net:5\.2\.0/,
    protocolVersion: 70012,
  },
  {
    name: "bitcore-p2p",
    userAgent: "/bitcore:10.10.7/",
    protocolVersion: 70001,
  },
];

/** A script of `peers/`, run by Node; ends with its stdin. */
function peer(script: string, ...args: string[]): Child {
  const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  return new Child("node", [path, FOLDER, ...args], { stdin: "open" });
}

/** The first thing said that fits. */
async function said(
  child: Child,
  fits: (said: Said) => boolean,
): Promise<Said> {
  return JSON.parse(await child.line((line) => fits(JSON.parse(line))));
}

async function listening(child: Child): Promise<number> {
  const { port } = await said(child, ({ event }) => event === "listening");
  return port!;
}

/** `verack respond` on a free port; its lines are JSON. */
async function responder(): Promise<{ child: Child; port: number }> {
  const child = verack(["respond", "--port=0", "--json"]);
  const line = await child.line((it) => JSON.parse(it).type === "listening");
  const { address } = JSON.parse(line);
  return { child, port: Number(address.split(":").at(-1)) };
}

function interop(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: SKIPPED !== undefined, fn });
}

interop(
  "handshake completes with a bcoin full node and says whom it met",
  async () => {
    await using bcoin = peer("bcoin_node.mjs");
    const port = await listening(bcoin);
    await using cli = verack([
      "handshake",
      `127.0.0.1:${port}`,
      "--network=regtest",
      "--user-agent=/interop:1/",
      "--json",
    ]);
    assertEquals(await cli.code(), 0, cli.err.join("\n"));
    assertEquals(cli.out.length, 1);
    const { events, durationMs, timeOffsetSeconds, ...result } = JSON.parse(
      cli.out[0]!,
    );
    assertEquals(result, {
      address: `127.0.0.1:${port}`,
      network: "regtest",
      ok: true,
      protocolVersion: 70015,
      services: ["NETWORK", "WITNESS"],
      servicesHex: "0000000000000009",
      userAgent: "/bcoin:v1.0.2/",
      startHeight: 0,
      relay: true,
      features: [],
    });
    assert(Math.abs(timeOffsetSeconds) <= 5, `${timeOffsetSeconds}`);
    assert(durationMs > 0);
    const order = (direction: string) =>
      events.filter((it: { direction: string }) => it.direction === direction)
        .map((it: { command: string }) => it.command);
    assertEquals(order("in").slice(0, 2), ["version", "verack"]);
    // To 70015 no feature messages: such software disconnects on them.
    assertEquals(order("out"), ["version", "verack"]);
    const open = await said(bcoin, ({ event }) => event === "open");
    assertEquals(open.outbound, false);
    assertEquals(open.protocolVersion, 70016);
    assertEquals(open.userAgent, "/interop:1/");
  },
);

interop(
  "handshake --stay answers a bcoin node's pings until Ctrl-C",
  async () => {
    await using bcoin = peer("bcoin_node.mjs");
    const port = await listening(bcoin);
    await using cli = verack([
      "handshake",
      `127.0.0.1:${port}`,
      "--network=regtest",
      "--stay",
      "--json",
    ]);
    // Twice: the first could be luck.
    let pongs = 0;
    await said(bcoin, ({ answered }) => answered === true && ++pongs === 2);
    await cli.line((line) => {
      const { direction, command } = JSON.parse(line);
      return direction === "out" && command === "pong";
    });
    cli.kill("SIGINT");
    assertEquals(await cli.code(), 130, cli.err.join("\n"));
    const [result, ...messages] = cli.out.map((line) => JSON.parse(line));
    assertEquals(result.ok, true);
    const pings = messages.filter(({ command }) => command === "ping");
    assert(pings.length >= 2);
    for (const { direction, bytes } of pings) {
      assertEquals([direction, bytes], ["in", 8]);
    }
  },
);

for (const { name, userAgent, protocolVersion } of INITIATORS) {
  interop(
    `respond completes a handshake that ${name} begins, and answers its ping`,
    async () => {
      const { child, port } = await responder();
      await using cli = child;
      await using node = peer("initiate.mjs", name, "127.0.0.1", `${port}`);
      await said(node, ({ event }) => event === "pong" || event === "error");
      const met = await said(node, ({ event }) => event !== "message");
      assertEquals(met.event, "open", met.message);
      assertEquals(met.protocolVersion, 70016);
      assert(met.userAgent?.startsWith("/verack:"), met.userAgent);
      assertEquals(met.startHeight, 0);
      const open = JSON.parse(
        await cli.line((line) => JSON.parse(line).type === "open"),
      );
      assertEquals(open.protocolVersion, protocolVersion);
      if (typeof userAgent === "string") {
        assertEquals(open.userAgent, userAgent);
      } else assert(userAgent.test(open.userAgent), open.userAgent);
      cli.kill("SIGINT");
      assertEquals(await cli.code(), 130, cli.err.join("\n"));
      const { accepted, completed } = JSON.parse(cli.out.at(-1)!);
      assertEquals({ accepted, completed }, { accepted: 1, completed: 1 });
    },
  );
}

interop(
  "respond is a peer to a bcoin full node that dials it, for as long as it likes",
  async () => {
    const { child, port } = await responder();
    await using cli = child;
    await using bcoin = peer("bcoin_node.mjs", `127.0.0.1:${port}`);
    const open = await said(bcoin, ({ event }) => event === "open");
    assertEquals(open.outbound, true);
    assertEquals(open.protocolVersion, 70016);
    let pongs = 0;
    await said(bcoin, ({ answered }) => answered === true && ++pongs === 2);
    assertEquals(
      bcoin.out.some((line) => JSON.parse(line).event === "close"),
      false,
    );
    const seen = cli.out.map((line) => JSON.parse(line));
    assert(
      seen.some(({ type, userAgent }) =>
        type === "open" && userAgent === "/bcoin:v1.0.2/"
      ),
    );
  },
);
