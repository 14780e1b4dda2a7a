/**
 * The vocabulary of `behaviours.ts`: what a peer can do instead of saying what
 * Core would say, step by step. Carrying it out is left to `odd_connection.ts`.
 */
import type { Random } from "../core/clock.ts";
import { CHECKSUM_OFFSET, encodeFrame, LENGTH_OFFSET } from "../wire/frame.ts";
import {
  encodeVersion,
  type VersionMessage,
} from "../wire/messages/version.ts";

/** A message that is about to be sent. */
export interface Outgoing {
  readonly command: string;
  readonly payload: Uint8Array;
}

/** One thing to do. */
export type Step =
  /** Send these bytes; with `message` they (or the last of them) are this message. */
  | { readonly send: Uint8Array; readonly message?: Outgoing }
  /** Wait for as long as the responder is told to. */
  | "pause"
  /** Close the connection. */
  | "close";

/** What a behaviour can know. */
export interface BehaviourContext {
  readonly magic: Uint8Array;
  /** The version Core's rules would send. */
  readonly local: VersionMessage;
  /** The client's version, once it came. */
  readonly remote: VersionMessage | undefined;
  readonly random: Random;
}

/** How a responder answers. */
export interface BehaviourRules {
  /** What it does as soon as somebody connects; nothing if left out. */
  start?(context: BehaviourContext): Iterable<Step>;
  /** What it does instead of sending a message; left out, it sends it. */
  write?(message: Outgoing, context: BehaviourContext): Iterable<Step>;
}

/** A message as it should be. */
export function say(
  { magic }: BehaviourContext,
  command: string,
  payload: Uint8Array = new Uint8Array(0),
): Step {
  return {
    send: encodeFrame(magic, command, payload),
    message: { command, payload },
  };
}

/** The version with some fields changed. */
export function sayVersion(
  context: BehaviourContext,
  fields: Partial<VersionMessage>,
): Step {
  return say(
    context,
    "version",
    encodeVersion({ ...context.local, ...fields }),
  );
}

/** Several messages in one segment. */
export function together(...steps: Step[]): Step[] {
  const parts = steps.flatMap((step) =>
    typeof step === "string" ? [] : [step.send]
  );
  const [last] = steps.slice(-1);
  const send = join(parts);
  // Reported are all of them: those before the last carry no bytes of their own.
  const named = steps.slice(0, -1).flatMap((step) =>
    typeof step === "string" || step.message === undefined
      ? []
      : [{ send: new Uint8Array(0), message: step.message }]
  );
  return typeof last === "object" && last.message !== undefined
    ? [...named, { send, message: last.message }]
    : [...named, { send }];
}

/** A message with another checksum than its payload's. */
export function sayWrongChecksum(
  context: BehaviourContext,
  { command, payload }: Outgoing,
): Step {
  const send = encodeFrame(context.magic, command, payload);
  send[CHECKSUM_OFFSET]! ^= 0xff;
  return { send, message: { command, payload } };
}

/** A header that announces `length` bytes, of which none follow. */
export function announce(
  { magic }: BehaviourContext,
  command: string,
  length: number,
): Step {
  const send = encodeFrame(magic, command, new Uint8Array(0));
  new DataView(send.buffer).setUint32(LENGTH_OFFSET, length, true);
  return { send };
}

/** The bytes of one message, each sent on its own. */
export function* spell(
  { magic }: BehaviourContext,
  message: Outgoing,
): Generator<Step> {
  const frame = encodeFrame(magic, message.command, message.payload);
  const last = frame.length - 1;
  for (let i = 0; i < last; i++) yield { send: frame.subarray(i, i + 1) };
  yield { send: frame.subarray(last), message };
}

/** One array of several. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
