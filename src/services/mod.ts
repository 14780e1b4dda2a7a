/**
 * Services on the streams of a node: files that are sent and received, and forwarded
 * connections.
 *
 * @module
 */
import "../core/logtape.ts";
export { allowForwarding } from "./forwarding/allow_forwarding.ts";
export { forward } from "./forwarding/forward.ts";
export { receiveFiles } from "./files/receive_files.ts";
export { sendFile } from "./files/send_file.ts";
export type {
  FileErrorCode,
  FileOffer,
  FileProgress,
  ReceiveFilesOptions,
  SendFileOptions,
} from "./files/file_progress.ts";
export type {
  AllowedForwarding,
  ForwardingRules,
  ForwardRuleText,
} from "./forwarding/allow_forwarding.ts";
export type { Forward, ForwardOptions } from "./forwarding/forward.ts";
export type { ForwardCounters } from "./forwarding/forward_traffic.ts";
export type { ForwardEvent } from "./forwarding/forward_events.ts";
