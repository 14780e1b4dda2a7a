/** How soon the program is there, beside an empty Deno program. */
import { linesOf } from "../../../src/cli/lines.ts";
import type { Row } from "../report.ts";
import { median } from "../stats.ts";
import { alternate, type Line, type Settings } from "./line.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).href;
const CERTS = new URL("../../../certs/", import.meta.url).pathname;

/** What is run, and how many times as long as an empty program it may take. */
const PROGRAMS = {
  empty: { args: ["run", "data:application/javascript,console.log()"], aim: 0 },
  "verack --version": { args: ["run", MAIN, "--version"], aim: 2.9 },
  "a node with a key listens": {
    args: [
      ...[
        "run",
        "--v8-flags=--min-semi-space-size=8",
        "--allow-net=127.0.0.1",
        "--allow-read",
        MAIN,
      ],
      ...["run", "--json", "--host=127.0.0.1", "--port=0"],
      ...[`--key=${CERTS}alice.key`, `--cert=${CERTS}alice.crt`],
    ],
    aim: 3.9,
  },
} as const;

type Program = keyof typeof PROGRAMS;

/** Milliseconds until the first line of a program. */
export const start: Line = {
  name: "start",
  description: "until the version is printed, and until a node listens",
  async run({ rounds }: Settings, report: (row: Row) => void): Promise<void> {
    const names = Object.keys(PROGRAMS) as Program[];
    const results = await alternate(names, 3 * rounds, untilFirstLine);
    const empty = median(results.empty);
    for (const figure of names.slice(1)) {
      const verack = median(results[figure]);
      report({
        line: "start",
        figure,
        unit: "ms",
        verack,
        comparisons: [{
          with: "an empty program",
          doing: "as Deno starts it",
          value: empty,
          ratio: verack / empty,
          aim: { is: "at most", value: PROGRAMS[figure].aim },
        }],
      });
    }
  },
};

async function untilFirstLine(name: Program): Promise<number> {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...PROGRAMS[name].args],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  for await (const _ of linesOf(child.stdout)) break;
  const ms = performance.now() - started;
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
  await child.status;
  return ms;
}
