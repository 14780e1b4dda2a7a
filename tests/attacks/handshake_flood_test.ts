// Connections without end, as fast as they can be made.
import { assert } from "@std/assert";
import { connect, type Socket } from "node:net";
import { Identity } from "../../src/identity/identity.ts";
import { MAX_PENDING_CONNECTIONS } from "../../src/mesh/mesh_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { until } from "../helpers/until.ts";

/** Addresses of this machine from which the flood comes; on Linux all of 127/8 are. */
const SOURCES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];

/** Before a connection that was closed is followed by another; some thousand a second come. */
const PAUSE_MS = 250;

/** Connects again and again from one address, and says nothing. */
class Flood implements Disposable {
  arrived = 0;
  /** Those the other end has not closed. */
  readonly open = new Set<Socket>();
  readonly #pauses = new Set<ReturnType<typeof setTimeout>>();
  #ends = false;

  constructor(port: number, localAddress: string, parallel: number) {
    const next = () => {
      if (this.#ends) return;
      const socket = connect({ host: "127.0.0.1", port, localAddress });
      this.open.add(socket);
      socket.on("error", () => {});
      socket.on("connect", () => this.arrived++);
      socket.on("close", () => {
        this.open.delete(socket);
        if (this.#ends) return;
        const timer = setTimeout(() => {
          this.#pauses.delete(timer);
          next();
        }, PAUSE_MS);
        this.#pauses.add(timer);
      });
      socket.on("end", () => socket.destroy());
      socket.resume();
    };
    for (let i = 0; i < parallel; i++) next();
  }

  [Symbol.dispose](): void {
    this.#ends = true;
    for (const timer of this.#pauses) clearTimeout(timer);
    for (const socket of this.open) socket.destroy();
  }
}

Deno.test({
  name:
    "a flood of connections from many addresses keeps neither known peers nor strangers out" +
    (Deno.build.os === "linux" ? "" : " (needs all of 127/8: Linux only)"),
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using victim = await Node.start({
      host: "0.0.0.0",
      handshakeTimeoutMs: 60_000,
    });
    const { port } = parseAddress(victim.address);
    const address = `127.0.0.1:${port}`;
    const identity = await Identity.generate();
    const known = await Node.start({ identity, connect: [address] });
    const linked = (node: Node) =>
      victim.sessions().some((link) => link.id === node.identity.id);
    await until("a peer to be known", () => linked(known));
    await known.close();
    await until("it to be gone", () => victim.sessions().length === 0);

    using stack = new DisposableStack();
    const floods = SOURCES.map((source) =>
      stack.use(new Flood(port, source, 2 * MAX_PENDING_CONNECTIONS / 4))
    );
    const sum = (of: (flood: Flood) => number) =>
      floods.reduce((total, flood) => total + of(flood), 0);
    await until(
      "more connections than may wait",
      () => sum((flood) => flood.arrived) > 2 * MAX_PENDING_CONNECTIONS,
    );
    await using back = await Node.start({ identity, connect: [address] });
    await until("the known peer to be back", () => linked(back), 5_000);
    await using stranger = await Node.start({ connect: [address] });
    await until("a stranger to join", () => linked(stranger), 5_000);
    // It went on all the while.
    const before = sum((flood) => flood.arrived);
    await until("yet more", () => sum((flood) => flood.arrived) > before + 50);
    assert(sum((flood) => flood.arrived) > 2 * MAX_PENDING_CONNECTIONS);
  },
});
