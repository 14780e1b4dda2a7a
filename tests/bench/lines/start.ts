/** How soon the program is there, beside an empty Deno program. */
import { linesOf } from "../../../src/cli/lines.ts";
import { median } from "../stats.ts";
import { type Line, VERACK } from "./line.ts";

const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).href;
const CERTS = new URL("../../../certs/", import.meta.url).pathname;
const EMPTY = ["run", "data:application/javascript,console.log()"];
/** As `deno task verack` runs it. */
const LAZY = "--unstable-lazy-dynamic-imports";
/** What is run, and how many times as long as an empty program it may take. */
const PROGRAMS = [
  {
    name: "verack --version",
    args: ["run", LAZY, "--allow-read", MAIN, "--version"],
    ofEmpty: 2.5,
  },
  {
    name: "a node with a key listens",
    args: [
      ...[
        "run",
        LAZY,
        "--v8-flags=--min-semi-space-size=8",
        "--allow-net=127.0.0.1",
        "--allow-read",
        MAIN,
      ],
      ...["run", "--json", "--host=127.0.0.1", "--port=0"],
      ...[`--key=${CERTS}alice.key`, `--cert=${CERTS}alice.crt`],
    ],
    ofEmpty: 4,
  },
];
/** Runs of each program in a round. */
const RUNS = 5;
const AN_EMPTY_PROGRAM = "an empty program";

/** Milliseconds until the first line of a program. */
export const start: Line = {
  name: "start",
  description: "until the version is printed, and until a node listens",
  secondsARound: 2,
  figures: PROGRAMS.map(({ name, ofEmpty }) => ({
    name,
    unit: "ms",
    better: "lower",
    ratios: { [AN_EMPTY_PROGRAM]: ofEmpty },
  })),
  contenders: () => [{
    name: VERACK,
    doing: "",
    measure: async () => {
      const values: Record<string, number> = {};
      for (const { name, args } of PROGRAMS) {
        values[name] = await untilFirstLine(args);
      }
      return values;
    },
  }, {
    name: AN_EMPTY_PROGRAM,
    doing: "as Deno starts it",
    measure: async () => {
      const ms = await untilFirstLine(EMPTY);
      return Object.fromEntries(PROGRAMS.map(({ name }) => [name, ms]));
    },
  }],
};

/** Median of some runs. */
async function untilFirstLine(args: string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    const child = new Deno.Command(Deno.execPath(), {
      args,
      stdout: "piped",
      stderr: "null",
    }).spawn();
    for await (const _ of linesOf(child.stdout)) break;
    times.push(performance.now() - started);
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
  }
  return median(times);
}
