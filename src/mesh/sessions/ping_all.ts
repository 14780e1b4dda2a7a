/** A ping with text to everybody who is connected, encoded once. */
import { MAX_PING_TEXT_BYTES } from "../../limits.ts";
import { SharedFrame } from "../../wire/frame.ts";
import { COMMAND } from "../../wire/commands.ts";
import { encodePing } from "../../wire/messages/ping.ts";
import type { MeshContext } from "../context.ts";
import { randomU64 } from "./opening.ts";

/**
 * Pings all peers.
 *
 * @returns How many peers it was sent to.
 * @throws {RangeError} when the text is too long.
 */
export function pingAll(context: MeshContext, text: string): number {
  const size = new TextEncoder().encode(text).length;
  if (size > MAX_PING_TEXT_BYTES) {
    throw new RangeError(
      `Cannot ping: text has ${size} bytes, must have at most ${MAX_PING_TEXT_BYTES}`,
    );
  }
  const nonce = randomU64(context);
  const payload = encodePing({ nonce, text });
  const frame = new SharedFrame(context.magic, COMMAND.ping, payload);
  let sent = 0;
  for (const record of context.table.connected()) {
    if (record.primary?.session.ping(nonce, frame)) sent++;
  }
  return sent;
}
