/** A transfer as the sending end has it, and how it may be refused. */
import type { ChunkBuffers } from "./file_hash.ts";
import type { FileError } from "./file_messages.ts";
import type { TransferReport } from "./transfer_report.ts";
import type { LocalFile } from "./walk_files.ts";

/** The transfer was declined. */
export class DeclinedError extends Error {
  readonly error: FileError;

  constructor(error: FileError) {
    super(error.message);
    this.name = "DeclinedError";
    this.error = error;
  }
}

/** A transfer as the sending end has it, from one stream to the next. */
export interface OutgoingTransfer {
  readonly files: readonly LocalFile[];
  /** Which of the files are done or have failed. */
  readonly settled: boolean[];
  /** Files of which all was sent, or compared, on this stream or an earlier one. */
  readonly hashed: Set<number>;
  /** Where files that have no result have begun last. */
  readonly begunAt: Map<number, number>;
  /** The furthest that they were resumed at. */
  readonly resumedAt: Map<number, number>;
  /** Grows when a file is settled, or resumed later than before. */
  advances: number;
  readonly report: TransferReport;
  readonly buffers: ChunkBuffers;
}
