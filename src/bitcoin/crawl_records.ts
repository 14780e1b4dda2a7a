/**
 * Reads what a crawl has written, so that another can go on from there. The lines
 * are `crawl()`'s events as JSON.
 */
import { VerackError } from "../core/errors.ts";
import type { CrawlHeard, CrawlNode } from "./crawl_options.ts";
import { networkTypeOf, parseHeard } from "./network_type.ts";
import { PROBE_ERROR_KINDS, type ProbeErrorKind } from "./probe_result.ts";

/**
 * The nodes and addresses in the output of a crawl, line by line, for
 * `CrawlOptions.known`. Lines of other types are passed over, and so is a last
 * line that was cut, as a crawl that was killed leaves it.
 *
 * @param lines Without their line ends.
 * @throws {VerackError} `malformed` for any other line that no crawl wrote.
 */
export async function* parseCrawl(
  lines: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<CrawlNode | CrawlHeard, void, void> {
  let number = 0;
  let cut: VerackError | undefined;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    if (cut !== undefined) throw cut;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      cut = broken(number, "no JSON", { cause });
      continue;
    }
    const record = readRecord(value, number);
    if (record !== undefined) yield record;
  }
}

function readRecord(
  value: unknown,
  number: number,
): CrawlNode | CrawlHeard | undefined {
  if (!isObject(value) || typeof value.type !== "string") {
    throw broken(number, "no object with a type");
  }
  switch (value.type) {
    case "node":
      if (isNode(value)) return value;
      throw broken(number, "no node");
    case "heard":
      if (isHeard(value)) return value;
      throw broken(number, "no list of addresses");
    default:
      return undefined;
  }
}

function isNode(value: object): value is CrawlNode {
  const { visitedAt, networkType, told, result } = value as Partial<CrawlNode>;
  if (!isObject(result)) return false;
  const { address, ok, protocolVersion, services, userAgent, error } = result;
  const parsed = parseHeard(address);
  return parsed !== undefined && Number.isSafeInteger(visitedAt) &&
    Number.isSafeInteger(told) &&
    typeof ok === "boolean" && networkType === networkTypeOf(parsed.host) &&
    (ok
      ? Number.isInteger(protocolVersion) && isTexts(services) &&
        typeof userAgent === "string"
      : isObject(error) &&
        PROBE_ERROR_KINDS.includes(error.kind as ProbeErrorKind));
}

function isHeard(value: object): value is CrawlHeard {
  const { from, addresses } = value as Partial<CrawlHeard>;
  return typeof from === "string" && isTexts(addresses) &&
    addresses.every((it) => parseHeard(it) !== undefined);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function broken(
  number: number,
  is: string,
  options?: ErrorOptions,
): VerackError {
  return new VerackError(
    "malformed",
    `Cannot read crawl: line ${number} is ${is}, must be what a crawl has written`,
    options,
  );
}
