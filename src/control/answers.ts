/**
 * Types of the answers of the control API: the node's own types as JSON. The schemas of
 * `api.ts` are checked against them, not the other way round: JSR refuses a public type
 * that is inferred.
 */
import type { DeadLetter } from "../delivery/dead_letters.ts";
import type { KeptMessage, KeptTopic } from "../delivery/kept_topics.ts";
import type { PeerId } from "../core/peer_id.ts";
import type { PeerNames } from "../identity/peer_name.ts";
import type { AllowedUse } from "./allowed_uses.ts";
import type { ProcessFigures } from "./process_figures.ts";
import type { InviteInfo } from "../mesh/admission/invites.ts";
import type { NodeEvent } from "../mesh/events.ts";
import type { NodeStatus } from "../mesh/node_status.ts";
import type {
  JoinRequest,
  StoredAccessRule,
} from "../mesh/peers/node_store.ts";
import type { FileProgress } from "../services/files/file_progress.ts";
import type { ForwardingReport } from "../services/forwarding/forward_rules.ts";
import type { ForwardEvent } from "../services/forwarding/forward_events.ts";
import type { PeerInfo, SessionInfo } from "../mesh/peers/peer_info.ts";

/** A type after `JSON.stringify` and `JSON.parse`: a `Date` is ISO 8601 text. */
export type Json<T> = T extends Date ? string
  : T extends string | number | boolean | undefined ? T
  : { readonly [K in keyof T]: Json<T[K]> };

/** Figures of the control server itself. */
export interface ControlFigures {
  /** Requests that are being answered. */
  readonly requests: number;
  /** Open streams of events. */
  readonly streams: number;
  /** Operations that are being carried out. */
  readonly operations?: number;
  /** Events that readers of streams have missed. */
  readonly eventsMissed: number;
  /** Where the API listens besides the data directory. */
  readonly url?: string;
  /** The address of the page. */
  readonly page?: string;
}

/** Answer to `GET /v1/status`. */
export type StatusAnswer = Json<NodeStatus> & {
  /** Figures of the control server. */
  readonly control: ControlFigures;
  /** Figures of its process. */
  readonly process: ProcessFigures;
  /** What it forwards and allows to forward; absent if that is nothing. */
  readonly forwarding?: ForwardingReport;
  /** What its flags allow to which peers; absent if that is nothing. */
  readonly allowed?: readonly AllowedUse[];
};

/** A peer in the answer to `GET /v1/peers`. */
export type PeerRow = Json<PeerInfo>;

/** A session in the answer to `GET /v1/peers`. */
export type SessionRow = Json<Omit<SessionInfo, "userAgent">> & {
  /** BIP14 user agent; not escaped. */
  readonly userAgent: string;
};

/** Answer to `GET /v1/peers`. */
export interface PeersAnswer {
  /** Peers on record or in gossip, or those that match the query. */
  readonly peers: readonly PeerRow[];
  /** Its sessions with them. */
  readonly sessions: readonly SessionRow[];
  /** Whether the query may mean the node itself; absent without a query. */
  readonly self?: boolean;
}

/** Answer to `POST /v1/ping`. */
export interface PingAnswer {
  /** The peer. */
  readonly id: PeerId;
  /** The name that the peer advertises; not escaped. */
  readonly name?: string;
  /** The name that the user of this node has given the peer. */
  readonly boundName?: string;
  /** Whether there is a session with it, which a ping needs. */
  readonly connected: boolean;
  /** The other end of the session: `host:port`; of a relayed one, that of its relay. */
  readonly address?: string;
  /** The member that relays the session; absent on a direct one. */
  readonly via?: PeerId;
  /** Its name, bound here or else advertised; not escaped. */
  readonly viaName?: string;
  /** The round trip, milliseconds; absent if it did not answer in time. */
  readonly rttMs?: number;
}

/** A record of `POST /v1/watch`. */
export type WatchRecord =
  | {
    /** Something of the status has changed. */
    readonly type: "status";
    /** The status. */
    readonly status: StatusAnswer;
  }
  | {
    /** Something of a peer or of a session has changed. */
    readonly type: "peers";
    /** Peers on record or in gossip. */
    readonly peers: readonly PeerRow[];
    /** The sessions with them. */
    readonly sessions: readonly SessionRow[];
  }
  | EventRecord;

/** A record of `POST /v1/watch` with `events`: one without an event ends the present state. */
export interface EventRecord {
  /** Something has happened. */
  readonly type: "event";
  /** The id from which to go on; absent of an event of the present state. */
  readonly id?: string;
  /** The event, if its type is of this version. */
  readonly event?: ControlEvent;
}

/** A join request in the answer to `GET /v1/requests`. */
export type JoinRequestRow =
  & Json<Pick<JoinRequest, "id" | "direction">>
  & {
    /** The address from which it came, or at which it was dialed: `host:port`. */
    readonly address: string;
    /** When it first came, ISO 8601. */
    readonly firstSeen: string;
    /** When it last came, ISO 8601. */
    readonly lastSeen: string;
  };

/** An access rule in the answer to `GET /v1/access-rules`. */
export type AccessRuleRow =
  & Json<Pick<StoredAccessRule, "id" | "rule">>
  & {
    /** When it was made, ISO 8601. */
    readonly at: string;
  };

/** An invite in the answer to `GET /v1/invites`. */
export type InviteRow = Json<InviteInfo>;

/** Answer to `POST /v1/messages`. */
export interface SendAnswer {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** The receiver. */
  readonly to: PeerId;
  /** The name that the receiver advertises; not escaped. */
  readonly name?: string;
  /** The name that the user of this node has given the receiver. */
  readonly boundName?: string;
  /** The receiver's application has acknowledged it. */
  readonly delivered: boolean;
  /** Whether there is a session with the receiver. */
  readonly connected: boolean;
}

