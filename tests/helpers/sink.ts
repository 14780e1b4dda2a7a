/** A TCP port that takes every connection and says nothing, or the same to each, for counting who comes. */
import { formatAddress } from "../../src/transport/address.ts";

/** What a {@linkcode Sink} is like. */
export interface SinkOptions {
  /** @default {"127.0.0.1"} */
  readonly hostname?: string;
  /** @default a free one */
  readonly port?: number;
  /** What it says to each that connects. @default nothing */
  readonly greeting?: string;
}

export class Sink implements AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  /** How many connections arrived. */
  arrivals = 0;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #loop: Promise<void>;

  readonly #greeting: string;

  private constructor(listener: Deno.TcpListener, greeting: string) {
    this.#listener = listener;
    this.#greeting = greeting;
    const { hostname: host, port } = listener.addr;
    this.port = port;
    this.address = formatAddress({ host, port });
    this.#loop = this.#accept();
  }

  /** Listens, on a free port of 127.0.0.1 unless told. */
  static start(options: SinkOptions = {}): Sink {
    const { hostname = "127.0.0.1", port = 0, greeting = "" } = options;
    return new Sink(Deno.listen({ hostname, port }), greeting);
  }

  /** Connections that nobody has closed yet. */
  get open(): number {
    return this.#open.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#open) socket[Symbol.dispose]();
    await this.#loop;
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    try {
      for await (const socket of this.#listener) {
        this.arrivals++;
        this.#open.add(socket);
        const task = this.#swallow(socket)
          .finally(() => this.#tasks.delete(task));
        this.#tasks.add(task);
      }
    } catch {
      // Closed.
    }
  }

  async #swallow(socket: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(4_096);
    try {
      await socket.write(new TextEncoder().encode(this.#greeting));
      while (await socket.read(buffer) !== null);
    } catch {
      // Reset, or closed by us.
    }
    this.#open.delete(socket);
    socket[Symbol.dispose]();
  }
}
