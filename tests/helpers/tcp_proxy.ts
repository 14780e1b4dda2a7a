/**
 * A TCP relay that can look at what a client says first, send it elsewhere, and
 * stop forwarding without closing anything: a router, a NAT, or a man in the middle.
 */
import { formatAddress, parseAddress } from "../../src/transport/address.ts";
import { until } from "./until.ts";

/** Chooses where a connection goes, by its number and its first bytes. */
export type Route = (index: number, first: Uint8Array) => string;

/** Relays connections until it is disposed of. */
export class TcpProxy implements AsyncDisposable {
  /** `host:port` to dial. */
  readonly address: string;
  /** How many connections arrived. */
  arrivals = 0;
  readonly #route: Route;
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #thaw = Promise.withResolvers<void>();

  private constructor(listener: Deno.TcpListener, route: Route) {
    this.#listener = listener;
    this.#route = route;
    const { hostname: host, port } = listener.addr;
    this.address = formatAddress({ host, port });
    this.#thaw.resolve();
    this.#loop = this.#accept();
  }

  /** Relays to one `host:port`, or to where `route` says. */
  static start(route: string | Route, hostname = "127.0.0.1"): TcpProxy {
    const listener = Deno.listen({ hostname, port: 0 });
    return new TcpProxy(
      listener,
      typeof route === "string" ? () => route : route,
    );
  }

  /** Forwards nothing from now on; every connection stays open at both ends. */
  freeze(): void {
    this.#thaw = Promise.withResolvers<void>();
  }

  /** Forwards again, also what has come meanwhile. */
  thaw(): void {
    this.#thaw.resolve();
  }

  /** Connections that are open now, each with both of its halves. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Drops all connections without a word. */
  cut(): void {
    for (const socket of this.#sockets) close(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    this.thaw();
    await this.#loop;
    await Promise.all(this.#tasks);
    await until("the relay's sockets", () => this.#sockets.size === 0);
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) {
        const index = this.arrivals++;
        const task = this.#relay(near, index)
          .finally(() => this.#tasks.delete(task));
        this.#tasks.add(task);
      }
    } catch {
      // Closed.
    }
  }

  async #relay(near: Deno.TcpConn, index: number): Promise<void> {
    this.#sockets.add(near);
    let far: Deno.TcpConn | undefined;
    try {
      const buffer = new Uint8Array(65_536);
      const count = await near.read(buffer);
      if (count === null) return;
      const first = buffer.slice(0, count);
      const { host, port } = parseAddress(this.#route(index, first));
      far = await Deno.connect({ hostname: host, port });
      this.#sockets.add(far);
      far.setNoDelay(true);
      near.setNoDelay(true);
      await writeAll(far, first);
      await Promise.all([this.#pump(near, far), this.#pump(far, near)]);
    } catch {
      // One of the ends is gone.
    } finally {
      for (const socket of [near, far]) {
        if (socket === undefined) continue;
        close(socket);
        this.#sockets.delete(socket);
      }
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        await this.#thaw.promise;
        if (count === null) break;
        await writeAll(to, buffer.subarray(0, count));
      }
    } catch {
      // Both go together.
    }
    close(from);
    close(to);
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

function close(socket: Deno.TcpConn): void {
  socket[Symbol.dispose]();
}
