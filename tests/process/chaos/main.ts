/**
 * `deno task chaos`: rounds of real faults on real processes for as long as you
 * like. Prints what it does and the figures; exits 1 when a round does not heal,
 * with the command that draws the same faults again.
 */
import { parseArgs } from "@std/cli/parse-args";
import { HostNetwork, whyNoHosts } from "../../helpers/network/host_network.ts";
import { Ledger } from "./ledger.ts";
import { HASTY, HASTY_STOP_MS, LOOPBACK, placeOn } from "./member.ts";
import { figures } from "./report.ts";
import { processRound } from "./rounds.ts";
import { networkRound } from "./splits.ts";
import { Swarm } from "./swarm.ts";

const HELP = `Usage: deno task chaos [--rounds N] [--nodes N] [--hosts N]
                       [--messages] [--seed S]

  --rounds N   rounds of faults, default 20
  --nodes N    nodes, default 8, at least 5
  --hosts N    spread over so many hosts, in network namespaces, at least 4; their
               network is troubled in every other round (needs root, ip and nft)
  --messages   every node sends messages, requests and files and opens streams all
               the time; afterwards the books must balance: no message lost, none
               taken twice but for a kill; each stream and request ended once, and
               each file whole or not there
  --seed S     what happens; the moments are the machine's
`;

const { rounds, nodes, hosts, messages, seed, help } = parse(Deno.args);
if (help) {
  console.log(HELP);
  Deno.exit(0);
}
const why = hosts === 0 ? undefined : whyNoHosts();
if (why !== undefined) {
  console.error(`Cannot make hosts: ${why}`);
  Deno.exit(1);
}

const began = performance.now();
const log = (line: string) => {
  const seconds = ((performance.now() - began) / 1_000).toFixed(2);
  console.log(`${seconds.padStart(8)}  ${line}`);
};
const replay = `deno task chaos --rounds ${rounds} --nodes ${nodes}${
  hosts === 0 ? "" : ` --hosts ${hosts}`
}${messages ? " --messages" : ""} --seed ${seed}`;
log(replay);
try {
  using network = hosts === 0 ? undefined : new HostNetwork(hosts);
  const places = Array.from({ length: nodes }, (_, i) => {
    const host = network?.hosts[i % hosts];
    return host ? placeOn(host) : LOOPBACK;
  });
  const ledger = messages ? new Ledger() : undefined;
  await using swarm = await Swarm.start({
    places,
    seed,
    flags: HASTY,
    log,
    ...(ledger && { ledger }),
  });
  for (let round = 1; round <= rounds; round++) {
    log(`round ${round}`);
    if (network !== undefined && round % 2 === 0) {
      await networkRound(swarm, network);
    } else await processRound(swarm, { stopMs: HASTY_STOP_MS });
  }
  if (ledger !== undefined) await swarm.quieten();
  for (const line of figures(swarm)) console.log(line);
  if (ledger !== undefined) {
    console.log(ledger.figures());
    const faults = [...ledger.faults(), ...await swarm.fileFaults(ledger)];
    if (faults.length > 0) throw new Error(faults.join("\n"));
  }
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  console.log(`FAILED; again: ${replay}`);
  Deno.exitCode = 1;
}

/** What was asked for. */
interface Asked {
  readonly rounds: number;
  readonly nodes: number;
  /** 0: this machine as it is. */
  readonly hosts: number;
  readonly messages: boolean;
  readonly seed: number;
  readonly help: boolean;
}

function parse(args: string[]): Asked {
  const { _: rest, help, messages, ...given } = parseArgs(args, {
    boolean: ["help", "messages"],
    string: ["rounds", "nodes", "hosts", "seed"],
  });
  const unknown = [...rest, ...Object.keys(given)]
    .filter((name) =>
      !["rounds", "nodes", "hosts", "seed"].includes(String(name))
    );
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
    hosts: given.hosts === undefined ? 0 : number(given.hosts, 4, 4),
    seed: number(
      given.seed,
      crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
      0,
    ),
    messages: messages === true,
    help: help === true,
  };
}
