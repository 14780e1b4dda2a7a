/** The interface of a session for delivery, so that it can be tested without one. */
import type { VerackError } from "../core/errors.ts";
import type { SessionTraffic } from "../core/node_counters.ts";
import type { SendTurns, TurnSession } from "../session/send_turns.ts";

/** Sends frames to one peer, in order; a `Session` is one. */
export interface FrameSink extends TurnSession {
  /** The turns of messages and streams. */
  readonly turns: SendTurns;
  /** Counts messages. */
  readonly traffic: SessionTraffic;
  /** Last measured round trip in milliseconds. */
  readonly rttMs: number | undefined;
  /** Measures the round trip. */
  check(): void;
  /** Registers the handler of a command; see `Session.handle`. */
  handle(command: string, handler: (payload: Uint8Array) => void): void;
  /** Queues a frame; `payload` is copied, and `rest`, which continues it. False if it cannot be. */
  send(command: string, payload: Uint8Array, rest?: Uint8Array): boolean;
  /** Queues up to 64 KiB of whole frames, encoded without checksums, which it copies. */
  sendFrames(frames: Uint8Array): boolean;
  /** Sends the reason, and ends the session. */
  leave(error: VerackError): Promise<void>;
}
