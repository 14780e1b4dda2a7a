/**
 * `deno task bench`: each figure of verack beside bare Deno sockets that do the
 * same work in the same run, and beside other peer networks. Prints a table, or
 * JSON lines with `--json`.
 *
 * Nothing is asserted but that all messages come. How rounds are run is in
 * `contest.ts`, how they are judged in `report.ts`.
 */
import { parseArgs } from "@std/cli/parse-args";
import { BENCH, installCommand, INTEROP } from "../interop/place.ts";
import { contest, roundsOf } from "./contest.ts";
import { FilePlace } from "./file_place.ts";
import { bitcoin, bitcoinMemory } from "./lines/bitcoin.ts";
import { broadcast } from "./lines/broadcast.ts";
import { delay } from "./lines/delay.ts";
import { fairness } from "./lines/fairness.ts";
import { fanout } from "./lines/fanout.ts";
import { file, fileMemory } from "./lines/file.ts";
import { forward } from "./lines/forward.ts";
import { growing } from "./lines/growing.ts";
import type { Line, Settings } from "./lines/line.ts";
import { memory, mesh } from "./lines/mesh.ts";
import { answers, messages } from "./lines/messages.ts";
import { request } from "./lines/request.ts";
import { relay } from "./lines/relay.ts";
import { burst, session } from "./lines/session.ts";
import { start } from "./lines/start.ts";
import { stream } from "./lines/stream.ts";
import { roundtrip, throughput } from "./lines/throughput.ts";
import { watching } from "./lines/watching.ts";
import { trickle } from "./lines/trickle.ts";
import { findNetworks } from "./networks.ts";
import { openingSizes } from "./opening_sizes.ts";
import { publish } from "./publish.ts";
import {
  json as toJson,
  roundsText,
  type Row,
  table,
  tally,
} from "./report.ts";

const LINES: readonly Line[] = [
  session,
  burst,
  trickle,
  throughput,
  roundtrip,
  fanout,
  messages,
  answers,
  broadcast,
  request,
  stream,
  file,
  fileMemory,
  forward,
  relay,
  fairness,
  delay,
  mesh,
  memory,
  watching,
  bitcoin,
  bitcoinMemory,
  start,
  growing,
];
const DEFAULT_ROUNDS = 4;
const DEFAULT_FILE_BYTES = 1_000_000_000;
const INSTALL = installCommand(BENCH, INTEROP);
const HELP =
  `Usage: deno task bench [--only NAME]… [--skip NAME]… [--rounds N] [--json]
                       [--file-bytes N]
       deno task bench --publish FILE

  --only NAME        run one line; may be given several times
  --skip NAME        run all lines but this; may be given several times
  --rounds N         rounds of each contender, default ${DEFAULT_ROUNDS}
  --file-bytes N     size of the file of the line "file", default ${
    DEFAULT_FILE_BYTES.toLocaleString("en")
  };
                     twice as much for "file-memory" and "fairness"
  --json             one object a line, a summary last
  --unacknowledged   measure messages of the others without acknowledgements too,
                     and gossipsub, which has none
  --publish FILE     write the tables of docs/benchmarks.md and the chart
                     docs/benchmarks.svg from what --json printed, in one run or more;
                     figures that are not in FILE leave the page
  --help             show this

Other networks and Bitcoin initiators are measured if they are installed, by:

  ${INSTALL}

In each round every contender has its turn, in fresh processes that warm up first.
Best is the quickest or smallest of the rounds, and aims are judged by the ratio of
the best rounds. A run of all lines takes ${minutes(LINES, DEFAULT_ROUNDS)}, ${
    minutes(LINES.filter((it) => it !== growing), DEFAULT_ROUNDS)
  } without "growing".

Lines, with seconds a round:
${
    LINES.map(({ name, description, secondsARound }) =>
      `  ${name.padEnd(16)}${`${secondsARound}`.padStart(3)}  ${description}`
    ).join("\n")
  }
`;

/** What was asked for. */
interface Asked {
  readonly lines: readonly Line[];
  readonly rounds: number;
  readonly fileBytes: number;
  readonly json: boolean;
  readonly unacknowledged: boolean;
  readonly publish: string | undefined;
}

