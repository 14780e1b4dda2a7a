/** A body of which more is to come on a session. */
import type { ReceiveStream } from "./incoming_message.ts";
import type { MessageId } from "./message_id.ts";

/** A body of which more is to come. */
export interface Unfinished {
  readonly stream: ReceiveStream;
  readonly id: MessageId;
  readonly number: number;
  readonly credit: number;
  readonly total: number;
  bodyCredit: number;
  /** Absent until there is room for it, or when it is not needed. */
  body: Uint8Array<ArrayBuffer> | undefined;
  filled: number;
  /** Goes on on another session; what still comes of it here is dropped. */
  moved: boolean;
  /** Whether its sender waits for room. */
  waits: boolean;
  /** Monotonic clock, milliseconds, of its last piece. */
  at: number;
}
