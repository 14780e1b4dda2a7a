/** What stands in the way of one file, and an error of the file system as it is reported to a peer. */
import type { FileError } from "./file_messages.ts";
import type { FileErrorCode } from "./file_progress.ts";

/** One file cannot be sent or received; the others go on. */
export class FileFault extends Error implements FileError {
  readonly code: FileErrorCode;

  /** An error with a message that the peer may get. */
  constructor(code: FileErrorCode, message: string) {
    super(message);
    this.name = "FileFault";
    this.code = code;
  }
}

/** The fault of a write that failed. */
export function writeFault(error: unknown): FileFault {
  if (error instanceof FileFault) return error;
  const name = systemCode(error);
  return name === "ENOSPC" || name === "EDQUOT"
    ? new FileFault("disk-full", "The disk of the receiving end is full")
    : new FileFault(
      "unwritable",
      `The receiving end cannot write the file: ${name}`,
    );
}

/** The fault of a read that failed. */
export function readFault(error: unknown): FileFault {
  if (error instanceof FileFault) return error;
  return new FileFault(
    "unreadable",
    `The sending end cannot read the file: ${systemCode(error)}`,
  );
}

/** The code of the system; not the message, which has paths that are not for the peer. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : error.name;
}
