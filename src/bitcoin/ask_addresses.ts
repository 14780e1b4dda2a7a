/** Asks an open session's peer for the addresses it knows (`getaddr`). */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { CRAWL_MAX_ADDR_MESSAGES } from "../limits.ts";
import type { Session } from "../session/session.ts";
import type { Address } from "../transport/address.ts";
import { hostOfNetworkAddress } from "../wire/bip155.ts";
import { COMMAND } from "../wire/commands.ts";
import { decodeAddr, decodeAddrV2 } from "../wire/messages/bitcoin_messages.ts";

/** Collects what one peer tells. */
export class AddressCollector {
  readonly #found: Address[] = [];
  readonly #done = Promise.withResolvers<void>();
  #messages = 0;

  /** Handles `addr` and `addrv2` on a session; a broken one is dropped, as by Core. */
  register(session: Pick<Session, "handle">): void {
    for (const command of [COMMAND.addr, COMMAND.addrv2]) {
      session.handle(command, (payload) => this.#onAddresses(command, payload));
    }
  }

  #onAddresses(command: string, payload: Uint8Array): void {
    if (this.#messages >= CRAWL_MAX_ADDR_MESSAGES) return;
    this.#messages++;
    const entries = read(command, payload);
    for (const entry of entries) {
      const host = hostOfNetworkAddress(entry);
      if (host !== undefined) this.#found.push({ host, port: entry.port });
    }
    // A single address is what a node tells of itself, unasked.
    const isAnswer = entries.length > 1;
    if (isAnswer || this.#messages >= CRAWL_MAX_ADDR_MESSAGES) {
      this.#done.resolve();
    }
  }

  /**
   * Asks, and resolves with all that was told when the answer came, the session
   * ended, the time was up or the signal aborted.
   */
  async ask(
    session: Session,
    options: { clock: Clock; timeoutMs: number; signal: AbortSignal },
  ): Promise<readonly Address[]> {
    const { clock, timeoutMs, signal } = options;
    const finish = () => this.#done.resolve();
    session.send(COMMAND.getaddr, new Uint8Array(0));
    session.closed.then(finish);
    const cancel = clock.after(timeoutMs, finish);
    signal.addEventListener("abort", finish, { once: true });
    if (signal.aborted) finish();
    await this.#done.promise;
    cancel();
    signal.removeEventListener("abort", finish);
    return this.#found;
  }
}

function read(
  command: string,
  payload: Uint8Array,
): ReturnType<typeof decodeAddr> {
  try {
    return command === COMMAND.addr
      ? decodeAddr(payload)
      : decodeAddrV2(payload);
  } catch (error) {
    if (error instanceof VerackError) return [];
    throw error;
  }
}
