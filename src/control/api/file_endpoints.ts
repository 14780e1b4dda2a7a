/** Files that the node sends and receives. */
import * as v from "npm:valibot@1.5.0";
import type { PeerId } from "../../core/peer_id.ts";
import type { FileProgress } from "../../services/files/file_progress.ts";
import {
  MAX_CONTROL_PATHS,
  MAX_CONTROL_PATHS_BYTES,
} from "../control_limits.ts";
import { operation, post, type RecordSchemas } from "./endpoint.ts";
import {
  boolean,
  count,
  flag,
  id,
  nonEmpty,
  number,
  optional,
  string,
  text,
} from "./schema_fields.ts";

/** A step of a transfer, as {@linkcode FileProgress} has it. */
export type FileRecord = {
  readonly [T in FileProgress["type"]]: Omit<FileProgress, "type"> & {
    readonly type: T;
  };
}[FileProgress["type"]];

/** An offer that waits for a decision. */
export interface AskRecord {
  /** The type of the record. */
  readonly type: "ask";
  /** The peer that offers it. */
  readonly peer: PeerId;
  /** The name of the peer; not escaped. */
  readonly name?: string;
  /** The id of the transfer, 32 hex digits. */
  readonly transfer: string;
  /** How many files. */
  readonly files: number;
  /** Their bytes together. */
  readonly bytes: number;
  /** The paths of the first few, escaped for display. */
  readonly paths: readonly string[];
}

/** An offer needs no decision any more. */
export interface WithdrawnRecord {
  /** The type of the record. */
  readonly type: "withdrawn";
  /** The peer that offered it. */
  readonly peer: PeerId;
  /** The id of the transfer. */
  readonly transfer: string;
}

/** The files are received now; the first record. */
export interface ReadyRecord {
  /** The type of the record. */
  readonly type: "ready";
}

/** A record of `POST /v1/files/receive`. */
export type ReceiveRecord =
  | FileRecord
  | AskRecord
  | WithdrawnRecord
  | ReadyRecord;

/** Options of {@linkcode ControlClient.sendFiles}. */
export interface ControlSendFilesOptions {
  /** How long to wait for a peer that is absent or receives no files, milliseconds. */
  readonly timeoutMs?: number;
  /** Ends the transfer. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode ControlClient.receiveFiles}. */
export interface ControlReceiveFilesOptions {
  /** Accepts every offer, or asks for each by a record `ask`. */
  readonly accept: "all" | "ask";
  /** Only these peers, by name or id. @default all */
  readonly from?: readonly string[];
  /** Makes files executable that are executable at the other end. */
  readonly executable?: boolean;
  /** Ends receiving. */
  readonly signal?: AbortSignal;
}

const file = {
  transfer: string,
  peer: id,
  name: optional(string),
  path: string,
  file: count,
  files: count,
  bytes: count,
  total: count,
  allBytes: count,
  allTotal: count,
  resumedAt: optional(count),
  savedAs: optional(string),
  done: optional(count),
  failed: optional(count),
  error: optional(v.looseObject({ code: string, message: string })),
};

function step<const T extends FileRecord["type"]>(type: T) {
  return v.looseObject({ type: v.literal(type), ...file });
}

const SEND_RECORDS = {
  offer: step("offer"),
  declined: step("declined"),
  begin: step("begin"),
  progress: step("progress"),
  done: step("done"),
  failed: step("failed"),
  skipped: step("skipped"),
  retrying: step("retrying"),
  end: step("end"),
} as unknown as RecordSchemas<FileRecord>;

const RECEIVE_RECORDS: RecordSchemas<ReceiveRecord> = {
  ...SEND_RECORDS,
  ready: v.looseObject({ type: v.literal("ready") }),
  ask: v.looseObject({
    type: v.literal("ask"),
    peer: id,
    name: optional(string),
    transfer: string,
    files: count,
    bytes: count,
    paths: v.array(string),
  }),
  withdrawn: v.looseObject({
    type: v.literal("withdrawn"),
    peer: id,
    transfer: string,
  }),
};

/** On Windows also `C:\folder` and `\\server\share`. */
const ABSOLUTE = /^(\/|[A-Za-z]:[\\/]|\\\\)[^\0]*$/;
const path = v.pipe(text, v.regex(ABSOLUTE, "an absolute path"));

/** Requests about files that are sent and received. */
export const fileEndpoints = {
  decideOffer: post(
    "/v1/files/decide",
    { peer: id, transfer: nonEmpty, accept: flag },
    v.looseObject({ accepted: boolean }),
  ),
};

/** Files that are sent and received. */
export const fileOperations = {
  sendFiles: operation(
    "/v1/files/send",
    {
      to: text,
      paths: v.pipe(
        v.array(path, "a list of absolute paths"),
        v.minLength(1, "at least one path"),
        v.maxLength(MAX_CONTROL_PATHS, `at most ${MAX_CONTROL_PATHS} paths`),
      ),
      timeoutMs: optional(number),
    },
    SEND_RECORDS,
    { maxBytes: MAX_CONTROL_PATHS_BYTES, access: "owner" },
  ),
  receiveFiles: operation(
    "/v1/files/receive",
    {
      dir: path,
      from: optional(v.array(nonEmpty, "a list of names and ids")),
      accept: v.picklist(["all", "ask"], "all or ask"),
      executable: optional(flag),
    },
    RECEIVE_RECORDS,
    { access: "owner" },
  ),
};
