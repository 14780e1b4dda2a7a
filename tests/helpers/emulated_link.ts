/**
 * A relay that makes loopback a long or narrow line: every byte comes out after a
 * delay, so many a second, and what waits meanwhile is taken from its sender at once
 * unless the line has a bound. The kernel's own `netem` is not everywhere.
 */
import { formatAddress, parseAddress } from "../../src/transport/address.ts";
import { until } from "./until.ts";

/** What one direction of a line is like. */
export interface LineOptions {
  /** One way. @default {0} */
  readonly delayMs?: number;
  /** @default {Infinity} */
  readonly bytesPerSecond?: number;
  /** So much may be on the line or wait for it; then nothing more is read. @default {Infinity} */
  readonly bufferBytes?: number;
}

/** Read at once; a line passes what is read in one go as one lump. */
const READ_BYTES = 2_048;

interface Lump {
  readonly bytes: Uint8Array;
  /** `performance.now()` when its last byte comes out. */
  readonly dueAt: number;
}

/** Relays connections until it is disposed of. */
export class EmulatedLink implements AsyncDisposable {
  /** `host:port` to dial. */
  readonly address: string;
  /** Bytes that have come out at the end that is dialed to. */
  forwardedBytes = 0;
  /** `host:port` that it relays to. */
  target: string;
  readonly #options: LineOptions;
  readonly #listener: Deno.TcpListener;
  readonly #sockets = new Set<Deno.TcpConn>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #loop: Promise<void>;

  private constructor(target: string, options: LineOptions) {
    this.target = target;
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname: host, port } = this.#listener.addr;
    this.address = formatAddress({ host, port });
    this.#loop = this.#accept();
  }

  /** Relays to one `host:port`, which may be set later. */
  static start(target: string, options: LineOptions): EmulatedLink {
    return new EmulatedLink(target, options);
  }

  /** Drops all connections without a word, and what is on the line. */
  cut(): void {
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    this.#sockets.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#loop;
    await until("the line to end", () => this.#tasks.size === 0);
  }

  async #accept(): Promise<void> {
    try {
      for await (const near of this.#listener) {
        const task = this.#relay(near).finally(() => this.#tasks.delete(task));
        this.#tasks.add(task);
      }
    } catch {
      // Closed.
    }
  }

  async #relay(near: Deno.TcpConn): Promise<void> {
    this.#sockets.add(near);
    try {
      const { host, port } = parseAddress(this.target);
      const far = await Deno.connect({ hostname: host, port });
      this.#sockets.add(far);
      far.setNoDelay(true);
      near.setNoDelay(true);
      await Promise.all([
        this.#line(near, far, (bytes) => this.forwardedBytes += bytes),
        this.#line(far, near, () => {}),
      ]);
      this.#sockets.delete(far);
    } catch {
      // The target is gone.
      near[Symbol.dispose]();
    }
    this.#sockets.delete(near);
  }

  async #line(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    forwarded: (bytes: number) => void,
  ): Promise<void> {
    const { delayMs = 0, bytesPerSecond = Infinity, bufferBytes = Infinity } =
      this.#options;
    const lumps: Lump[] = [];
    let buffered = 0;
    let freeAt = 0;
    let ended = false;
    let wakeReader = () => {};
    let wakeWriter = () => {};
    const read = async () => {
      while (!ended) {
        if (buffered >= bufferBytes) {
          await new Promise<void>((resolve) => wakeReader = resolve);
          continue;
        }
        const buffer = new Uint8Array(READ_BYTES);
        const count = await from.read(buffer).catch(() => null);
        if (count === null) ended = true;
        else {
          const start = Math.max(performance.now(), freeAt);
          freeAt = start + 1_000 * count / bytesPerSecond;
          const bytes = buffer.subarray(0, count);
          lumps.push({ bytes, dueAt: freeAt + delayMs });
          buffered += count;
        }
        wakeWriter();
      }
    };
    const write = async () => {
      for (;;) {
        const lump = lumps.shift();
        if (lump === undefined) {
          if (ended) return;
          await new Promise<void>((resolve) => wakeWriter = resolve);
          continue;
        }
        await waitUntil(lump.dueAt);
        let { bytes } = lump;
        while (bytes.length > 0) {
          bytes = bytes.subarray(await to.write(bytes));
        }
        forwarded(lump.bytes.length);
        buffered -= lump.bytes.length;
        wakeReader();
      }
    };
    const writing = write().catch(() => {
      ended = true;
      wakeReader();
    });
    // Both directions go together; a reader that still waits is let go by that.
    const close = () => {
      from[Symbol.dispose]();
      to[Symbol.dispose]();
    };
    await Promise.all([read(), writing.finally(close)]);
  }
}

/** Waits until `performance.now()` is `dueAt`: a timer may be early by part of a millisecond. */
async function waitUntil(dueAt: number): Promise<void> {
  for (
    let ms = dueAt - performance.now();
    ms > 0;
    ms = dueAt - performance.now()
  ) await new Promise((resolve) => setTimeout(resolve, ms));
}
