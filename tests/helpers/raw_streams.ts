/** Frames of streams as an attacker sends them: any of their fields may be wrong. */
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import {
  DATA_HEAD_BYTES,
  decodeReset,
  encodeCredit,
  encodeEnd,
  encodeOpen,
  encodeReset,
  type OpenFrame,
  RESET_CODE,
  type ResetFrame,
  writeDataHead,
} from "../../src/wire/messages/stream_frames.ts";
import type { RawConnection, RawFrame } from "./raw_connection.ts";

/** What is sent: a command and a payload. */
export type Sent = readonly [command: string, payload: Uint8Array];

export function open(stream: number, fields: Partial<OpenFrame> = {}): Sent {
  return [
    COMMAND.open,
    encodeOpen({
      stream,
      credit: 65_536,
      protocol: "echo/1",
      metadata: new Uint8Array(0),
      ...fields,
    }),
  ];
}

/** `data` with so many bytes, or with these. */
export function data(stream: number, bytes: number | Uint8Array): Sent {
  const body = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
  const payload = new Uint8Array(DATA_HEAD_BYTES + body.length);
  writeDataHead(payload, 0, stream);
  payload.set(body, DATA_HEAD_BYTES);
  return [COMMAND.data, payload];
}

export function credit(stream: number, bytes: number): Sent {
  return [COMMAND.credit, encodeCredit({ stream, bytes })];
}

export function end(stream: number): Sent {
  return [COMMAND.end, encodeEnd(stream)];
}

export function reset(
  stream: number,
  code: number = RESET_CODE.aborted,
  text = "",
): Sent {
  return [COMMAND.reset, encodeReset({ stream, code, text })];
}

/** Sends them in one write, so that the node reads them together. */
export async function sayAll(
  peer: RawConnection,
  frames: readonly Sent[],
): Promise<void> {
  const encoded = frames.map(([command, payload]) =>
    encodeFrame(peer.magic, command, payload)
  );
  const size = encoded.reduce((sum, { length }) => sum + length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const frame of encoded) {
    bytes.set(frame, at);
    at += frame.length;
  }
  await peer.sendBytes(bytes);
}

/** Bytes of a stream that came. */
export function bytesOf(peer: RawConnection, stream: number): number {
  return framesOf(peer, COMMAND.data, stream)
    .reduce((sum, { payload }) => sum + payload.length - DATA_HEAD_BYTES, 0);
}

/** Frames about a stream that came. */
export function framesOf(
  peer: RawConnection,
  command: string,
  stream: number,
): RawFrame[] {
  return peer.frames.filter((frame) =>
    frame.command === command &&
    new DataView(frame.payload.buffer).getUint32(0, true) === stream
  );
}

/** Every `reset` that came. */
export function resetsOf(peer: RawConnection): ResetFrame[] {
  return peer.frames.filter(({ command }) => command === COMMAND.reset)
    .map(({ payload }) => decodeReset(payload));
}
