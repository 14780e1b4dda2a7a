/**
 * What delivery needs of a session, so that it can be tested without one.
 */
import type { VerackError } from "../errors.ts";
import type { SharedFrame } from "../session/shared_frame.ts";
import type { ReasonName } from "../wire/reasons.ts";

/** Carries frames to one peer, in order; a `Session` is one. */
export interface Carrier {
  /** Whether anything can be sent. */
  readonly isOpen: boolean;
  /** Bytes that wait to be written. */
  readonly queuedBytes: number;
  /** Queues a frame; `payload` is copied. False if it cannot be. */
  send(command: string, payload: Uint8Array): boolean;
  /** Queues a frame that many carriers share. */
  sendShared(frame: SharedFrame): boolean;
  /** Resolves when at most `bytes` wait to be written, or it has ended. */
  drained(bytes: number): Promise<void>;
  /** Says why, and ends it. */
  leave(reason: ReasonName, error: VerackError): Promise<void>;
}
