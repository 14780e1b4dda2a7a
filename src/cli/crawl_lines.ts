/**
 * How a crawl looks to people: a line a node, and counts at the end. What
 * programs read is the events' own JSON. Text of peers is escaped already.
 */
import type {
  CrawlEvent,
  CrawlNode,
  CrawlSummary,
} from "../bitcoin/crawl_events.ts";
import { milliseconds } from "./probe_lines.ts";
import type { Palette } from "./terminal.ts";

const MARK_CHARS = 6;
/** Rows of one table of the summary; the rest are added up. */
const MAX_ROWS = 10;

/** The line of an event, or `undefined` for what is not worth one. */
export function crawlLine(
  event: CrawlEvent,
  colors: Palette,
): string | undefined {
  switch (event.type) {
    case "node":
      return nodeLine(event, colors);
    case "heard":
      return undefined; // A node's own line says how many it told.
    case "seed-failed":
      return `${
        colors.yellow("seed".padEnd(MARK_CHARS))
      }${event.seed}  ${event.message}`;
    case "summary":
      return ["", ...summaryLines(event, colors)].join("\n");
    default:
      return event satisfies never;
  }
}

function nodeLine({ result, told }: CrawlNode, colors: Palette): string {
  const { ok, address, error, protocolVersion, userAgent, durationMs } = result;
  const mark = ok
    ? colors.green("ok".padEnd(MARK_CHARS))
    : colors.red("fail".padEnd(MARK_CHARS));
  const time = colors.dim(`${milliseconds(durationMs)} ms`);
  return error === undefined
    ? `${mark}${
      colors.bold(address)
    }  ${time}  told ${told}  protocol ${protocolVersion}  agent ${
      userAgent || "none"
    }`
    : `${mark}${colors.bold(address)}  ${time}  ${error.kind}`;
}

/** The counts; without `unvisited` of a crawl that did not come to its end. */
export function summaryLines(
  summary: Omit<CrawlSummary, "unvisited"> & { readonly unvisited?: number },
  colors: Palette,
): string[] {
  const { visited, ok, failed, unvisited, durationMs, network } = summary;
  const kinds = Object.entries(failed);
  const lost = kinds.reduce((sum, [, n]) => sum + n, 0);
  return [
    `${colors.bold(`${network}:`)} ${visited} visited, ${ok} ok${
      lost === 0
        ? ""
        : `, ${lost} failed (${
          kinds.map(([kind, n]) => `${n} ${kind}`).join(", ")
        })`
    }, ${
      unvisited === undefined ? "interrupted" : `${unvisited} not visited`
    } ${colors.dim(`in ${(durationMs / 1_000).toFixed(1)} s`)}`,
    ...table("user agents", summary.userAgents, colors),
    ...table("protocol versions", summary.protocolVersions, colors),
    ...table("services", summary.services, colors),
    ...table("networks", summary.networkTypes, colors),
    ...table("addresses heard", summary.heard, colors),
  ];
}

function table(
  title: string,
  counts: Readonly<Record<string, number>>,
  colors: Palette,
): string[] {
  const rows = Object.entries(counts).sort(([, m], [, n]) => n - m);
  if (rows.length === 0) return [];
  const shown = rows.slice(0, MAX_ROWS);
  const rest = rows.slice(MAX_ROWS);
  if (rest.length > 0) {
    const sum = rest.reduce((total, [, n]) => total + n, 0);
    shown.push([`${rest.length} others`, sum]);
  }
  const width = Math.max(...shown.map(([, n]) => `${n}`.length));
  return [
    colors.bold(title),
    ...shown.map(([name, n]) =>
      `  ${`${n}`.padStart(width)}  ${name || "none"}`
    ),
  ];
}
