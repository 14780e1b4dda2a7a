/** The interface of a session for delivery, so that it can be tested without one. */
import type { VerackError } from "../core/errors.ts";

/** Bounds the bytes in flight to one peer; a session's is in `session/pacer.ts`. */
export interface Pacing {
  /** Whether nothing more should be queued now. */
  readonly isFull: boolean;
  /** A good size of one frame. */
  readonly chunkBytes: number;
  /** Bytes of a body or a message were queued. */
  sent(bytes: number): void;
  /** Resolves when more may be queued, or the session has ended. */
  ready(): Promise<void>;
}

/** Sends frames to one peer, in order; a `Session` is one. */
export interface FrameSink {
  /** Whether anything can be sent. */
  readonly isOpen: boolean;
  /** Bytes that wait to be written. */
  readonly queuedBytes: number;
  readonly pacer: Pacing;
  /** Last measured round trip in milliseconds. */
  readonly rttMs: number | undefined;
  /** Measures the round trip. */
  check(): void;
  /** Registers the handler of a command; see `Session.handle`. */
  handle(command: string, handler: (payload: Uint8Array) => void): void;
  /** Queues a frame; `payload` is copied. False if it cannot be. */
  send(command: string, payload: Uint8Array): boolean;
  /** Queues up to 64 KiB of whole frames, encoded without checksums, which it copies. */
  sendFrames(frames: Uint8Array): boolean;
  /** Resolves when at most `bytes` wait to be written, or the session has ended. */
  drained(bytes: number): Promise<void>;
  /** Sends the reason, and ends the session. */
  leave(error: VerackError): Promise<void>;
}
