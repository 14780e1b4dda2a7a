/**
 * A connection whose writer behaves oddly: what the session writes goes through a
 * behaviour's rules (`behaviours.ts`), message by message. Reading is untouched.
 */
import { type Clock, sleep } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import type { Address } from "../transport/address.ts";
import type { Connection } from "../transport/transport.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import type {
  BehaviourContext,
  BehaviourRules,
  Outgoing,
  Step,
} from "./behaviour_steps.ts";

/** Settings of an {@linkcode OddConnection}. */
export interface OddConnectionOptions {
  readonly connection: Connection;
  readonly rules: BehaviourRules;
  readonly context: BehaviourContext;
  readonly clock: Clock;
  /** How long a pause is. */
  readonly delayMs: number;
  /** A message really leaves. */
  readonly onSend: (message: Outgoing) => void;
}

/** Owns the connection underneath from construction on. */
export class OddConnection implements Connection {
  readonly #options: OddConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #closing = new AbortController();
  /** What is done on connecting; writes come after it. */
  readonly #started: Promise<void>;

  /** Begins to behave at once. */
  constructor(options: OddConnectionOptions) {
    this.#options = options;
    const { context, rules } = options;
    this.#decoder = new FrameDecoder({
      magic: context.magic,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
    this.#started = this.#perform(rules.start?.(context) ?? [])
      // The session hears of it by its own reading and writing.
      .catch(() => {});
  }

  get localAddress(): Address {
    return this.#options.connection.localAddress;
  }

  get remoteAddress(): Address {
    return this.#options.connection.remoteAddress;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#options.connection.read(buffer);
  }

  /** Takes whole frames. Resolves when everything that follows from them is done. */
  async write(data: Uint8Array): Promise<number> {
    const { context, rules } = this.#options;
    await this.#started;
    this.#decoder.push(data);
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      const { command } = frame;
      const message = { command, payload: frame.payload.slice() };
      await this.#perform(rules.write?.(message, context) ?? []);
    }
    return data.length;
  }

  close(): void {
    this.#closing.abort(new VerackError("closed", "The connection is closed"));
    this.#options.connection.close();
  }

  async #perform(steps: Iterable<Step>): Promise<void> {
    const { clock, delayMs, onSend } = this.#options;
    const { signal } = this.#closing;
    for (const step of steps) {
      signal.throwIfAborted();
      if (step === "close") this.close();
      else if (step === "pause") await sleep(clock, delayMs, signal);
      else {
        if (step.message !== undefined) onSend(step.message);
        await this.#writeAll(step.send);
      }
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#options.connection.write(rest));
    }
  }
}
