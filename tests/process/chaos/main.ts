/**
 * `deno task chaos`: rounds of real faults on real processes for as long as you
 * like. Prints what it does and the figures; exits 1 when a round does not heal,
 * with the command that draws the same faults again.
 */
import { parseArgs } from "@std/cli/parse-args";
import { LOOPBACK } from "./member.ts";
import { figures } from "./report.ts";
import { processRound } from "./rounds.ts";
import { Swarm } from "./swarm.ts";

const HELP = `Usage: deno task chaos [--rounds N] [--nodes N] [--seed S]

  --rounds N   rounds of faults, default 20
  --nodes N    nodes, default 8, at least 5
  --seed S     what happens; the moments are the machine's
`;

const { rounds, nodes, seed, help } = parse(Deno.args);
if (help) {
  console.log(HELP);
  Deno.exit(0);
}

const began = performance.now();
const log = (line: string) => {
  const seconds = ((performance.now() - began) / 1_000).toFixed(2);
  console.log(`${seconds.padStart(8)}  ${line}`);
};
const replay =
  `deno task chaos --rounds ${rounds} --nodes ${nodes} --seed ${seed}`;
log(replay);
try {
  await using swarm = await Swarm.start({
    places: Array.from({ length: nodes }, () => LOOPBACK),
    seed,
    flags: [],
    log,
  });
  for (let round = 1; round <= rounds; round++) {
    log(`round ${round}`);
    await processRound(swarm, { stopMs: 4_000 });
  }
  for (const line of figures(swarm)) console.log(line);
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  console.log(`FAILED; again: ${replay}`);
  Deno.exitCode = 1;
}

function parse(
  args: string[],
): { rounds: number; nodes: number; seed: number; help: boolean } {
  const { _: rest, help, ...given } = parseArgs(args, {
    boolean: ["help"],
    string: ["rounds", "nodes", "seed"],
  });
  const unknown = [...rest, ...Object.keys(given)]
    .filter((name) => !["rounds", "nodes", "seed"].includes(String(name)));
  if (unknown.length > 0) {
    console.error(`Unknown argument ${unknown[0]}\n${HELP}`);
    Deno.exit(2);
  }
  const number = (text: unknown, fallback: number, least: number) => {
    const value = text === undefined ? fallback : Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    console.error(`${text} is no number of at least ${least}\n${HELP}`);
    Deno.exit(2);
  };
  return {
    rounds: number(given.rounds, 20, 1),
    nodes: number(given.nodes, 8, 5),
    seed: number(
      given.seed,
      crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
      0,
    ),
    help: help === true,
  };
}
