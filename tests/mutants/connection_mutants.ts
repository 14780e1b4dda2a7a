/** Checks of connections: TLS, frames, the handshake, and what a session may take. */
import { type Mutant, NEVER } from "./mutant.ts";

const TLS = [
  "tests/transport/tls_attacks_test.ts",
  "tests/transport/tls_version_test.ts",
];
const HANDSHAKE = [
  "tests/session/mesh_profile_test.ts",
  "tests/session/handshake_test.ts",
  "tests/attacks/impersonation_test.ts",
];
const FRAMES = [
  "tests/wire/frame_decoder_test.ts",
  "tests/wire/frame_skip_test.ts",
];
const BYTES = ["tests/wire/bytes_test.ts"];

/** Checks of what comes over a connection before and while it is a session. */
export const CONNECTION_MUTANTS: readonly Mutant[] = [
  {
    name: "the listener accepts TLS 1.2",
    snippet: 'createSecureContext({ cert, key, minVersion: "TLSv1.3" })',
    mutated: 'createSecureContext({ cert, key, minVersion: "TLSv1.2" })',
    tests: TLS,
  },
  {
    name: "the first look accepts TLS 1.2",
    snippet: 'minVersion: "TLSv1.3", ALPNProtocols: [ALPN_PROTOCOL],',
    mutated: 'minVersion: "TLSv1.2", ALPNProtocols: [ALPN_PROTOCOL],',
    tests: TLS,
  },
  {
    name: "a dialed peer may speak another protocol",
    snippet: "if (alpnProtocol !== ALPN_PROTOCOL) {",
    mutated: NEVER,
    tests: TLS,
  },
  {
    name: "a dialer may speak another protocol",
    snippet: "if (protocol.required && tls.alpnProtocol !== protocol.name) {",
    mutated: NEVER,
    tests: TLS,
  },
  {
    name: "the certificate is not compared with the pin",
    snippet:
      "if (!sameBytes(shown, pin.certificate)) throw wrongCertificate(address);",
    mutated: "",
    tests: TLS,
  },
  {
    name: "a certificate that is not shown is not missed",
    snippet: 'if (shown === undefined) { throw failure( "wrong-certificate",',
    mutated:
      'if (shown === undefined) { return; throw failure("wrong-certificate",',
    tests: TLS,
  },
  {
    name: "ignored certificate errors go unnoticed",
    snippet: "if (!facts.rejectsWrongPin) {",
    mutated: NEVER,
    tests: TLS,
  },
  {
    name: "a frame may announce any length",
    snippet: "if (length > this.#skipPayload) {",
    mutated: NEVER,
    tests: FRAMES,
  },
  {
    name: "a frame may be of another network",
    snippet:
      "if (view.getInt32(start, true) !== this.#magicWord) this.#failMagic(4);",
    mutated: "",
    tests: FRAMES,
  },
  {
    name: "a frame may have a wrong checksum",
    snippet:
      "view.getInt32(start + CHECKSUM_OFFSET, true) !== checksumWord(payload)",
    mutated: "false",
    tests: FRAMES,
  },
  {
    name: "a command may have bytes after its end",
    snippet: "if (!parsed.valid) {",
    mutated: NEVER,
    tests: FRAMES,
  },
  {
    name: "a field may go beyond the payload",
    snippet: "if (count > left) {",
    mutated: NEVER,
    tests: BYTES,
  },
  {
    name: "a count need not be in its shortest form",
    snippet: "if (value < least) {",
    mutated: NEVER,
    tests: BYTES,
  },
  {
    name: "a short count may exceed its bound",
    snippet:
      "if (first > max) this.#refuse(field, start, `${first}`, `at most ${max}`);",
    mutated: "",
    tests: BYTES,
  },
  {
    name: "a long count may exceed its bound",
    snippet: "if (value > BigInt(max)) {",
    mutated: NEVER,
    tests: BYTES,
  },
  {
    name: "bytes may follow the last field",
    snippet: "if (this.remaining > 0) {",
    mutated: NEVER,
    tests: BYTES,
  },
  {
    name: "a list of peers may announce more than it has room for",
    snippet: "if (count * MIN_ENTRY_BYTES > reader.remaining) {",
    mutated: NEVER,
    tests: ["tests/wire/messages/peers_test.ts"],
  },
  {
    name: "a body may be of any length",
    snippet: "if (total > MAX_BODY_BYTES) {",
    mutated: NEVER,
    tests: ["tests/wire/messages/message_test.ts"],
  },
  {
    name: "more may come than the body has",
    snippet: "if (held > total || held > MAX_CHUNK_BYTES) {",
    mutated: NEVER,
    tests: ["tests/wire/messages/message_test.ts"],
  },
  {
    name: "a handshake may have any number of messages",
    snippet:
      "if (this.#profile.strict && this.#frames > MAX_HANDSHAKE_FRAMES) {",
    mutated: NEVER,
    tests: HANDSHAKE,
  },
  {
    name: "a peer may speak an obsolete version",
    snippet: "if (remote.version < this.#profile.minimumVersion) {",
    mutated: NEVER,
    tests: HANDSHAKE,
  },
  {
    name: "a proof need not verify",
    snippet: "if (!valid) {",
    mutated: NEVER,
    tests: HANDSHAKE,
  },
  {
    name: "a second proof is taken",
    snippet: "if (challenge === undefined || this.#peer !== undefined) {",
    mutated: "if (challenge === undefined) {",
    tests: HANDSHAKE,
  },
  {
    name: "verack is taken without a proof",
    snippet: "if (this.#peer === undefined) { return context.fail(",
    mutated: "if (false) { return context.fail(",
    tests: [...HANDSHAKE, "tests/attacks/frames_test.ts"],
  },
  {
    name: "messages of a session are taken before it is open",
    snippet: "} else if (SESSION_COMMANDS.has(command)) {",
    mutated: "} else if (false) {",
    tests: [...HANDSHAKE, "tests/attacks/frames_test.ts"],
  },
  {
    name: "a node may have a session with itself or its twin",
    snippet: "refuseOurselves(peer, this.#options) ??",
    mutated: "",
    tests: [...HANDSHAKE, "tests/attacks/twin_test.ts"],
  },
  {
    name: "the dialer's words are not in the transcript",
    snippet:
      "if (!this.#dialerDone) this.#transcript.addDialer(command, payload);",
    mutated: "",
    tests: HANDSHAKE,
  },
  {
    name: "the listener's words are not in the transcript",
    snippet:
      "if (!this.#listenerDone) this.#transcript.addListener(command, payload);",
    mutated: "",
    tests: HANDSHAKE,
  },
  {
    name: "a peer may send any number of frames",
    snippet: "if (isFlooded) {",
    mutated: NEVER,
    tests: ["tests/session/frame_meter_test.ts"],
  },
  {
    name: "all peers without standing together may send any number of frames",
    snippet: "get isFree(): boolean {",
    mutated: "get isFree(): boolean { if (this.#now >= 0) return true;",
    tests: ["tests/attacks/frame_share_test.ts"],
  },
  {
    name: "peers with standing wait for the turns of those without",
    snippet: "return this.#share?.hasStanding() === false ?",
    mutated: "return true ?",
    tests: ["tests/session/strangers_meter_test.ts"],
  },
  {
    name: "a source has as many turns as it has sessions",
    snippet: "if (turns.size > 0) this.#waiting.set(source, turns); run!();",
    mutated:
      "if (turns.size > 0) { const rest = [...this.#waiting]; this.#waiting.clear(); this.#waiting.set(source, turns); for (const it of rest) this.#waiting.set(...it); } run!();",
    tests: ["tests/session/strangers_meter_test.ts"],
  },
  {
    name:
      "the queue of a peer with standing is ended though strangers have some",
    snippet: "const longest = this.#longest(false) ??",
    mutated: "const longest =",
    tests: ["tests/session/node_budget_test.ts"],
  },
  {
    name: "the queue of a peer with standing is ended for one without",
    snippet: "(asker.hasStanding ? this.#longest(true) : asker);",
    mutated: "this.#longest(true);",
    tests: ["tests/session/node_budget_test.ts"],
  },
  {
    name: "strangers may have all room for large frames",
    snippet: "!(isStranger && this.#strangersBytes + more > most);",
    mutated: "!(isStranger && false && most);",
    tests: ["tests/session/node_budget_test.ts"],
  },
  {
    name: "a large frame of a peer with standing is ended for one without",
    snippet:
      "if (holder === asker || isEarly || held.isStranger !== of) continue;",
    mutated: "if (holder === asker || isEarly) continue;",
    tests: ["tests/session/node_budget_test.ts"],
  },
  {
    name: "all queues together may be of any length",
    snippet: "while (this.#bytes + bytes > this.#max) {",
    mutated: "while (false) {",
    tests: ["tests/session/node_budget_test.ts"],
  },
  {
    name: "large frames may take any room together",
    snippet: "if (!this.#fits(more, isStranger)) return false;",
    mutated: "",
    tests: ["tests/session/node_budget_test.ts"],
  },
];
