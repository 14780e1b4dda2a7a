/** `verack run`: one node of a mesh, until it is told to stop. */
import { systemClock } from "../clock.ts";
import { Identity } from "../identity/identity.ts";
import { HEARTBEAT_MS, MAX_DURATION_MS } from "../limits.ts";
import { parsePeerName, shownName } from "../identity/peer_name.ts";
import { logger } from "../log.ts";
import { Node } from "../mesh/node.ts";
import { parseNetworkName } from "../mesh/options.ts";
import { parsePeerTarget } from "../mesh/peer_target.ts";
import { DataDirectory } from "../store/data_directory.ts";
import { DATA_FILES } from "../store/file_names.ts";
import {
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { VERSION } from "../version.ts";
import { ADMISSION_FLAGS, admissionOptions } from "./admission_flags.ts";
import { defineCommand } from "./args.ts";
import { EventPrinter } from "./event_printer.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { checkHttpFlags, HTTP_FLAGS, openControl } from "./http_flags.ts";
import {
  KEY_FLAGS,
  loadIdentityOfFlags,
  passphraseSource,
} from "./key_flags.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { SignalWatch } from "./signals.ts";
import { takeMessages } from "./take_messages.ts";
import { COLOR_FLAG } from "./terminal.ts";

/** How often members are pinged, unless told. */
const DEFAULT_PERIOD_S = 5;

const FLAGS = {
  name: {
    type: "string",
    short: "n",
    value: "NAME",
    parse: (text: string) => parsePeerName(text),
    help: "What the node calls itself, for people; proves nothing",
  },
  port: {
    type: "port",
    short: "p",
    value: "PORT",
    min: 0,
    default: 8080,
    help: "Port to listen on; 0 takes a free one",
  },
  host: {
    type: "string",
    value: "HOST",
    default: "0.0.0.0",
    parse: (text: string) => parseHost(text),
    help: "Address to listen on; :: for IPv6 and IPv4",
  },
  connect: {
    type: "list",
    short: "c",
    value: "[ID@]HOST:PORT",
    // Kept as text: the node parses it again, and here it is only judged.
    parse: (text: string) => (parsePeerTarget(text), text),
    help: "A member to join through; with an identity nobody else will do",
  },
  period: {
    type: "seconds",
    value: "S",
    min: 0,
    max: MAX_DURATION_MS / 1_000,
    default: DEFAULT_PERIOD_S,
    help: "Ping all members this often; 0 never",
  },
  heartbeat: {
    type: "seconds",
    value: "S",
    min: 0.01,
    max: MAX_DURATION_MS / 1_000,
    default: HEARTBEAT_MS / 1_000,
    help: "Ask an idle peer for a sign of life after this long",
  },
  deadAfter: {
    type: "seconds",
    value: "S",
    min: 0.01,
    max: MAX_DURATION_MS / 1_000,
    help: "Give a silent peer up after this long (default: 3 heartbeats)",
  },
  advertise: {
    type: "string",
    value: "HOST:PORT",
    parse: (text: string) => formatAddress(parseAddress(text)),
    help: "Where others reach this node, if not at the address they see",
  },
  network: {
    type: "string",
    value: "NAME",
    default: "main",
    parse: (text: string) => parseNetworkName(text),
    help: "Name of the mesh; nodes of different names never meet",
  },
  data: {
    type: "path",
    short: "d",
    value: "DIR",
    help: "Keep key, known peers and messages there across restarts",
  },
  ...ADMISSION_FLAGS,
  ...KEY_FLAGS,
  ...HTTP_FLAGS,
  json: {
    type: "boolean",
    help: "Print one JSON object a line instead of text",
  },
  ...LOG_FLAGS,
  color: COLOR_FLAG,
} as const;

/** The command. */
export const runProgram: Program = program(
  defineCommand({
    name: "run",
    summary: "Start a node, join a mesh, ping everybody (the default)",
    usage: "[run] [OPTIONS]",
    description: [
      "The node learns of everybody else from the first member it reaches, and " +
      "keeps a link to each. A member is known by the hash of its public key: " +
      "an address without one is trusted on first use. Ctrl-C says bye to " +
      "everybody, a second one ends at once.",
    ],
    flags: FLAGS,
    environment: { NO_COLOR: "No colours, unless --color is given" },
    examples: [
      ["verack --port 8080", "The first node of a mesh"],
      [
        "verack --port 8081 --connect 127.0.0.1:8080",
        "Another node, which joins through the first and meets everybody",
      ],
      [
        "verack --data data/alice --connect ID@bob.example:8080",
        "The same node at every start, which takes nobody but ID for bob",
      ],
    ],
  }),
  run,
);

const log = logger("cli");

async function run(invocation: Invocation<typeof FLAGS>): Promise<ExitCode> {
  const { flags, terminal, outputLost } = invocation;
  startLogging(flags, terminal);
  checkTimes(flags);
  checkHttpFlags(flags);
  // Before signals are listened to: Ctrl-C must end the question for a passphrase.
  const given = await loadIdentityOfFlags(flags);
  const admission = await admissionOptions(flags);
  // Closed after the node, which is closed below whatever happens.
  using data = await openData(flags, given);
  const identity = data?.identity ?? given ?? await Identity.generate();
  using signals = new SignalWatch({
    talk: Deno.stderr.isTerminal() ? terminal.stderr : undefined,
  });
  const node = await Node.start({
    identity,
    ...(data && { store: data.store }),
    host: flags.host,
    port: flags.port,
    connect: flags.connect,
    network: flags.network,
    ...admission,
    heartbeatMs: flags.heartbeat * 1_000,
    ...(flags.deadAfter !== undefined && {
      deadAfterMs: flags.deadAfter * 1_000,
    }),
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.advertise !== undefined && { advertise: flags.advertise }),
  });
  const { address } = node;
  log.info("started", { identity: identity.id, address, version: VERSION });
  const events = node.events();
  const leave = () => {
    log.info("leaving", { exitCode: signals.code ?? EXIT.success });
    void node.close();
  };
  const ends = AbortSignal.any([signals.signal, outputLost]);
  ends.addEventListener("abort", leave, { once: true });
  if (ends.aborted) leave();
  const stopPinging = pingEvery(node, flags.period * 1_000);
  try {
    await using control = await openControl(flags, node, leave);
    if (control.url !== undefined) log.info("control", { url: control.url });
    if (!flags.json) greet(invocation, node);
    using printer = new EventPrinter({
      output: terminal.stdout,
      json: flags.json,
      colors: terminal.out,
      clock: systemClock,
    });
    const messages = takeMessages(node, (event) => {
      printer.print(event);
      control.server.publish(event);
      return !terminal.stdout.failed;
    });
    for await (const event of events) printer.print(event);
    await messages;
  } finally {
    stopPinging();
    await node.close();
  }
  return signals.code ?? EXIT.success;
}

