/** What both ends compute from a recorded handshake, for who looks for a mistake. */
import { proofBytes, Transcript } from "../../../src/identity/proof.ts";
import { COMMAND } from "../../../src/wire/commands.ts";
import { FRAME_HEADER_BYTES } from "../../../src/wire/wire_limits.ts";
import { decodeProof } from "../../../src/wire/messages/credentials.ts";
import { type Recorded, unpackHex } from "./tape.ts";
import type { Keys } from "./world.ts";

/** All in hex. */
export interface Derived {
  /** The transcript in the code of the dialer's `secret`, and of the listener's. */
  readonly secretTranscripts?: readonly [string, string];
  /** The transcript that the proof signs. */
  readonly proofTranscript: string;
  /** All that the proof signs, the extension block included. */
  readonly signed: string;
}

/** Computes it from the frames alone. */
export function derive(
  magic: Uint8Array,
  keys: Keys,
  frames: readonly Recorded[],
): Derived {
  const transcript = new Transcript();
  const digest = () => transcript.digest().toHex();
  let challenge: Uint8Array | undefined;
  let before: string | undefined;
  let after: string | undefined;
  for (const { from, command, bytes } of frames) {
    const payload = unpackHex(bytes).subarray(FRAME_HEADER_BYTES);
    if (from === "listener") {
      if (challenge === undefined) transcript.addListener(command, payload);
      if (command === COMMAND.challenge) challenge = payload;
      continue;
    }
    if (command === COMMAND.proof && challenge !== undefined) {
      const signed = proofBytes({
        magic,
        listener: keys.listener.id,
        dialer: keys.dialer.id,
        challenge,
        transcript: transcript.digest(),
        extensions: decodeProof(payload).extensionBlock,
      });
      return {
        ...(before !== undefined && after !== undefined && {
          secretTranscripts: [before, after] as const,
        }),
        proofTranscript: digest(),
        signed: signed.toHex(),
      };
    }
    if (command === COMMAND.secret) before = digest();
    transcript.addDialer(command, payload);
    if (command === COMMAND.secret) after = digest();
  }
  throw new TypeError("There is no proof in this session");
}
