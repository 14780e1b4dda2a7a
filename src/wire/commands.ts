/**
 * The names of all messages, as they stand in the command field of a frame.
 *
 * What a payload holds is in `messages/`, one file a message; how a name is laid
 * out in twelve bytes is in `command_field.ts`.
 */

/**
 * Every command that verack sends or understands. A command that is not here is
 * legal on the wire; whoever receives it ignores it.
 */
export const COMMAND = {
  // Bitcoin's handshake, used by both profiles.
  version: "version",
  verack: "verack",
  /** BIP339; empty, between version and verack, peers from 70016 only. */
  wtxidrelay: "wtxidrelay",
  /** BIP155; empty, between version and verack, peers from 70016 only. */
  sendaddrv2: "sendaddrv2",
  /** BIP130; empty, after verack. */
  sendheaders: "sendheaders",
  ping: "ping",
  pong: "pong",
  /** Empty; answered once and only to inbound peers by Core. */
  getaddr: "getaddr",
  addr: "addr",
  addrv2: "addrv2",
  /** BIP61 on the Bitcoin network; a reason code and text in the mesh. */
  reject: "reject",

  // The mesh's own handshake.
  challenge: "challenge",
  proof: "proof",
  /** A number drawn at the start of the process: tells a second process with the same key. */
  instance: "instance",
  /** Feature: checksums are zero and unchecked after verack. Empty. */
  nochecksum: "nochecksum",
  /** Proof of a shared secret, the network's or an invite's, before `proof`. */
  secret: "secret",

  // The open mesh session.
  getpeers: "getpeers",
  peerids: "peerids",
  peers: "peers",
  /** Members that the sender hears of and cannot reach. */
  missing: "missing",
  /** To a peer whose key runs in another process, which was turned away. Empty. */
  twin: "twin",
  /** To a guest that came by invite: what it needs to stay. */
  welcome: "welcome",
  message: "message",
  /** More of a body that does not fit one frame. */
  chunk: "chunk",
  ack: "ack",
  /** How much of an offered body the receiver holds. */
  resume: "resume",
  bye: "bye",

  // Bitcoin's, met by the prober soon after verack and never answered.
  alert: "alert",
  feature: "feature",
  feefilter: "feefilter",
  getblocks: "getblocks",
  getdata: "getdata",
  getheaders: "getheaders",
  headers: "headers",
  inv: "inv",
  mempool: "mempool",
  sendcmpct: "sendcmpct",
  sendtxrcncl: "sendtxrcncl",
  tx: "tx",
} as const;

/** One of the commands verack knows. */
export type Command = typeof COMMAND[keyof typeof COMMAND];