async function openData(
  flags: Invocation<typeof FLAGS>["flags"],
  identity: Identity | undefined,
): Promise<DataDirectory | undefined> {
  const { data, network } = flags;
  if (data === undefined) return undefined;
  return await DataDirectory.open(data, {
    network,
    passphrase: passphraseSource(flags, `${data}/${DATA_FILES.key}`),
    ...(identity !== undefined && { identity }),
  });
}

/** @throws {UsageError} when a peer would be given up before it was asked. */
function checkTimes(
  { heartbeat, deadAfter }: Invocation<typeof FLAGS>["flags"],
): void {
  if (deadAfter === undefined || deadAfter > heartbeat) return;
  throw new UsageError(
    `--dead-after is ${deadAfter}, must be more than --heartbeat (${heartbeat})`,
  );
}

/** Who this is and how others join, for a person; programs have `listening`. */
function greet(
  { flags, terminal }: Invocation<typeof FLAGS>,
  node: Node,
): void {
  const { out, stdout } = terminal;
  const { id, ephemeral } = node.identity;
  const name = node.name === "" ? "" : ` ${out.bold(shownName(node.name))}`;
  const lines = [`${out.bold("verack")} ${id}${name}`];
  if (ephemeral) {
    lines.push(out.dim("a new key, in memory only; --data DIR keeps one"));
  }
  if (flags.connect.length === 0 && flags.trust !== "known") {
    lines.push(out.dim(`others join with --connect ${joinAddress(node)}`));
  }
  for (const line of lines) stdout.line(line);
}

/** What others type to join here, as far as this node can know. */
function joinAddress(node: Node): string {
  const { host, port } = parseAddress(node.address);
  const everywhere = host === "0.0.0.0" || host === "::";
  return everywhere
    ? `HOST:${port} (127.0.0.1:${port} on this machine)`
    : node.address;
}

function pingEvery(node: Node, periodMs: number): () => void {
  if (periodMs === 0) return () => {};
  let count = 0;
  let cancel = () => {};
  const next = () => {
    cancel = systemClock.after(periodMs, () => {
      next();
      node.ping(`ping ${++count}`);
    });
  };
  next();
  return () => cancel();
}
