/**
 * A connection that alters what the session writes by the rules of a behaviour
 * (`behaviours.ts`), message by message. Reading is untouched.
 */
import { type Clock, type Random, sleep } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../wire/wire_limits.ts";
import type { Address } from "../transport/address.ts";
import type { Connection } from "../transport/transport.ts";
import { encodeFrame } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import type { VersionMessage } from "../wire/messages/version.ts";

/** A message that is about to be sent. */
export interface Outgoing {
  readonly command: string;
  readonly payload: Uint8Array;
}

/** Bytes, and the messages that they are. */
export interface OddBytes {
  readonly bytes: Uint8Array;
  readonly messages?: readonly Outgoing[];
}

/** One thing to do: send a message or some bytes, wait, or close. */
export type Step = Outgoing | OddBytes | "pause" | "close";

/** What a behaviour has access to. */
export interface BehaviourContext {
  readonly magic: Uint8Array;
  /** The version that Core's rules would send. */
  readonly local: VersionMessage;
  /** The client's version, once it came. */
  readonly remote: VersionMessage | undefined;
  readonly random: Random;
}

/** What is done in place of sending a message. */
export type Act = (
  message: Outgoing,
  context: BehaviourContext,
) => Iterable<Step>;

/** How a responder answers; empty for Core's rules. */
export interface BehaviourRules {
  /** Sent as soon as a client connects. */
  readonly start?: (context: BehaviourContext) => Iterable<Step>;
  /** By command; a message without an act is sent. */
  readonly on?: Readonly<Record<string, Act>>;
  /** For the commands that {@linkcode on} does not have. */
  readonly others?: Act;
}

/** Settings of an {@linkcode OddConnection}. */
export interface OddConnectionOptions {
  readonly connection: Connection;
  readonly rules: BehaviourRules;
  readonly context: BehaviourContext;
  readonly clock: Clock;
  /** How long a pause is. */
  readonly delayMs: number;
  /** Called with each message that is sent. */
  readonly onSend: (message: Outgoing) => void;
}

/** Owns the connection underneath. */
export class OddConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly #options: OddConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #closing = new AbortController();
  /** What is done on connecting; writes come after it. */
  readonly #started: Promise<void>;

  /** Begins to behave at once. */
  constructor(options: OddConnectionOptions) {
    this.#options = options;
    const { connection, context, rules } = options;
    this.localAddress = connection.localAddress;
    this.remoteAddress = connection.remoteAddress;
    this.#decoder = new FrameDecoder({
      magic: context.magic,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
    this.#started = this.#perform(rules.start?.(context) ?? [])
      // The session notices it when it reads or writes.
      .catch(() => {});
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#options.connection.read(buffer);
  }

  /** Writes whole frames; resolves when all that is sent in their place has been written. */
  async write(data: Uint8Array): Promise<number> {
    const { context, rules: { on, others } } = this.#options;
    await this.#started;
    this.#decoder.push(data);
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      const { command } = frame;
      const message = { command, payload: frame.payload.slice() };
      const act = on?.[command] ?? others;
      await this.#perform(act?.(message, context) ?? [message]);
    }
    return data.length;
  }

  close(): void {
    this.#closing.abort(new VerackError("closed", "The connection is closed"));
    this.#options.connection.close();
  }

  async #perform(steps: Iterable<Step>): Promise<void> {
    const { clock, delayMs, context } = this.#options;
    const { signal } = this.#closing;
    for (const step of steps) {
      signal.throwIfAborted();
      if (step === "close") this.close();
      else if (step === "pause") await sleep(clock, delayMs, signal);
      else if ("bytes" in step) await this.#send(step);
      else await this.#send(encoded([step], context));
    }
  }

  async #send({ bytes, messages = [] }: OddBytes): Promise<void> {
    const { connection, onSend } = this.#options;
    for (const message of messages) onSend(message);
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await connection.write(rest));
    }
  }
}

/** Messages as one block of bytes. */
export function encoded(
  messages: readonly Outgoing[],
  { magic }: Pick<BehaviourContext, "magic">,
): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly messages: readonly Outgoing[];
} {
  const frames = messages.map(({ command, payload }) =>
    encodeFrame(magic, command, payload)
  );
  return { bytes: joinBytes(frames), messages };
}

/** One array of several. */
export function joinBytes(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
