/**
 * `deno task simulate`: whole meshes under faults, in virtual time.
 *
 * Each seed makes one schedule of each kind of mesh. Open (`schedule.ts`): nodes that join, leave, crash,
 * return with or without their memory and move, partitions, one-way cuts, delays,
 * half-open links, wrong and standing clocks, malicious peers, messages. Closed
 * (`closed_schedule.ts`): the same with invites, denials and strangers. Invariants
 * (`invariants.ts`, `watch.ts`, `mail.ts`) are checked after every packet and
 * timer; when the faults have stopped the mesh must become whole and stay so, and
 * closing must leave nothing. The nodes are those of `src/`, unchanged but for
 * clock, chance, transport and store.
 *
 *     deno task simulate --seeds 100000                seeds 1 to 100000
 *     deno task simulate --from 7 --seeds 1 --trace    one, with all that happens
 *
 * Exit code 0 only if every schedule held; a seed that did not is printed with
 * the command that replays it, step for step. Schedules that once did not hold are
 * kept in `found_seeds.ts`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { runJobs } from "./jobs.ts";
import { type Kind, KINDS, SCHEDULES } from "./kinds.ts";
import { type Report, runSeed } from "./report.ts";
import { shrink } from "./shrink.ts";
import { Tally } from "./tally.ts";

const HELP =
  `Usage: deno task simulate [--seeds N] [--from S] [--mesh KIND] [--jobs N]
       deno task simulate --from S --mesh KIND --seeds 1 --trace | --shrink

  --seeds N   how many seeds to run, default 500
  --from S    the first of them, default 1
  --mesh KIND ${KINDS.join(", ")}; default each of them
  --jobs N    in so many threads, default one a processor
  --trace     print all that happens
  --shrink    print the smallest schedule that fails like a failing one
`;

/** How often progress is shown, seeds. */
const PROGRESS_SEEDS = 500;

/** What was asked for. */
interface Asked {
  readonly from: number;
  readonly seeds: number;
  readonly kinds: readonly Kind[];
  readonly jobs: number;
  readonly trace: boolean;
  readonly shrink: boolean;
}

/** @throws {SyntaxError} when the arguments make no sense. */
function parse(args: readonly string[]): Asked | "help" {
  const { _: rest, help, mesh, trace, shrink, ...texts } = parseArgs(
    [...args],
    {
      boolean: ["help", "trace", "shrink"],
      string: ["from", "seeds", "jobs", "mesh"],
    },
  );
  const numbers = {
    from: 1,
    seeds: 500,
    jobs: navigator.hardwareConcurrency,
  };
  const [extra] = [
    ...rest,
    ...Object.keys(texts).filter((name) => !Object.hasOwn(numbers, name)),
  ];
  if (extra !== undefined) throw new SyntaxError(`There is no "${extra}"`);
  if (help) return "help";
  const kinds = KINDS.filter((kind) => mesh === undefined || mesh === kind);
  if (kinds.length === 0) {
    throw new SyntaxError(`--mesh must be one of ${KINDS.join(", ")}`);
  }
  for (const [name, text] of Object.entries(texts)) {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new SyntaxError(`--${name} must be a whole number from 1 on`);
    }
    Object.assign(numbers, { [name]: value });
  }
  return { ...numbers, kinds, trace: trace === true, shrink: shrink === true };
}

/** Runs the seeds for one kind of mesh; how many failed. */
async function run(asked: Asked, kind: Kind): Promise<number> {
  const { from, seeds, trace } = asked;
  const tally = new Tally();
  const failed: number[] = [];
  let done = 0;
  const onReport = (report: Report) => {
    if (report.held) tally.add(report.outcome);
    else {
      failed.push(report.seed);
      show(report, trace);
    }
    if (++done % PROGRESS_SEEDS === 0 && done < seeds) {
      console.error(`${done} of ${seeds} schedules, ${failed.length} failed`);
    }
  };
  if (trace) {
    for (let seed = from; seed < from + seeds; seed++) {
      onReport(await runSeed(kind, seed, (line) => console.log(line)));
    }
  } else await runJobs({ kind, from, count: seeds }, asked.jobs, onReport);
  for (const seed of asked.shrink ? failed : []) {
    console.log(JSON.stringify(await shrink(SCHEDULES[kind](seed))));
  }
  console.log(tally.text());
  console.log(
    failed.length === 0
      ? `All ${seeds} schedules of ${kind} meshes held.`
      : `${failed.length} of ${seeds} schedules of ${kind} meshes did not hold.`,
  );
  return failed.length;
}

function show(
  report: Extract<Report, { held: false }>,
  traced: boolean,
): void {
  console.log(`FAILED ${report.message}`);
  if (traced) return;
  for (const line of report.lines) console.log(`  ${line}`);
  console.log(
    `replay: deno task simulate --mesh ${report.kind} --from ${report.seed} --seeds 1 --trace`,
  );
}

if (import.meta.main) {
  try {
    const asked = parse(Deno.args);
    if (asked === "help") console.log(HELP);
    else {
      for (const kind of asked.kinds) {
        if (await run(asked, kind) > 0) Deno.exitCode = 1;
      }
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.error(`${error.message}\n${HELP}`);
    Deno.exitCode = 2;
  }
}
