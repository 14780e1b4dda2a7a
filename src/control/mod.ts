/**
 * A typed client of the control API of a running node, from another process. Answers
 * and events are checked against the schema; `docs/control.md` describes the API.
 *
 * ```ts
 * import { ControlClient } from "./mod.ts";
 *
 * async function greet(directory: string): Promise<void> {
 *   using client = await ControlClient.find(directory);
 *   const { name, mesh } = await client.status();
 *   console.log(`${name} sees ${mesh.nodes} nodes`);
 *   await client.send("bob", "hello", { topic: "news" });
 * }
 * ```
 *
 * @module
 */
import "../core/logtape.ts";
export { VerackError } from "../core/errors.ts";
export { ControlClient } from "./control_client.ts";
export {
  exportTelemetry,
  type TelemetryOptions,
} from "./metrics/export_telemetry.ts";
export type { Clock } from "../core/clock.ts";
export type { ErrorCode } from "../core/errors.ts";
export type { DeadLetter } from "../delivery/dead_letters.ts";
export type { KeptMessage, KeptTopic } from "../delivery/kept_topics.ts";
export type { PeerId } from "../core/peer_id.ts";
export type { PeerNames } from "../identity/peer_name.ts";
export type { InviteInfo } from "../mesh/admission/invites.ts";
export type { Direction, NodeEvent, Severity, Trust } from "../mesh/events.ts";
export type { HistogramReading, HistogramReadings } from "../core/histogram.ts";
export type { NodeCounters } from "../core/node_counters.ts";
export type { HealthFact } from "../mesh/health.ts";
export type { NodeStatus } from "../mesh/node_status.ts";
export type {
  JoinRequest,
  StoredAccessRule,
} from "../mesh/peers/node_store.ts";
export type { PeerInfo, SessionInfo } from "../mesh/peers/peer_info.ts";
export type { Address } from "../transport/address.ts";
export type {
  AccessRuleRow,
  BroadcastAnswer,
  ControlEvent,
  ControlFigures,
  DeadLetterHead,
  DeadLetterRow,
  ForwardRecord,
  InviteRow,
  JoinRequestRow,
  Json,
  KeptMessageRow,
  KeptTopicRow,
  PeerRow,
  PeersAnswer,
  PingAnswer,
  RequestAnswer,
  SendAnswer,
  SessionRow,
  SettledAnswer,
  StatusAnswer,
  WatchRecord,
  WholeDeadLetter,
} from "./answers.ts";
export type {
  AskRecord,
  ControlReceiveFilesOptions,
  ControlSendFilesOptions,
  FileRecord,
  ReadyRecord,
  ReceiveRecord,
  WithdrawnRecord,
} from "./api/file_endpoints.ts";
export type { InviteAnswer } from "./api/admission_endpoints.ts";
export type { QrCode } from "./qr_code.ts";
export type { PageLinkAnswer } from "./api/page_endpoints.ts";
export type {
  FileErrorCode,
  FileProgress,
} from "../services/files/file_progress.ts";
export type {
  ControlForwardOptions,
  ControlRequestOptions,
  ControlSendOptions,
  ControlWatchOptions,
  FollowOptions,
} from "./client_options.ts";
export type { HealthAnswer } from "./api/health_endpoint.ts";
export type { ProcessFigures } from "./process_figures.ts";
export type { AllowedUse } from "./allowed_uses.ts";
export type { ForwardingReport } from "../services/forwarding/forward_rules.ts";
export type { ForwardEvent } from "../services/forwarding/forward_events.ts";
export type { EventQuery, EventsOptions } from "./control_connection.ts";
export type {
  ControlLeaseOptions,
  ControlNackOptions,
  KeptTopicsClient,
} from "./kept_topics_client.ts";
export type { ControlConnectOptions } from "./remote_endpoint.ts";
export type {
  EventRecord,
  FileEvent,
  FileStep,
  MessageEvent,
} from "./answers.ts";