/** @throws {SyntaxError} when the arguments make no sense. */
function parse(args: readonly string[]): Asked | "help" {
  const options = {
    boolean: ["json", "unacknowledged", "help"],
    string: ["only", "skip", "rounds", "file-bytes", "publish"],
    collect: ["only", "skip"],
  };
  const { _: rest, ...flags } = parseArgs([...args], options);
  const known = [...options.boolean, ...options.string];
  const unknown = [...rest, ...Object.keys(flags)]
    .find((name) => !known.includes(`${name}`));
  if (unknown !== undefined) {
    throw new SyntaxError(`Unknown argument ${unknown}`);
  }
  if (flags.help) return "help";
  const number = (
    name: string,
    value: unknown,
    fallback: number,
  ) => {
    const number = Number(value ?? fallback);
    if (Number.isSafeInteger(number) && number >= 1) return number;
    throw new SyntaxError(`--${name} is ${value}, must be 1 or more`);
  };
  const { only, skip } = flags as unknown as Record<"only" | "skip", string[]>;
  for (const name of [...only, ...skip]) {
    if (LINES.some((line) => line.name === name)) continue;
    const names = LINES.map((line) => line.name).join(", ");
    throw new SyntaxError(`There is no line ${name}, must be one of ${names}`);
  }
  return {
    lines: LINES.filter(({ name }) =>
      (only.length === 0 || only.includes(name)) && !skip.includes(name)
    ),
    rounds: number("rounds", flags.rounds, DEFAULT_ROUNDS),
    fileBytes: number("file-bytes", flags["file-bytes"], DEFAULT_FILE_BYTES),
    json: flags.json === true,
    unacknowledged: flags.unacknowledged === true,
    publish: flags.publish as string | undefined,
  };
}

function minutes(lines: readonly Line[], rounds: number): string {
  const seconds = lines.reduce(
    (sum, line) => sum + line.secondsARound * roundsOf(line, rounds),
    0,
  );
  return `about ${Math.ceil(seconds / 60)} min`;
}

async function run(asked: Asked): Promise<void> {
  const { lines, rounds, fileBytes, json, unacknowledged } = asked;
  const print = (record: unknown) =>
    json && console.log(JSON.stringify(record));
  const started = performance.now();
  console.error(`This takes ${minutes(lines, rounds)}`);
  const machine = {
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    system: `${Deno.build.os} ${Deno.build.arch}`,
  };
  print({ type: "run", date: new Date().toISOString(), ...machine, rounds });
  await using files = new FilePlace(fileBytes);
  const settings: Settings = {
    opening: await openingSizes(),
    networks: await findNetworks(),
    unacknowledged,
    files,
    note: (text) => {
      console.error(`  ${text}`);
      print({ type: "note", text });
    },
  };
  if (settings.networks === undefined) {
    settings.note(`The ${BENCH.title} are not installed: ${INSTALL}`);
  }
  const rows: Row[] = [];
  for (const line of lines) {
    console.error(`${line.name}: ${line.description} …`);
    for (const row of await contest(line, settings, rounds)) {
      rows.push(row);
      if (json) console.log(toJson(row));
    }
  }
  const seconds = Math.round((performance.now() - started) / 1_000);
  const { aims, missed } = tally(rows);
  print({ type: "summary", seconds, rows: rows.length, aims, missed });
  if (json) return;
  console.log(`\n${table(rows)}\n`);
  console.log(
    `Deno ${machine.deno}, ${machine.cores} cores, ${
      roundsText({ rounds })
    }, ${seconds} s. ` +
      `Ratio: verack ÷ the other; ${missed} of ${aims} aims missed.`,
  );
}

if (import.meta.main) {
  try {
    const asked = parse(Deno.args);
    if (asked === "help") console.log(HELP);
    else if (asked.publish !== undefined) await publish(asked.publish);
    else await run(asked);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.error(`${error.message}, see --help`);
    Deno.exitCode = 2;
  }
}
