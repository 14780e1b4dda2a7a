/**
 * The socket under every listener: TCP, made, accepted from and closed the same
 * way whether TLS comes on top or not.
 */
import { backoffMs } from "../core/backoff.ts";
import { type Clock, sleep } from "../core/clock.ts";
import { MAX_ACCEPT_PAUSE_MS } from "../limits.ts";
import type { Address } from "./address.ts";
import { descriptors } from "./descriptors.ts";
import { netError, socketAddress } from "./net_errors.ts";
import { portTaken } from "./port_owner.ts";
import type { Incoming, Listener } from "./transport.ts";

/** Pauses of the accept loop after errors. */
const PAUSES = { minMs: 5, maxMs: MAX_ACCEPT_PAUSE_MS };

/** Accepts sockets and makes an {@linkcode Incoming} of each. */
export class TcpListener implements Listener {
  readonly address: Address;
  readonly #socket: Deno.TcpListener;
  readonly #clock: Clock;
  readonly #wrap: (socket: Deno.TcpConn) => Incoming;
  readonly #closing = new AbortController();

  /**
   * Starts to listen on `address`.
   *
   * @throws {VerackError} as `Transport.listen`.
   */
  constructor(
    address: Address,
    clock: Clock,
    wrap: (socket: Deno.TcpConn) => Incoming,
  ) {
    try {
      this.#socket = Deno.listen({
        hostname: address.host,
        port: address.port,
      });
    } catch (error) {
      const mapped = netError(error, "listen", address);
      throw mapped.code === "address-in-use"
        ? portTaken(address, error)
        : mapped;
    }
    this.#clock = clock;
    this.#wrap = wrap;
    this.address = socketAddress(this.#socket.addr as Deno.NetAddr);
  }

  async accept(): Promise<Incoming | null> {
    const socket = await acceptRetrying(
      () => this.#socket.accept(),
      this.#clock,
      this.#closing.signal,
    );
    return socket === null ? null : this.#wrap(socket);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#socket.close();
  }
}

/**
 * The next of `accept`, trying again after a pause for as long as it throws, or
 * `null` once `closing` has aborted. `accept` fails for passing reasons (out of
 * descriptors, a client gone before we looked), and a listener that gives up on
 * the first leaves a node deaf. Out of descriptors, an eager loop would only burn
 * the processor that is to free them: hence the pauses. Those that watch
 * `descriptors` make room meanwhile.
 */
export async function acceptRetrying<T>(
  accept: () => Promise<T>,
  clock: Clock,
  closing: AbortSignal,
): Promise<T | null> {
  for (let failures = 1; !closing.aborted; failures++) {
    try {
      return await accept();
    } catch (error) {
      if (closing.aborted) return null;
      descriptors.note(error);
      const pauseMs = backoffMs(failures, PAUSES);
      await sleep(clock, pauseMs, closing).catch(() => {});
    }
  }
  return null;
}
