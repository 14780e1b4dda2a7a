/** What `--json` printed, read again. Pure. */
import type { Comparison, Row } from "./report.ts";

/** Where and when it was measured. */
export interface Run {
  /** ISO 8601. */
  readonly date: string;
  readonly deno: string;
  readonly cores: number;
  /** Operating system and processor. */
  readonly system: string;
  readonly rounds: number;
}

/** All that was measured, in one run or in several. */
export interface Records {
  /** The last one. */
  readonly run: Run;
  /** Each figure once, as it was measured last. */
  readonly rows: readonly Row[];
  /** Remarks on what was not measured. */
  readonly notes: readonly string[];
}

/** @throws {SyntaxError} when it is no output of `--json`. */
export function parseRecords(text: string): Records {
  let run: Run | undefined;
  const rows = new Map<string, Row>();
  const notes = new Set<string>();
  for (const line of text.split("\n").filter((it) => it.trim() !== "")) {
    const record = JSON.parse(line);
    if (record.type === "run") run = record as Run;
    else if (record.type === "note") notes.add(record.text);
    else if (record.type === "row") {
      const { line, figure } = record as Row;
      rows.set(`${line}: ${figure}`, rowOf(record));
    }
  }
  if (run === undefined) {
    throw new SyntaxError("There is no run in it, must be what --json printed");
  }
  return { run, rows: [...rows.values()], notes: [...notes] };
}

function rowOf(record: Row): Row {
  return {
    ...record,
    rounds: roundsOf(record),
    comparisons: record.comparisons.map((it) => ({
      ...it,
      rounds: roundsOf(it),
    })),
  };
}

/** JSON has no infinity. */
function roundsOf(
  { rounds }: { readonly rounds: Comparison["rounds"] },
): number[] {
  return (rounds as (number | null)[]).map((it) => it ?? Infinity);
}
