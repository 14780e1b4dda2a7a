/** Puts together the result of a probe from what was seen of the peer. */
import { escapeText } from "../escape.ts";
import type { VersionMessage } from "../wire/messages/version.ts";
import type { ProbeError, ProbeResult } from "./probe_result.ts";
import type { Recorder } from "./recorder.ts";
import { serviceNames, servicesHex } from "./service_flags.ts";

/** What a result is made of. */
export interface ResultParts {
  readonly address: string;
  readonly network: string;
  readonly recorder: Recorder;
  readonly features: readonly string[];
  readonly error: ProbeError | undefined;
}

/** `JSON.rawJSON` (ECMAScript proposal JSON.parse source text access): digits as they are. */
const RAW_JSON = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON;

/**
 * The result at this moment. Its enumerable properties are the JSON contract,
 * and none is `undefined`.
 */
export function makeResult(parts: ResultParts): ProbeResult {
  const { address, network, recorder, features, error } = parts;
  const { version } = recorder;
  const offset = version && timeOffset(version, recorder.versionAt);
  const result = {
    address,
    network,
    ok: error === undefined,
    ...(version && {
      protocolVersion: version.version,
      services: serviceNames(version.services),
      servicesHex: servicesHex(version.services),
      userAgent: escapeText(version.userAgent),
      startHeight: version.startHeight,
      relay: version.relay,
      timeOffsetSeconds: Number(offset),
      features: [...features],
    }),
    events: [...recorder.events],
    durationMs: recorder.elapsedMs,
    ...(error && { error }),
  };
  return addHidden(result, {
    ...(version && { version }),
    toJSON: () => ({ ...result, ...exactOffset(offset) }),
  });
}

/** The same result of a session that has ended since. */
export function withEnd(result: ProbeResult, ended: ProbeError): ProbeResult {
  const { version, toJSON } = result;
  const hidden = { ...(version && { version }), ended, toJSON };
  return addHidden({ ...result }, hidden);
}

/** Properties that neither JSON nor `{ ...result }` has. */
function addHidden<T extends object, H extends object>(
  result: T,
  hidden: H,
): T & H {
  for (const [name, value] of Object.entries(hidden)) {
    Object.defineProperty(result, name, { value, enumerable: false });
  }
  return result as T & H;
}

/** Core: theirs minus ours; a negative time counts as 0. */
function timeOffset({ timestamp }: VersionMessage, nowMs: number): bigint {
  const theirs = timestamp < 0n ? 0n : timestamp;
  return theirs - BigInt(Math.floor(nowMs / 1_000));
}

/** An offset beyond 2^53 keeps its digits in JSON. */
function exactOffset(offset: bigint | undefined): Record<string, unknown> {
  if (offset === undefined || Number.isSafeInteger(Number(offset))) return {};
  return RAW_JSON === undefined
    ? {}
    : { timeOffsetSeconds: RAW_JSON(`${offset}`) };
}
