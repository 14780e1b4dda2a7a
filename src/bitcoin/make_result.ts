/** Puts together the result of a probe from what was seen of the peer. */
import { escapeText } from "../core/escape.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { ProbeError, ProbeEvent, ProbeResult } from "./probe_result.ts";
import type { Recorder } from "./recorder.ts";
import { serviceNames, servicesHex } from "./service_flags.ts";

/** What a result is made of. */
export interface ResultParts {
  readonly address: string;
  readonly network: string;
  readonly recorder: Recorder;
  readonly features: readonly string[];
  readonly error?: ProbeError;
}

/** `JSON.rawJSON` (ECMAScript proposal JSON.parse source text access): digits as they are. */
const RAW_JSON = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

const UTF8 = new TextDecoder();

/** The result at this moment. */
export function makeResult(parts: ResultParts): ProbeResult {
  return new Result(parts);
}

/** The same result of a session that has ended since. */
export function withEnd(result: ProbeResult, ended: ProbeError): ProbeResult {
  return result instanceof Result ? result.withEnd(ended) : result;
}

/**
 * Its own properties are the JSON contract, in that order, and none is there that
 * is unknown; what is for the library only is on the prototype.
 */
class Result implements ProbeResult {
  declare readonly address: string;
  declare readonly network: string;
  declare readonly ok: boolean;
  declare readonly protocolVersion?: number;
  declare readonly services?: readonly string[];
  declare readonly servicesHex?: string;
  declare readonly userAgent?: string;
  declare readonly startHeight?: number;
  declare readonly relay?: boolean;
  declare readonly timeOffsetSeconds?: number;
  declare readonly features?: readonly string[];
  declare readonly events: readonly ProbeEvent[];
  declare readonly durationMs: number;
  declare readonly error?: ProbeError;
  readonly #version: VersionMessage | undefined;
  readonly #offset: bigint | undefined;
  #ended: ProbeError | undefined;

  constructor(parts: ResultParts) {
    const { address, network, recorder, features, error } = parts;
    const { version } = recorder;
    this.#version = version;
    this.address = address;
    this.network = network;
    this.ok = error === undefined;
    if (version !== undefined) {
      this.#offset = timeOffset(version, recorder.versionAt);
      this.protocolVersion = version.version;
      this.services = serviceNames(version.services);
      this.servicesHex = servicesHex(version.services);
      this.userAgent = shown(version.userAgent);
      this.startHeight = version.startHeight;
      this.relay = version.relay;
      this.timeOffsetSeconds = Number(this.#offset);
      this.features = features;
    }
    this.events = recorder.events.slice();
    this.durationMs = recorder.elapsedMs;
    if (error !== undefined) this.error = error;
  }

  get version(): VersionMessage | undefined {
    return this.#version;
  }

  get ended(): ProbeError | undefined {
    return this.#ended;
  }

  withEnd(ended: ProbeError): this {
    this.#ended = ended;
    return this;
  }

  /** An offset beyond 2^53 keeps its digits in JSON. */
  toJSON(): Record<string, unknown> {
    const contract: Record<string, unknown> = {
      ...(this as ProbeResult),
    };
    const { timeOffsetSeconds: rounded } = this;
    if (rounded !== undefined && !Number.isSafeInteger(rounded) && RAW_JSON) {
      contract.timeOffsetSeconds = RAW_JSON(`${this.#offset}`);
    }
    return contract;
  }
}

/** Most user agents are plain ASCII, which is much faster to escape as text. */
function shown(userAgent: Uint8Array): string {
  const isPlain = userAgent.every((byte) => byte >= 0x20 && byte < 0x7f);
  return escapeText(isPlain ? UTF8.decode(userAgent) : userAgent);
}

/** Core: theirs minus ours; a negative time counts as 0. */
function timeOffset({ timestamp }: VersionMessage, nowMs: number): bigint {
  const theirs = timestamp < 0n ? 0n : timestamp;
  return theirs - BigInt(Math.floor(nowMs / 1_000));
}
