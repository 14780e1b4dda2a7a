/** What a forward reports, in order, for one reader that may be slow. */
import type { ErrorCode } from "../../core/errors.ts";
import { Deque } from "../../core/deque.ts";
import { MAX_FORWARD_EVENTS } from "../services_limits.ts";

/** What happens to a forward. Texts of peers in it are not escaped. */
export type ForwardEvent =
  /** Connections are accepted at `address`, here or, in reverse, at the peer. */
  | { readonly type: "listening"; readonly address: string }
  /** A connection was accepted, and the peer, or in reverse this node, has connected. */
  | {
    readonly type: "opened";
    /** Counts connections, from 1. */
    readonly connection: number;
    /** Its other end at the listener. */
    readonly from: string;
  }
  /** A connection has ended: by both ends, or for a `reason`. */
  | {
    readonly type: "closed";
    readonly connection: number;
    readonly from: string;
    readonly sentBytes: number;
    readonly receivedBytes: number;
    readonly durationMs: number;
    readonly reason?: string;
  }
  /** A connection was accepted and closed at once, as there is none to the target. */
  | {
    readonly type: "refused";
    readonly from: string;
    readonly code: ErrorCode;
    readonly reason: string;
  }
  /** There is no session with the peer; in reverse the peer does not listen. */
  | { readonly type: "lost"; readonly reason: string }
  /** There is a session again. */
  | { readonly type: "back" }
  /** This many of the oldest events were dropped, as they were not taken. */
  | { readonly type: "overflow"; readonly dropped: number };

/** Events that wait to be taken; at most `MAX_FORWARD_EVENTS`, then the oldest are dropped. */
export class ForwardEvents
  implements AsyncIterableIterator<ForwardEvent, undefined> {
  readonly #events = new Deque<ForwardEvent>();
  #dropped = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** Adds an event; never waits. */
  push(event: ForwardEvent): void {
    if (this.#hasEnded) return;
    this.#events.push(event);
    if (this.#events.length > MAX_FORWARD_EVENTS) {
      this.#events.shift();
      this.#dropped++;
    }
    this.#wake?.();
  }

  /** No more events come; those that wait can still be taken. */
  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<ForwardEvent, undefined>> {
    for (;;) {
      const event = this.#take();
      if (event !== undefined) return { value: event, done: false };
      if (this.#hasEnded) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        const others = this.#wake;
        this.#wake = () => {
          others?.();
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  return(): Promise<IteratorResult<ForwardEvent, undefined>> {
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): ForwardEvent | undefined {
    if (this.#dropped === 0) return this.#events.shift();
    const dropped = this.#dropped;
    this.#dropped = 0;
    return { type: "overflow", dropped };
  }
}
