/**
 * Messages and byte strings that `behaviours.ts` makes its answers of: right ones,
 * odd ones and broken ones.
 */
import { COMMAND } from "../wire/commands.ts";
import { encodeFrame } from "../wire/frame.ts";
import { encodeLegacyReject } from "../wire/messages/reason.ts";
import { encodePing } from "../wire/messages/ping.ts";
import { encodeVersion } from "../wire/messages/version.ts";
import {
  type BehaviourContext,
  join,
  type Outgoing,
  say,
  type Step,
} from "./behaviour_steps.ts";
import { NETWORKS } from "./networks.ts";

/** Length of `version` up to and including its nonce, bytes. */
export const VERSION_BYTES_TO_NONCE = 80;

const EMPTY = new Uint8Array(0);
const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/** Does something else instead of one message, and sends the others, or does what `rest` says. */
export function instead(
  command: string,
  act: (message: Outgoing, context: BehaviourContext) => Iterable<Step>,
  rest: (message: Outgoing, context: BehaviourContext) => Iterable<Step> = (
    message,
    context,
  ) => [pass(message, context)],
): (message: Outgoing, context: BehaviourContext) => Iterable<Step> {
  return (message, context) =>
    message.command === command
      ? act(message, context)
      : rest(message, context);
}

/** The message as it is. */
export function pass(message: Outgoing, context: BehaviourContext): Step {
  return say(context, message.command, message.payload);
}

/** The first half of the message. */
export function half(
  { command, payload }: Outgoing,
  { magic }: BehaviourContext,
): Step {
  const frame = encodeFrame(magic, command, payload);
  return { send: frame.subarray(0, frame.length >> 1) };
}

/** What Core and its ancestors send next; contents are of no matter to who ignores them. */
export function afterVerack(context: BehaviourContext): Step[] {
  return [
    say(context, COMMAND.sendcmpct, Uint8Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0)),
    say(context, COMMAND.sendheaders),
    say(context, COMMAND.ping, encodePing({ nonce: ALL_BITS })),
    say(context, COMMAND.getheaders, new Uint8Array(4 + 1 + 32 + 32)),
    say(context, COMMAND.feefilter, new Uint8Array(8)),
    say(context, COMMAND.alert, new Uint8Array(168)),
  ];
}

/** Random bytes that cannot be mistaken for a frame. */
export function noise(
  { magic, random }: BehaviourContext,
  length: number,
): Uint8Array {
  const bytes = random.bytes(length);
  if (bytes[0] === magic[0]) bytes[0]! ^= 0xff;
  return bytes;
}

/** The magic of a network that this is not. */
export function otherMagic(magic: Uint8Array): Uint8Array {
  const { mainnet, testnet4 } = NETWORKS;
  return magic.toHex() === mainnet.magic.toHex()
    ? testnet4.magic
    : mainnet.magic;
}

/** A frame whose command goes on behind its NULs. */
export function withCommandTail(frame: Uint8Array<ArrayBuffer>): Uint8Array {
  frame[4 + 11] = 0x78; // the last byte of the command, behind NULs
  return frame;
}

/** The version with this user agent and this encoding of its length. */
export function versionWithUserAgent(
  context: BehaviourContext,
  length: Uint8Array,
  userAgent: Uint8Array,
): Step {
  const payload = encodeVersion({ ...context.local, userAgent: EMPTY });
  return say(
    context,
    COMMAND.version,
    join([
      payload.subarray(0, VERSION_BYTES_TO_NONCE),
      length,
      userAgent,
      payload.subarray(VERSION_BYTES_TO_NONCE + 1),
    ]),
  );
}

/** So many letters. */
export function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(0x61);
}

/** `version`, 0x11 (obsolete), a reason, as BIP61 lays it out. */
export function rejection(): Uint8Array {
  const text = new TextEncoder();
  return encodeLegacyReject({
    command: text.encode("version"),
    code: 0x11,
    reason: text.encode("Version must be 99999 or greater"),
  });
}
