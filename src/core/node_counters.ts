/**
 * What a node has counted since it started. Each part of a node adds to the fields where things
 * happen; status, metrics and telemetry read them, and nothing counts a second time.
 */

/** Totals of one node since its start; none ever gets smaller. */
export class NodeCounters {
  /** Bytes of frames written to connections of the mesh, below which there is TLS. */
  bytesSent = 0;
  /** Bytes of frames read from them. */
  bytesReceived = 0;

  /** Inbound connections. */
  connectionsAccepted = 0;
  /** Inbound connections that broke a rule or timed out before a session was open. */
  handshakesFailed = 0;
  /** Inbound connections that this node refused: not admitted, denied, no room. */
  handshakesRefused = 0;
  /** Dials of one IP address each that began. */
  dialsAttempted = 0;
  /** Dials that opened a session. */
  dialsSucceeded = 0;
  /** Dials that failed; the rest was given up for another session, or is under way. */
  dialsFailed = 0;
  /** Sessions that peers opened. */
  sessionsOpenedInbound = 0;
  /** Sessions that this node opened. */
  sessionsOpenedOutbound = 0;
  /** Sessions opened by peers that have ended. */
  sessionsClosedInbound = 0;
  /** Sessions opened by this node that have ended. */
  sessionsClosedOutbound = 0;
  /** How often a peer came up: its first session was established. */
  peersUp = 0;
  /** How often a peer went down: its last session ended. */
  peersDown = 0;
  /** How often of that it was lost, rather than sent bye. */
  peersLost = 0;
  /** Packets sent to local networks for discovery. */
  lanPacketsSent = 0;
  /** Packets of multicast DNS received from local networks, also about other services. */
  lanPacketsReceived = 0;
  /** Packets dropped unread: from elsewhere, too many, or malformed. */
  lanPacketsDropped = 0;
  /** Nodes found on local networks. */
  lanNodesFound = 0;
  /** Announcements of nodes dropped: broken, of an address elsewhere, or too many. */
  lanNodesDropped = 0;
  /** Messages of peer exchange sent. */
  gossipSent = 0;
  /** Messages of peer exchange received. */
  gossipReceived = 0;

  /** Messages that the application gave to this node; one for each receiver. */
  messagesAccepted = 0;
  /** Messages begun on sessions; more than accepted if sessions were lost. */
  messagesSent = 0;
  /** Messages that the application of their receiver has acked. */
  messagesDelivered = 0;
  /** Messages given up: expired, evicted, rejected, aborted, or their receiver is gone. */
  messagesUndelivered = 0;
  /** Whole messages that came from peers. */
  messagesReceived = 0;
  /** Messages that came again and had come before. */
  messagesRepeated = 0;
  /** Messages that the application has acked. */
  messagesAcked = 0;
  /** Deliveries to the application that ended without an ack: nacked, or its consumer or lease ended. */
  messagesNacked = 0;
  /** Messages that became dead letters. */
  messagesDeadLettered = 0;
  /** Messages stored under kept topics. */
  messagesKept = 0;

  /** Streams opened by this node. */
  streamsOpened = 0;
  /** Streams opened by peers and passed to a handler. */
  streamsAccepted = 0;
  /** Streams opened by peers and refused. */
  streamsRefused = 0;
  /** Pairs of other members that this node has relayed. */
  relaysOpened = 0;
  /** Requests to relay that it refused as a bound was reached. */
  relaysRefusedFull = 0;
  /** Those to a peer with which it had no session. */
  relaysRefusedNotConnected = 0;
  /** Others. */
  relaysRefusedOther = 0;
  /** Bytes that it relayed, both directions of all pairs. */
  relayedBytes = 0;
  /** Requests sent. */
  requestsSent = 0;
  /** Requests sent that were answered. */
  requestsAnswered = 0;
  /** Requests sent that failed: an error as the answer, a deadline, a lost session. */
  requestsFailed = 0;
  /** Requests received. */
  requestsReceived = 0;
  /** Requests received that a handler has answered. */
  requestsServed = 0;
  /** Requests received that were answered by an error. */
  requestsRefused = 0;

  /** Files that a receiver has verified. */
  filesSent = 0;
  /** Files received and verified. */
  filesReceived = 0;
  /** Files of either direction that failed. */
  filesFailed = 0;
  /** Forwarded connections opened, in either role. */
  forwardedOpened = 0;
  /** Forwarded connections refused. */
  forwardedRefused = 0;

  /** How often the process was paused, or too busy to run the node, for a good part of a heartbeat. */
  pauses = 0;
  /** How long in all, milliseconds. */
  pausedMs = 0;
}

/** The names of all counters. */
export const COUNTER_NAMES = Object.keys(
  new NodeCounters(),
) as readonly (keyof NodeCounters)[];

/** What one session has sent and received; each addition counts for its node, too. */
export class SessionTraffic {
  bytesSent = 0;
  bytesReceived = 0;
  messagesSent = 0;
  messagesReceived = 0;
  readonly #node: NodeCounters | undefined;

  /** @param node Absent for sessions that are not a node's. */
  constructor(node: NodeCounters | undefined) {
    this.#node = node;
  }

  wrote(bytes: number): void {
    this.bytesSent += bytes;
    if (this.#node !== undefined) this.#node.bytesSent += bytes;
  }

  read(bytes: number): void {
    this.bytesReceived += bytes;
    if (this.#node !== undefined) this.#node.bytesReceived += bytes;
  }

  /** A message was begun on it. */
  sentMessage(): void {
    this.messagesSent++;
    if (this.#node !== undefined) this.#node.messagesSent++;
  }

  /** A message that is new has come whole. */
  receivedMessage(): void {
    this.messagesReceived++;
    if (this.#node !== undefined) this.#node.messagesReceived++;
  }
}

const counters = new WeakMap<object, NodeCounters>();

/** The counters of a node, for parts that know nothing of it but the object. */
export function countersOf(node: object): NodeCounters {
  let its = counters.get(node);
  if (its === undefined) counters.set(node, its = new NodeCounters());
  return its;
}
