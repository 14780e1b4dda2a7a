// Hundreds of connections that go slowly, or nowhere, at every stage.
import { assert, assertEquals } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { dialTls, RawPeer } from "../helpers/attacker.ts";
import { Crowd, hungUp } from "../helpers/crowd.ts";
import { until } from "../helpers/until.ts";

/** Of each kind; together 500. */
const EACH = 125;

/** How far each goes, and stays. */
const KINDS: Readonly<
  Record<string, (victim: Node, crowd: Crowd) => Promise<void>>
> = {
  "says nothing": async (victim, crowd) => {
    const { host: hostname, port } = parseAddress(victim.address);
    const socket = await Deno.connect({ hostname, port });
    crowd.add(socket, hungUp(socket));
  },
  "says a byte now and then": async (victim, crowd) => {
    const connection = await dialTls(victim);
    const frame = encodeFrame(networkMagic("main"), COMMAND.version, EMPTY);
    let at = 0;
    const dribble = setInterval(() => {
      connection.write(frame.subarray(at, ++at)).catch(() => {});
    }, 200);
    const ended = connection.read(new Uint8Array(100)).catch(() => {});
    crowd.add(connection, ended.finally(() => clearInterval(dribble)));
  },
  "says nothing after TLS": async (victim, crowd) => {
    const connection = await dialTls(victim);
    crowd.add(connection, connection.read(new Uint8Array(100)).catch(() => {}));
  },
  "says version and no verack": async (victim, crowd) => {
    const peer = await RawPeer.dial(victim);
    crowd.add(peer, peer.ended);
    await peer.version();
  },
};

const EMPTY = new Uint8Array(0);

Deno.test("500 connections that go slowly keep nobody out, and each ends in time", async () => {
  await using victim = await Node.start({ handshakeTimeoutMs: 3_000 });
  using crowd = new Crowd();
  // Who is pushed out by those after it had its chance.
  const arrive = (kind: string) =>
    Promise.all(
      Array.from(
        { length: EACH },
        () => KINDS[kind]!(victim, crowd).catch(() => {}),
      ),
    );
  for (const kind of Object.keys(KINDS)) {
    await arrive(kind);
    // While they are there a real node joins.
    await using honest = await Node.start({ connect: [victim.address] });
    await until(
      `a node to join besides those whose kind ${kind}`,
      () => victim.sessions().some(({ id }) => id === honest.identity.id),
    );
    assert(crowd.open > 0, `nobody is left who ${kind}`);
  }
  await until("all to be hung up on", () => crowd.open === 0);
  assertEquals(victim.sessions(), []);
});
