/**
 * `verack handshake`: probes Bitcoin nodes, any number of them, and shows the messages of each
 * with their times. An error of a peer ends only its probe; one of the flags, the files or the
 * output ends the program.
 */
import type { BitcoinNetwork } from "../bitcoin/networks.ts";
import { probeAll } from "../bitcoin/probe.ts";
import type { Address } from "../transport/address.ts";
import { openAddressFile } from "./probe_source.ts";
import {
  DIAL_FLAGS,
  MAGIC_FLAG,
  networkFlag,
  networkOfFlags,
  parseNodes,
  VERSION_FLAGS,
  versionOfFlags,
} from "./bitcoin_flags.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { ProbeScreen } from "./probe_screen.ts";
import { ProbeSource } from "./probe_source.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { SignalWatch } from "./signal_watch.ts";
import { loseLines, OUTPUT_FLAGS } from "./terminal.ts";

const FLAGS = {
  network: networkFlag("mainnet"),
  magic: MAGIC_FLAG,
  ...DIAL_FLAGS,
  ...VERSION_FLAGS,
  seeds: {
    type: "integer",
    min: 1,
    max: 100_000,
    help: "Also probe N addresses from the network's DNS seeds",
  },
  file: {
    type: "path",
    short: "f",
    help: "Also probe the addresses in a file, one a line; - is standard input",
  },
  stay: {
    type: "boolean",
    help: "Keep the connections, answer pings, show every message until Ctrl-C",
  },
  ...LOG_FLAGS,
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const handshakeCommand: Command = command({
  description: [
    "Opens a connection to each node, exchanges version and verack by the " +
    "rules of Bitcoin Core, and shows the messages with the milliseconds " +
    "between them and what the node said of itself, or what went wrong. " +
    "Results come in the order of completion.",
  ],
  usage: "handshake [OPTIONS] HOST[:PORT]…",
  positionals: [{
    name: "HOST[:PORT]",
    help: "A node; without a port the network's own",
    optional: true,
    variadic: true,
  }],
  flags: FLAGS,
  examples: [
    ["verack handshake 127.0.0.1", "The node on this machine"],
    [
      "verack handshake --network signet --seeds 20",
      "Twenty nodes that the DNS seeds name",
    ],
    [
      "verack handshake --file nodes.txt --concurrency 256 --json",
      "Thousands of nodes, for another program to read",
    ],
  ],
  action: handshake,
});

type HandshakeInvocation = Invocation<typeof FLAGS>;

async function handshake(invocation: HandshakeInvocation): Promise<ExitCode> {
  const { flags, terminal, outputLost } = invocation;
  startLogging(flags, terminal);
  // A session that stays cannot wait for a reader, other probes can.
  if (flags.stay) loseLines(terminal, flags);
  const network = networkOfFlags(flags);
  const typed = typedAddresses(invocation, network);
  const file = flags.file === undefined
    ? undefined
    : await openAddressFile(flags.file);
  using signals = new SignalWatch();
  const signal = AbortSignal.any([signals.signal, outputLost]);
  using screen = new ProbeScreen({
    terminal,
    json: flags.json,
    begun: () => flags.stay ? undefined : source.taken,
  });
  const source = new ProbeSource({
    network,
    typed,
    seeds: flags.seeds,
    file,
    // Sessions that stay are identified by their addresses.
    once: flags.stay,
    talk: (text) => screen.talk(text),
    signal,
  });
  try {
    const results = probeAll(source, {
      ...versionOfFlags(flags),
      network,
      timeoutMs: flags.timeout,
      concurrency: flags.concurrency,
      signal,
      ...(flags.stay && screen.stayOptions()),
    });
    for await (const result of results) {
      screen.result(result);
      await terminal.stdout.ready(signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  screen.summary(source.faults);
  if (signals.code !== undefined) return signals.code;
  const { ok, done } = screen.tally;
  return ok === done && source.faults === 0 ? EXIT.success : EXIT.failure;
}

function typedAddresses(
  { flags, positionals }: HandshakeInvocation,
  network: BitcoinNetwork,
): Address[] {
  if (flags.seeds !== undefined && network.seeds.length === 0) {
    throw new UsageError(
      `--seeds cannot be used: ${network.name} has no seeds`,
    );
  }
  const elsewhere = flags.seeds !== undefined || flags.file !== undefined;
  if (positionals.length === 0 && !elsewhere) {
    throw new UsageError("HOST[:PORT] is missing: a node, --file or --seeds");
  }
  return parseNodes(positionals, network.port);
}
