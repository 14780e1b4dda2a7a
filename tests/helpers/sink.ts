/** A TCP port that takes every connection and says nothing, for counting who comes. */
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

  private constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.port = listener.addr.port;
    this.address = `127.0.0.1:${this.port}`;
    this.#loop = this.#accept();
  }

  /** Listens on a free port of 127.0.0.1. */
  static start(): Sink {
    return new Sink(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
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
      while (await socket.read(buffer) !== null);
    } catch {
      // Reset, or closed by us.
    }
    this.#open.delete(socket);
    socket[Symbol.dispose]();
  }
}
