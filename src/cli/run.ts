/** `verack run`: one node of a mesh, until it is told to stop. */
import { systemClock } from "../clock.ts";
import { Identity } from "../identity/identity.ts";
import { type NodeEvent } from "../mesh/events.ts";
import { Node } from "../mesh/node.ts";
import { parsePeerTarget } from "../mesh/peer_target.ts";
import {
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { defineCommand } from "./args.ts";
import { eventJson, eventLine } from "./event_lines.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import type { FlagValues } from "./flags.ts";
import { KEY_FLAGS, loadIdentityOfFlags } from "./key_flags.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { SignalWatch } from "./signals.ts";
import { COLOR_FLAG } from "./terminal.ts";

/** How often members are pinged, unless told. */
const DEFAULT_PERIOD_S = 5;

const FLAGS = {
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
    max: 86_400,
    default: DEFAULT_PERIOD_S,
    help: "Ping all members this often; 0 never",
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
    help: "Name of the mesh; nodes of different names never meet",
  },
  ...KEY_FLAGS,
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
    flags: FLAGS,
    examples: [
      ["verack --port 8080", "The first node of a mesh"],
      [
        "verack --port 8081 --connect 127.0.0.1:8080",
        "Another node, which joins through the first and meets everybody",
      ],
    ],
  }),
  run,
);

async function run(invocation: Invocation<typeof FLAGS>): Promise<ExitCode> {
  const { flags, terminal, outputLost } = invocation;
  startLogging(flags, terminal);
  using signals = new SignalWatch();
  const identity = await loadIdentityOfFlags(flags, terminal) ??
    await Identity.generate();
  const node = await Node.start({
    identity,
    host: flags.host,
    port: flags.port,
    connect: flags.connect,
    network: flags.network,
    ...(flags.advertise !== undefined && { advertise: flags.advertise }),
  });
  const events = node.events();
  const leave = () => void node.close();
  const ends = AbortSignal.any([signals.signal, outputLost]);
  ends.addEventListener("abort", leave, { once: true });
  if (ends.aborted) leave();
  const stopPinging = pingEvery(node, flags.period * 1_000);
  try {
    greet(invocation, node);
    for await (const event of events) show(event, invocation);
  } finally {
    stopPinging();
    await node.close();
  }
  return signals.code ?? EXIT.success;
}

/** Who this is, for a person; programs have the `listening` event. */
function greet(
  { flags, terminal }: Invocation<typeof FLAGS>,
  node: Node,
): void {
  if (flags.json) return;
  const { out } = terminal;
  const { id, ephemeral } = node.identity;
  terminal.stdout.line(
    `${out.bold("verack")} ${id}${
      ephemeral ? out.dim(" (new, in memory only; keep one with --key)") : ""
    }`,
  );
}

function show(
  event: NodeEvent,
  { flags, terminal }: Invocation<typeof FLAGS>,
): void {
  const time = new Date(systemClock.now());
  terminal.stdout.line(
    flags.json ? eventJson(event, time) : eventLine(event, time, terminal.out),
  );
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

/** The flags of `run`, for the demo that starts nodes with them. */
export type RunFlags = FlagValues<typeof FLAGS>;