/** The answer of a peer to a request. */
export interface RequestAnswer {
  /** The peer. */
  readonly id: PeerId;
  /** The name that the peer advertises; not escaped. */
  readonly name?: string;
  /** The name that the user of this node has given the peer. */
  readonly boundName?: string;
  /** What the answer is. */
  readonly kind: "none" | "bytes" | "text" | "json";
  /** Text of at most a million characters. */
  readonly text?: string;
  /** Bytes, or longer text. */
  readonly base64?: string;
  /** A JSON value. */
  readonly json?: unknown;
}

/** What happens to forwarded connections; texts of peers in it are not escaped. */
export type ForwardRecord =
  | Exclude<ForwardEvent, { readonly type: "listening" | "refused" }>
  | {
    /** Connections are accepted. */
    readonly type: "listening";
    /** Where: at this node or, in reverse, at the peer. */
    readonly address: string;
    /** Where they lead to, from the other end. */
    readonly to: string;
    /** The peer. */
    readonly id: PeerId;
    /** The name that the peer advertises. */
    readonly name?: string;
    /** The name that the user of this node has given the peer. */
    readonly boundName?: string;
  }
  | {
    /** A connection was accepted and closed, as it leads nowhere. */
    readonly type: "refused";
    /** Its other end. */
    readonly from: string;
    /** The code of the error. */
    readonly code: string;
    /** Its message. */
    readonly reason: string;
  };

/** Answer to `POST /v1/broadcasts`. */
export interface BroadcastAnswer {
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Peers whose applications have acknowledged it. */
  readonly delivered: readonly PeerId[];
  /** Peers for which it is kept. */
  readonly waiting: readonly PeerId[];
  /** Peers that will not get it. */
  readonly failed: readonly {
    readonly id: PeerId;
    readonly standing: boolean;
    readonly reason: string;
  }[];
  /** The names that these peers advertise, by identity; not escaped. */
  readonly names: Readonly<Record<string, string>>;
  /** The names that the user of this node has given them, by identity. */
  readonly boundNames: Readonly<Record<string, string>>;
}

/** A dead letter without its body. Text is not escaped. */
export type DeadLetterHead = Json<Omit<DeadLetter, "body">> & PeerNames & {
  /** Length of the body. */
  readonly bytes: number;
};

/** A dead letter in the answer to `GET /v1/dead-letters`. */
export type DeadLetterRow = DeadLetterHead & {
  /** The first bytes of the body as text. */
  readonly preview: string;
};

/** Answer to `GET /v1/dead-letters/message`. */
export type WholeDeadLetter = DeadLetterHead & {
  /** The body. */
  readonly base64: string;
};

/** A kept topic in the answer to `GET /v1/kept-topics`, and in the status. */
export type KeptTopicRow = Json<KeptTopic>;

/** A message of a kept topic. Text is not escaped. */
export type KeptMessageRow = Json<Omit<KeptMessage, "body">> & PeerNames & {
  /** The type of the record, if it is one of an operation. */
  readonly type: "message";
  /** The body, if it is UTF-8 without many control characters. */
  readonly text?: string;
  /** The body, if it is not. */
  readonly base64?: string;
};

/** What became of the messages of `POST /v1/kept-topics/ack` and the like. */
export interface SettledAnswer {
  /** Ids of messages of which it is done. */
  readonly ids: readonly string[];
  /** Ids of messages that were acked before, or never delivered. */
  readonly unknown: readonly string[];
}

/** An event of `GET /v1/events`. */
export type ControlEvent = (NodeEvent | MessageEvent | FileEvent) & {
  /** When it happened, ISO 8601. */
  readonly time: string;
};

/** The node's application has acknowledged a message. Text is not escaped. */
export interface MessageEvent {
  /** The type of the event. */
  readonly type: "message";
  /** The sender. */
  readonly from: PeerId;
  /** The name that the sender advertises. */
  readonly name?: string;
  /** The name that the user of this node has given the sender. */
  readonly boundName?: string;
  /** The sender's topic. */
  readonly topic: string;
  /** The message's id, 32 hex digits. */
  readonly id: string;
  /** Its delivery count, from 1. */
  readonly deliveryCount: number;
  /** The body, if it is UTF-8. */
  readonly text?: string;
  /** The body, if it is not. */
  readonly base64?: string;
}

/** A step of files that a node receives all the time, which peers cause. Text is not escaped. */
export interface FileEvent {
  /** The type of the event. */
  readonly type: "file";
  /** The sender. */
  readonly from: PeerId;
  /** The name that the sender advertises. */
  readonly name?: string;
  /** The name that the user of this node has given the sender. */
  readonly boundName?: string;
  /** The id of the transfer, 32 hex digits. */
  readonly transfer: string;
  /** What happened: a type of {@linkcode FileProgress}. */
  readonly step: FileStep;
  /** The file; empty when the event is about the whole transfer. */
  readonly path: string;
  /** Of `done`: where the file is, if that is not `path`. */
  readonly savedAs?: string;
  /** Of `done`: bytes that were here before; all of them if nothing was sent. */
  readonly resumedAt?: number;
  /** Files of the transfer. */
  readonly files: number;
  /** Bytes of the file, or of the whole transfer. */
  readonly bytes: number;
  /** Of `end`: files that are at their place. */
  readonly done?: number;
  /** Of `end`: files that are not. */
  readonly failed?: number;
  /** What was wrong. */
  readonly reason?: string;
}

/** The steps of a transfer that are events. */
export type FileStep = Exclude<
  FileProgress["type"],
  "begin" | "progress" | "skipped"
>;
