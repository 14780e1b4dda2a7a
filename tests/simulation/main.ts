/**
 * `deno task simulate`: whole meshes under faults, in virtual time.
 *
 * Each seed makes one schedule (`schedule.ts`): nodes that join, leave, crash,
 * return with or without their memory and move, partitions, one-way cuts, delays,
 * half-open links, wrong and standing clocks, malicious peers. Invariants
 * (`invariants.ts`) are checked after every packet and timer; when the faults have
 * stopped the mesh must become whole and stay so, and closing must leave nothing.
 * The nodes are those of `src/`, unchanged but for clock, chance, transport and
 * store.
 *
 *     deno task simulate --seeds 100000            seeds 1 to 100000
 *     deno task simulate --from 7 --seeds 1 --trace     one, with all that happens
 *
 * Exit code 0 only if every schedule held; a seed that did not is printed with
 * the command that replays it, step for step. Kept seeds are in `found_seeds.ts`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { makeSchedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import { FailedSeed, simulate } from "./simulate.ts";
import { Tally } from "./tally.ts";

const HELP =
  `Usage: deno task simulate [--seeds N] [--from S] [--trace] [--shrink]

  --seeds N   how many seeds to run, default 500
  --from S    the first of them, default 1
  --trace     print all that happens
  --shrink    print the smallest schedule that fails like a failing one
`;

/** How often progress is shown, seeds. */
const PROGRESS_SEEDS = 500;

/** What was asked for. */
interface Asked {
  readonly from: number;
  readonly seeds: number;
  readonly trace: boolean;
  readonly shrink: boolean;
}

/** @throws {SyntaxError} when the arguments make no sense. */
function parse(args: readonly string[]): Asked | "help" {
  const {
    _: rest,
    help,
    trace,
    shrink,
    from = "1",
    seeds = "500",
    ...unknown
  } = parseArgs(
    [...args],
    {
      boolean: ["help", "trace", "shrink"],
      string: ["from", "seeds"],
    },
  );
  const [extra] = [...rest, ...Object.keys(unknown)];
  if (extra !== undefined) throw new SyntaxError(`There is no "${extra}"`);
  if (help) return "help";
  const numbers = { from: Number(from), seeds: Number(seeds) };
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new SyntaxError(`--${name} must be a whole number from 1 on`);
    }
  }
  return { ...numbers, trace: trace === true, shrink: shrink === true };
}

/** Runs the seeds; how many failed. */
async function run(asked: Asked): Promise<number> {
  const { from, seeds, trace } = asked;
  const tally = new Tally();
  let failed = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    try {
      const write = trace ? { write: (l: string) => console.log(l) } : {};
      tally.add(await simulate(seed, write));
    } catch (error) {
      if (!(error instanceof FailedSeed)) throw error;
      failed++;
      report(error, trace);
      if (asked.shrink) {
        const small = await shrink(makeSchedule(seed));
        console.log(JSON.stringify(small));
      }
    }
    const done = seed - from + 1;
    if (done % PROGRESS_SEEDS === 0 && done < seeds) {
      console.error(`${done} of ${seeds} schedules, ${failed} failed`);
    }
  }
  console.log(tally.text());
  console.log(
    failed === 0
      ? `All ${seeds} schedules held.`
      : `${failed} of ${seeds} schedules did not hold.`,
  );
  return failed;
}

function report(error: FailedSeed, traced: boolean): void {
  console.log(`FAILED ${error.message}`);
  if (traced) return;
  for (const line of error.lines) console.log(`  ${line}`);
  console.log(
    `replay: deno task simulate --from ${error.seed} --seeds 1 --trace`,
  );
}

if (import.meta.main) {
  try {
    const asked = parse(Deno.args);
    if (asked === "help") console.log(HELP);
    else Deno.exitCode = await run(asked) === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.error(`${error.message}\n${HELP}`);
    Deno.exitCode = 2;
  }
}
