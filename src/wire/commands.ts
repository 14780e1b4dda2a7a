/**
 * The names of all messages, and the field of a frame that carries one: twelve bytes,
 * ASCII 0x20 to 0x7e, NUL-padded (bitcoin `src/protocol.cpp`,
 * `CMessageHeader::IsMessageTypeValid`). Payloads are in `messages/`.
 */

/**
 * Every command that verack sends or handles. Any other command is legal on the wire, and
 * ignored.
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
  /** A random number of the process: distinguishes a second process with the same key. */
  instance: "instance",
  /** Feature: checksums are zero and unchecked after verack. Empty. */
  nochecksum: "nochecksum",
  /** Feature: the frames of streams are understood in the open session. Empty. */
  streams: "streams",
  /** Feature: the sender joins two of its sessions on request (`relay/1`). Empty. */
  relay: "relay",
  /** Proof of a shared secret, the network's or an invite's, before `proof`. */
  secret: "secret",

  // The open mesh session.
  getpeers: "getpeers",
  peerids: "peerids",
  peers: "peers",
  /** Members that others report as live and the sender cannot reach. */
  missing: "missing",
  /** Addresses of the sender, for the receiver to dial once. */
  reach: "reach",
  /** Which of these the receiver reached. */
  reached: "reached",
  /** To a peer whose key runs in another process, which was refused. Empty. */
  twin: "twin",
  /** To a guest that came by invite: what makes it a member. */
  welcome: "welcome",
  message: "message",
  /** More of a body that does not fit one frame. */
  chunk: "chunk",
  ack: "ack",
  /** How much of an offered body the receiver holds. */
  resume: "resume",
  /** A stream begins. */
  open: "open",
  /** Bytes of a stream. */
  data: "data",
  /** More bytes of a stream may be sent. */
  credit: "credit",
  /** The sender's direction of a stream is complete. */
  end: "end",
  /** A stream, or one direction of it, ends before it is complete. */
  reset: "reset",
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

/** Frames of streams, only for a peer that has announced them. */
export const STREAM_COMMANDS: readonly string[] = [
  COMMAND.open,
  COMMAND.data,
  COMMAND.credit,
  COMMAND.end,
  COMMAND.reset,
];

/** Messages that the mesh handles once a peer has sent its own entry in `peers`. */
export const PEER_COMMANDS: readonly string[] = [
  COMMAND.getpeers,
  COMMAND.peers,
  COMMAND.peerids,
  COMMAND.missing,
  COMMAND.reach,
  COMMAND.reached,
  COMMAND.welcome,
  COMMAND.message,
  COMMAND.chunk,
  COMMAND.ack,
  COMMAND.resume,
  ...STREAM_COMMANDS,
  COMMAND.twin,
];

/** Messages of an open session of the mesh, which end the connection if they come earlier. */
export const SESSION_COMMANDS: ReadonlySet<string> = new Set([
  ...PEER_COMMANDS,
  COMMAND.ping,
  COMMAND.pong,
  COMMAND.bye,
]);

/** Length of the field, bytes. */
export const COMMAND_FIELD_BYTES = 12;

/** A known command and its field as three words, little-endian, as it is written and compared. */
export interface CommandWords {
  readonly name: string;
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
}

const wordsByName = new Map<string, CommandWords>();
const knownByWord0 = new Map<number, CommandWords[]>();

for (const name of Object.values(COMMAND)) {
  const words = buildWords(name);
  wordsByName.set(name, words);
  const alike = knownByWord0.get(words.word0) ?? [];
  alike.push(words);
  knownByWord0.set(words.word0, alike);
}

/**
 * The field of `command`. Throws `RangeError` unless it is 1 to 12 characters of 0x20 to
 * 0x7e.
 */
export function commandWords(command: string): CommandWords {
  return wordsByName.get(command) ?? buildWords(command);
}

/** The command found last: most frames have that of the one before. */
let recent = wordsByName.get(COMMAND.message)!;

/**
 * The known command whose field is at an offset; `undefined` when it is none. Builds no
 * string, as it is on the path of every frame.
 */
export function knownCommand(view: DataView, at: number): string | undefined {
  const word0 = view.getInt32(at, true);
  const word1 = view.getInt32(at + 4, true);
  const word2 = view.getInt32(at + 8, true);
  const is = (known: CommandWords) =>
    known.word0 === word0 && known.word1 === word1 && known.word2 === word2;
  if (!is(recent)) {
    const known = knownByWord0.get(word0)?.find(is);
    if (known === undefined) return undefined;
    recent = known;
  }
  return recent.name;
}

/**
 * Reads any field, known or not; one that is not valid is escaped, to be shown: at most
 * 48 printable characters. An empty name is legal, as it is in Core.
 */
export function parseCommandField(
  field: Uint8Array,
): { command: string; valid: boolean } {
  const text = String.fromCharCode(...field);
  const [, command] = /^([ -~]*)\0*$/.exec(text) ?? [];
  return command === undefined
    ? { command: text.replace(/[^ -~]|\\/g, escape), valid: false }
    : { command, valid: true };
}

function escape(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return `\\x${code.padStart(2, "0")}`;
}

function buildWords(name: string): CommandWords {
  if (!/^[ -~]{1,12}$/.test(name)) {
    throw new RangeError(
      `Cannot encode frame: command is ${
        JSON.stringify(name.slice(0, 40))
      }, must be 1 to ${COMMAND_FIELD_BYTES} characters of printable ASCII`,
    );
  }
  const field = new Uint8Array(COMMAND_FIELD_BYTES);
  new TextEncoder().encodeInto(name, field);
  const view = new DataView(field.buffer);
  const [word0, word1, word2] = [0, 4, 8].map((at) => view.getInt32(at, true));
  return { name, word0: word0!, word1: word1!, word2: word2! };
}
