/**
 * `deno task mutants`: takes one security check after another out of the code and
 * runs the tests that must notice. Exits with 1 if they did not notice one, if a
 * snippet is not found, or if they fail without any mutant.
 *
 *     deno task mutants [--only TEXT] [--sample N] [--seed S] [--workers N] [--timeout S]
 */
import { parseArgs } from "@std/cli/parse-args";
import type { Mutant } from "./mutant.ts";
import { Copy, type Outcome } from "./run.ts";
import { MUTANTS } from "./table.ts";

const flags = parseArgs(Deno.args, {
  string: ["only", "sample", "seed", "workers", "timeout"],
});

/** A flag, or what stands for it. */
function flag(name: string, otherwise: string): string {
  const value = flags[name];
  return typeof value === "string" ? value : otherwise;
}

/** Every n-th, from a place that the seed tells; all if `size` is 0. */
function sample(
  all: readonly Mutant[],
  size: number,
  seed: number,
): readonly Mutant[] {
  if (size === 0 || size >= all.length) return all;
  return Array.from(
    { length: size },
    (_, i) => all[(seed + Math.floor(i * all.length / size)) % all.length]!,
  );
}

const mutants = sample(
  MUTANTS.filter(({ name }) => name.includes(flag("only", ""))),
  Number(flag("sample", "0")),
  Number(flag("seed", "1")),
);
const timeoutMs = Number(flag("timeout", "180")) * 1_000;

const counts = new Map<Outcome, number>();
let baselineFailed = false;

/** What a worker does next, in its copy of the repository. */
type Job = (copy: Copy) => Promise<void>;

/** Without this a test that fails anyway would kill every mutant. */
const checkBaseline: Job = async (copy) => {
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
  const { outcome, output } = await copy.run(tests, 10 * timeoutMs);
  if (outcome === "survived") return;
  baselineFailed = true;
  console.error(output);
  console.error("The tests fail without any mutant: fix them first");
};

const tryMutant = (mutant: Mutant): Job => async (copy) => {
  const { outcome, output } = await copy.try(mutant, timeoutMs);
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  console.log(`${outcome.padEnd(13)} ${mutant.name}`);
  if (outcome === "broken") console.error(output);
};

const jobs: Job[] = [checkBaseline, ...mutants.map(tryMutant)];

async function work(): Promise<void> {
  using copy = new Copy();
  for (let job = jobs.shift(); job; job = jobs.shift()) await job(copy);
}

await Promise.all(
  Array.from({ length: Number(flag("workers", "2")) }, work),
);
const summary = [...counts].map(([outcome, count]) => `${count} ${outcome}`);
console.log(`${mutants.length} mutants: ${summary.join(", ")}`);
if (baselineFailed || counts.has("survived") || counts.has("broken")) {
  Deno.exit(1);
}
