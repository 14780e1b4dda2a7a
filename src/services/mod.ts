/**
 * Services on the streams of a node: files that are sent and received.
 *
 * @module
 */
import "../core/logtape.ts";
export { receiveFiles } from "./files/receive_files.ts";
export { sendFile } from "./files/send_file.ts";
export type {
  FileErrorCode,
  FileOffer,
  FileProgress,
  ReceiveFilesOptions,
  SendFileOptions,
} from "./files/file_progress.ts";
