/**
 * `deno task bench`: each figure of verack beside bare Deno sockets that do the
 * same work in the same run. Prints a table, or JSON lines with `--json`.
 *
 * Every load runs in child processes (`peers/`), so that what one line leaves
 * behind does not burden the next; nothing is asserted but that all messages come.
 */
import { parseArgs } from "@std/cli/parse-args";
import { bitcoin, bitcoinMemory } from "./lines/bitcoin.ts";
import { burst, session } from "./lines/session.ts";
import { delay } from "./lines/delay.ts";
import { fanout } from "./lines/fanout.ts";
import { broadcast } from "./lines/broadcast.ts";
import type { Line } from "./lines/line.ts";
import { memory, mesh } from "./lines/mesh.ts";
import { start } from "./lines/start.ts";
import { answers, messages } from "./lines/messages.ts";
import { roundtrip, throughput } from "./lines/throughput.ts";
import { trickle } from "./lines/trickle.ts";
import { BENCH } from "../interop/place.ts";
import { findNetworks } from "./networks.ts";
import { openingSizes } from "./opening_sizes.ts";
import { json as toJson, type Row, table, tally } from "./report.ts";

const LINES: readonly Line[] = [
  session,
  burst,
  trickle,
  throughput,
  roundtrip,
  fanout,
  messages,
  answers,
  delay,
  broadcast,
  mesh,
  memory,
  bitcoin,
  bitcoinMemory,
  start,
];
const DEFAULT_ROUNDS = 4;
const FLAGS = ["only", "rounds", "json", "help"];
const HELP = `Usage: deno task bench [--only NAME]… [--rounds N] [--json]

  --only NAME   run one line; may be given several times
  --rounds N    rounds a figure, default ${DEFAULT_ROUNDS}
  --json        one object a line, a summary last

Lines:
${
  LINES.map(({ name, description }) => `  ${name.padEnd(16)}${description}`)
    .join("\n")
}
`;

/** What was asked for. */
interface Asked {
  readonly lines: readonly Line[];
  readonly rounds: number;
  readonly json: boolean;
}

/** @throws {SyntaxError} when the arguments make no sense. */
function parse(args: readonly string[]): Asked | "help" {
  const { _: rest, ...flags } = parseArgs([...args], {
    boolean: ["json", "help"],
    string: ["only", "rounds"],
    collect: ["only"],
  });
  const unknown = [...rest, ...Object.keys(flags)]
    .find((name) => !FLAGS.includes(`${name}`));
  if (unknown !== undefined) {
    throw new SyntaxError(`Unknown argument ${unknown}`);
  }
  if (flags.help) return "help";
  const only = flags.only as string[];
  const rounds = Number(flags.rounds ?? DEFAULT_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new SyntaxError(`--rounds is ${flags.rounds}, must be 1 or more`);
  }
  for (const name of only) {
    if (!LINES.some((line) => line.name === name)) {
      throw new SyntaxError(
        `--only is ${name}, must be one of ${
          LINES.map((line) => line.name).join(", ")
        }`,
      );
    }
  }
  return {
    lines: LINES.filter(({ name }) => only.length === 0 || only.includes(name)),
    rounds,
    json: flags.json === true,
  };
}

async function run({ lines, rounds, json }: Asked): Promise<void> {
  const started = performance.now();
  const settings = {
    rounds,
    opening: await openingSizes(),
    networks: await findNetworks(),
  };
  if (settings.networks === undefined) {
    console.error(
      `The ${BENCH.title} are not measured, install them first: ${BENCH.command}`,
    );
  }
  const rows: Row[] = [];
  for (const line of lines) {
    console.error(`${line.name}: ${line.description} …`);
    await line.run(settings, (row) => {
      rows.push(row);
      if (json) console.log(toJson(row));
    });
  }
  const seconds = Math.round((performance.now() - started) / 1_000);
  const { aims, missed } = tally(rows);
  if (json) {
    console.log(
      JSON.stringify({
        type: "summary",
        deno: Deno.version.deno,
        rounds,
        seconds,
        rows: rows.length,
        aims,
        missed,
      }),
    );
    return;
  }
  console.log(`\n${table(rows)}\n`);
  console.log(
    `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores, ${rounds} rounds, ${seconds} s. ` +
      `Ratio: verack ÷ the other; ${missed} of ${aims} aims missed.`,
  );
}

if (import.meta.main) {
  try {
    const asked = parse(Deno.args);
    if (asked === "help") console.log(HELP);
    else await run(asked);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.error(`${error.message}, see --help`);
    Deno.exitCode = 2;
  }
}
