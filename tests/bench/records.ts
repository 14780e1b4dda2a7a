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
  /** The fewest, where runs differ. */
  readonly rounds: number;
  readonly mostRounds?: number;
}

/** All that was measured, in one run or in several. */
export interface Records {
  /** The last one, with the rounds of all. */
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
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const record = parseLine(line, at + 1);
    if (record.type === "run") run = joined(run, record as Run);
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

function joined(before: Run | undefined, run: Run): Run {
  if (before === undefined) return run;
  const { rounds, mostRounds = rounds } = before;
  return {
    ...run,
    rounds: Math.min(rounds, run.rounds),
    mostRounds: Math.max(mostRounds, run.rounds),
  };
}

// deno-lint-ignore no-explicit-any -- as JSON.parse()
function parseLine(text: string, number: number): any {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError(
      `Line ${number} is no JSON, must be what --json printed`,
    );
  }
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
