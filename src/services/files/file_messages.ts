/** The messages of `file/1` as values; their bytes are in `file_codec.ts`. */
import type { FileErrorCode } from "./file_progress.ts";

/** Name of the protocol, as `Node.open` takes it. */
export const FILE_PROTOCOL = "file/1";

/** An error as it is sent. */
export interface FileError {
  readonly code: FileErrorCode;
  /** Of a peer: not escaped. */
  readonly message: string;
}

/** Begins a transfer. */
export interface Offer {
  readonly type: "offer";
  /** 32 hex digits; the same when the transfer is resumed. */
  readonly transfer: string;
  /** Files and empty folders of the whole transfer. */
  readonly files: number;
  readonly bytes: number;
  /** Of those, what was received before, and what could not be; both are not announced again. */
  readonly done: number;
  readonly failed: number;
  readonly doneBytes: number;
  readonly paths: readonly string[];
}

/** Announces a file or an empty folder. */
export interface Entry {
  readonly type: "entry";
  /** Its number in the transfer, from 0. */
  readonly index: number;
  readonly kind: "file" | "folder";
  readonly path: string;
  readonly size: number;
  /** When it was last changed, milliseconds since 1970. */
  readonly mtime: number;
  readonly executable: boolean;
}

/** What the sending end sends. */
export type SenderMessage =
  | Offer
  | Entry
  /** Data of a file follows, from an offset that the receiving end has named, or from 0. */
  | {
    readonly type: "begin";
    readonly index: number;
    readonly offset: number;
  }
  /** All of the file was sent, or compared: its SHA-256. */
  | {
    readonly type: "hash";
    readonly index: number;
    readonly hash: Uint8Array;
  }
  /** Nothing more of the file follows. */
  | {
    readonly type: "skip";
    readonly index: number;
    readonly error: FileError;
  };

/** What the receiving end sends. */
export type ReceiverMessage =
  | { readonly type: "accept" }
  | { readonly type: "decline"; readonly error: FileError }
  /** Send a file from an offset; `hash` is the SHA-256 of what is before it. */
  | {
    readonly type: "from";
    readonly index: number;
    readonly offset: number;
    readonly hash: Uint8Array;
  }
  /** A file of that name, size and time is there: send the SHA-256 first. */
  | { readonly type: "compare"; readonly index: number }
  /** The file is at its place; `held` if it was there before. */
  | {
    readonly type: "done";
    readonly index: number;
    readonly held: boolean;
    readonly path: string;
  }
  | {
    readonly type: "failed";
    readonly index: number;
    readonly error: FileError;
  };
