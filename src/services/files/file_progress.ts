/** What users of file transfers see: offers, progress and options. */
import type { ErrorCode } from "../../core/errors.ts";
import type { PeerId } from "../../core/peer_id.ts";

/** Why one file was not received, or a whole transfer was declined; both ends report the same. */
export type FileErrorCode =
  | "declined" // the receiving end takes no files of this peer, or declined this offer
  | "bad-name" // the path may not be used at the receiving end
  | "exists" // too many files have that name there already
  | "changed" // the file changed while it was sent
  | "unreadable" // the sending end cannot read the file
  | "wrong-hash" // what came is not what was sent
  | "wrong-size" // more or fewer bytes came than were announced
  | "disk-full" // no room at the receiving end
  | "unwritable"; // the receiving end cannot write the file for another reason

/** What a peer offers to send, before anything of it is received. */
export interface FileOffer {
  /** The peer that offers it; its key is verified. */
  readonly peer: PeerId;
  /** The name of the peer, if it has one; not escaped. */
  readonly name?: string;
  /** The id of the transfer, 32 hex digits; the same when it is offered again after a loss. */
  readonly transfer: string;
  /** How many files, empty folders included. */
  readonly files: number;
  /** Their bytes together. */
  readonly bytes: number;
  /** The paths of the first few, escaped for display. */
  readonly paths: readonly string[];
}

/**
 * One step of a transfer, at either end:
 *
 * - `offer`: the transfer is offered; at the receiving end, before it is accepted.
 * - `declined`: the receiving end declined it; then `end`.
 * - `begin`: a file begins, at `resumedAt` if the receiving end had a part of it.
 * - `progress`: some more of a file, at most ten times a second.
 * - `done`: the file is at its place at the receiving end, verified and on disk.
 * - `failed`: the file was not received: `error`. The others go on.
 * - `skipped`: only at the sending end: not offered, as it is a symbolic link or no file.
 * - `retrying`: the transfer was interrupted, and goes on when the peer is back: `error`. At the
 *   sending end also when the peer is absent at first.
 * - `end`: nothing more of the transfer follows; with an `error` if it was broken off.
 */
export interface FileProgress {
  /** What happened. */
  readonly type:
    | "offer"
    | "declined"
    | "begin"
    | "progress"
    | "done"
    | "failed"
    | "skipped"
    | "retrying"
    | "end";
  /** The id of the transfer, 32 hex digits. */
  readonly transfer: string;
  /** The other end. */
  readonly peer: PeerId;
  /** The name of the other end, if it has one; not escaped. */
  readonly name?: string;
  /**
   * The file, relative and with `/` between folders; empty when the event is about the whole
   * transfer. One that may not be used as a path is escaped.
   */
  readonly path: string;
  /** The number of the file in the transfer, from 1; 0 for the whole transfer. */
  readonly file: number;
  /** Files of the transfer, empty folders included. */
  readonly files: number;
  /** Bytes of the file that are received, or of the whole transfer if `file` is 0. */
  readonly bytes: number;
  /** Bytes of the file, or of the whole transfer if `file` is 0. */
  readonly total: number;
  /** Bytes of the whole transfer that are received so far. */
  readonly allBytes: number;
  /** Bytes of the whole transfer. */
  readonly allTotal: number;
  /** Of `begin` and `done`: bytes that the receiving end had already. */
  readonly resumedAt?: number;
  /**
   * Of `done`: where it is below the receiving folder, if that is not `path`, as a file of that
   * name was there before.
   */
  readonly savedAs?: string;
  /** Of `end`: files that are at their place. */
  readonly done?: number;
  /** Of `end`: files that are not. */
  readonly failed?: number;
  /** Of `declined`, `failed`, `skipped`, `retrying` and of an `end` that was broken off. */
  readonly error?: {
    readonly code: FileErrorCode | ErrorCode;
    /** May contain text of the peer, escaped. */
    readonly message: string;
  };
}

/** Options of {@linkcode sendFile}. */
export interface SendFileOptions {
  /** Ends the transfer: the iteration throws `aborted`. What the receiving end has is kept there. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait for a peer that is absent, receives no files at present, or has no room,
   * milliseconds; anew each time that something was received.
   *
   * @default {Infinity}
   */
  readonly timeoutMs?: number;
}

/** Options of {@linkcode receiveFiles}. */
export interface ReceiveFilesOptions {
  /** Where files are put, nothing ever outside it. Made if it does not exist. */
  readonly dir: string;
  /** Only these peers, by id or name, may send; without `accept` all that they offer is taken. */
  readonly from?: readonly string[];
  /**
   * Whether to take an offer; called once for each transfer, and for offers of `from` alone if
   * that is given. `signal` aborts when the offer is withdrawn. Without `accept` and `from` every
   * offer is declined.
   */
  readonly accept?: (
    offer: FileOffer,
    options: { readonly signal: AbortSignal },
  ) => boolean | Promise<boolean>;
  /** Makes files executable that are executable at the sending end. @default {false} */
  readonly executable?: boolean;
  /** Stops receiving. What has begun can be resumed later. */
  readonly signal?: AbortSignal;
}
