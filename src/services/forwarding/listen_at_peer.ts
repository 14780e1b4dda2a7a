/** The listener of a reverse forward, at the peer: requested again whenever it is lost. */
import { backoffMs } from "../../core/backoff.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { type Address, formatAddress } from "../../transport/address.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import {
  FORWARD_CONNECT_MS,
  MAX_RELISTEN_MS,
  MIN_RELISTEN_MS,
} from "../services_limits.ts";
import { forwardError, type ForwardRun } from "./forward_run.ts";
import {
  encodeForwardRequest,
  FORWARD_PROTOCOL,
  ReplyReader,
} from "./forward_wire.ts";

/** A listener at the peer. */
interface RemoteListener {
  /** As long as it lasts. */
  readonly stream: PeerStream;
  readonly port: number;
}

/**
 * Has the peer listen until the run is closed or its node has stopped.
 *
 * @returns `address` is where it listens at first; `done` resolves when it is not requested any
 * more, and never rejects.
 * @throws {VerackError} what the peer reports: `not-allowed`, `address-in-use`,
 * `address-not-available`, `full`; `timeout`; as `Node.open`.
 */
export async function listenAtPeer(
  run: ForwardRun,
  address: Address,
): Promise<{ readonly address: string; readonly done: Promise<void> }> {
  const { hub, peer, to } = run;
  const expected = hub.expect({
    peer,
    to,
    carry: (from, connect) => run.carry(from, connect),
  });
  try {
    const listener = new PeerListener(run, address, expected.id);
    const bound = await listener.start();
    const done = listener.keep().finally(() => expected[Symbol.dispose]());
    return { address: bound, done };
  } catch (error) {
    expected[Symbol.dispose]();
    throw error;
  }
}

class PeerListener {
  readonly #run: ForwardRun;
  readonly #address: Address;
  readonly #id: number;
  #remote: RemoteListener | undefined;
  #isStopped = false;
  #wake: () => void = () => {};

  constructor(run: ForwardRun, address: Address, id: number) {
    this.#run = run;
    this.#address = address;
    this.#id = id;
  }

  /** Asks for the first time; returns the address. */
  async start(): Promise<string> {
    this.#remote = await this.#ask();
    return this.#report(this.#remote);
  }

  /** Asks again whenever the listener is lost. */
  async keep(): Promise<void> {
    const watched = this.#run.watchPeer(({ isUp }) => isUp && this.#wake());
    const stopped = watched.then(() => {
      this.#isStopped = true;
      this.#wake();
    });
    while (this.#remote !== undefined) {
      const reason = await endOf(this.#remote.stream);
      if (this.#isOver) break;
      this.#run.events.push({ type: "lost", reason });
      this.#remote = await this.#askAgain(reason);
      if (this.#remote !== undefined) this.#report(this.#remote);
    }
    await stopped;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#run.signal.aborted;
  }

  #report({ port }: RemoteListener): string {
    const address = formatAddress({ host: this.#address.host, port });
    this.#run.events.push({ type: "listening", address });
    return address;
  }

  /** Asks until the peer listens; nothing, when it is not to listen any more. */
  async #askAgain(reported: string): Promise<RemoteListener | undefined> {
    for (let failures = 1; !this.#isOver; failures++) {
      try {
        return await this.#ask();
      } catch (error) {
        const reason = messageOf(error);
        if (this.#isOver) break;
        // That there is no session with it was reported as the loss.
        if (reason !== reported && !isAway(error)) {
          this.#run.events.push({ type: "lost", reason });
        }
        reported = reason;
      }
      await this.#wait(backoffMs(failures, {
        minMs: MIN_RELISTEN_MS,
        maxMs: MAX_RELISTEN_MS,
      }));
    }
    return undefined;
  }

  /** Resolves after a time, or when the peer is back, or when there is no need to ask again. */
  async #wait(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#run.hub.clock.after(delayMs, resolve);
    this.#wake = resolve;
    if (!this.#isOver) await promise;
    cancel();
  }

  async #ask(): Promise<RemoteListener> {
    const { hub, node, peer, signal } = this.#run;
    const stream = await node.open(peer, FORWARD_PROTOCOL, {
      metadata: encodeForwardRequest({
        kind: "listen",
        address: this.#address,
        id: this.#id,
      }),
      signal,
    });
    const reply = new ReplyReader("listen");
    const buffer = new Uint8Array(512);
    const cancel = hub.clock.after(
      FORWARD_CONNECT_MS,
      () => stream.abort(new VerackError("timeout", "No reply of the peer")),
    );
    try {
      for (;;) {
        const count = await stream.read(buffer);
        if (count === null) {
          throw new VerackError("closed", "The peer ended without a reply");
        }
        reply.push(buffer.subarray(0, count));
        if (reply.port !== undefined) return { stream, port: reply.port };
      }
    } catch (error) {
      stream.abort(error);
      throw forwardError(error);
    } finally {
      cancel();
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof VerackError &&
    (error.code === "not-connected" || error.code === "session-lost");
}

/** Why a listener has ended, when it has. */
async function endOf(stream: PeerStream): Promise<string> {
  try {
    await stream.read(new Uint8Array(1));
    return "the peer listens no more";
  } catch (error) {
    return messageOf(error);
  } finally {
    await stream[Symbol.asyncDispose]();
  }
}
