/**
 * `verack respond`: answers like a Bitcoin node, or with chosen faults, until it is stopped.
 * The faults are in `bitcoin/behaviours.ts`.
 */
import {
  BEHAVIOUR_NAMES,
  type BehaviourName,
  BEHAVIOURS,
} from "../bitcoin/behaviours.ts";
import {
  respond as startResponder,
  type ResponderEvent,
} from "../bitcoin/respond.ts";
import { SERVICE_FLAG } from "../bitcoin/service_flags.ts";
import { systemClock } from "../core/clock.ts";
import { jsonLine } from "../core/escape.ts";
import { MAX_PEERS_PER_MESSAGE } from "../wire/wire_limits.ts";
import {
  BEHAVIOUR_DELAY_MS,
  BITCOIN_MAX_CONNECTIONS,
  MAX_BITCOIN_CONCURRENCY,
} from "../bitcoin/bitcoin_limits.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
  parseHost,
} from "../transport/address.ts";
import { ipToBytes, isIpv4 } from "../transport/ip.ts";
import { BIP155 } from "../wire/bip155.ts";
import type { AddrEntry } from "../wire/messages/bitcoin_messages.ts";
import {
  MAGIC_FLAG,
  networkFlag,
  networkOfFlags,
  SERVICES_FLAG,
  VERSION_FLAGS,
  versionOfFlags,
} from "./bitcoin_flags.ts";
import { ResponderBudget } from "./output_budget.ts";
import { eventLine } from "./event_lines.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { suggest, UsageError } from "./flags.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { responderJson, responderLine } from "./bitcoin_lines.ts";
import { SignalWatch } from "./signal_watch.ts";
import { loseLines, OUTPUT_FLAGS, type Terminal } from "./terminal.ts";

/** The value of `--behaviour` that lists all. */
const LIST = "list";

const FLAGS = {
  host: {
    type: "string",
    value: "HOST",
    default: "127.0.0.1",
    parse: (text: string) => parseHost(text),
    help: "Address to listen on",
  },
  port: {
    type: "port",
    short: "p",
    min: 0,
    help: "Port to listen on, if not the network's; 0 takes a free one",
  },
  network: networkFlag("regtest"),
  magic: MAGIC_FLAG,
  behaviour: {
    type: "string",
    short: "b",
    value: "NAME",
    default: "normal",
    parse: parseBehaviour,
    suggests: [...BEHAVIOUR_NAMES, LIST],
    help: "How to answer; `list` names all ways",
  },
  delay: {
    type: "integer",
    value: "MS",
    min: 0,
    max: 3_600_000,
    default: BEHAVIOUR_DELAY_MS,
    help: "Milliseconds of the pauses of behaviours that pause",
  },
  ...VERSION_FLAGS,
  services: SERVICES_FLAG,
  startHeight: {
    type: "integer",
    min: -(2 ** 31),
    max: 2 ** 31 - 1,
    default: 0,
    help: "The height of the best block to announce",
  },
  tell: {
    type: "list",
    value: "IP[:PORT]",
    parse: parseTold,
    help: "An address for answers to getaddr",
  },
  maxConnections: {
    type: "integer",
    min: 1,
    max: MAX_BITCOIN_CONCURRENCY,
    default: BITCOIN_MAX_CONNECTIONS,
    help: "Connections at once; more are closed",
  },
  quiet: {
    type: "boolean",
    short: "q",
    help: "Show where it listens and, at the end, how much there was, no more",
  },
  ...LOG_FLAGS,
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const respondCommand: Command = command({
  description: [
    "Listens and answers version and verack by the rules of Bitcoin Core, and " +
    "pings and getaddr after it, for any number of connections at once. It has " +
    "no blocks and no mempool. With --behaviour it breaks one rule, for " +
    "testing what connects to it.",
  ],
  flags: FLAGS,
  examples: [
    ["verack respond", "A regtest node on 127.0.0.1:18444"],
    ["verack respond --behaviour list", "What it can do wrong"],
    [
      "verack respond --port 0 --behaviour no-verack --json",
      "A node that never completes a handshake, on a free port",
    ],
  ],
  action: respond,
});

type RespondInvocation = Invocation<typeof FLAGS>;

async function respond(invocation: RespondInvocation): Promise<ExitCode> {
  const { flags, terminal, outputLost } = invocation;
  const { behaviour, startHeight, services } = flags;
  if (behaviour === LIST) {
    listBehaviours(terminal, flags.json);
    return EXIT.success;
  }
  startLogging(flags, terminal);
  loseLines(terminal, flags);
  const network = networkOfFlags(flags);
  const addresses = entriesOf(flags.tell, network.port);
  using signals = new SignalWatch();
  const signal = AbortSignal.any([signals.signal, outputLost]);
  using budget = new ResponderBudget((event) =>
    print(invocation, event, eventLine(event, now(), terminal.out))
  );
  const responder = await startResponder({
    ...versionOfFlags(flags),
    services,
    ...(flags.port !== undefined && { port: flags.port }),
    startHeight,
    network,
    host: flags.host,
    behaviour,
    delayMs: flags.delay,
    addresses,
    maxConnections: flags.maxConnections,
    ...(!flags.quiet && {
      onEvent(event: ResponderEvent) {
        if (!budget.admits(event)) return;
        terminal.stdout.line(
          flags.json
            ? responderJson(event, now())
            : responderLine(event, now(), terminal.out),
        );
      },
    }),
    signal,
  });
  const address = formatAddress(responder.address);
  const listening = { type: "listening", address, network: responder.network };
  const wrong = behaviour === "normal" ? "" : `, behaviour ${behaviour}`;
  print(
    invocation,
    { ...listening, behaviour },
    `${
      terminal.out.bold("listening")
    } on ${address} as a ${responder.network} node${wrong}`,
  );
  await responder.closed;
  const { accepted, completed } = responder;
  const connections = accepted === 1 ? "connection" : "connections";
  print(
    invocation,
    { type: "summary", accepted, completed },
    `${accepted} ${connections}, ${completed} complete`,
  );
  return signals.code ?? EXIT.success;
}

function listBehaviours({ stdout, out }: Terminal, json: boolean): void {
  const width = Math.max(...BEHAVIOUR_NAMES.map((name) => name.length));
  for (const name of BEHAVIOUR_NAMES) {
    const { description, outcome } = BEHAVIOURS[name];
    const color = outcome === "ok" ? out.green : out.red;
    stdout.line(
      json
        ? jsonLine({ name, description, outcome })
        : `${out.bold(name.padEnd(width))}  ${
          color(outcome.padEnd(12))
        }  ${description}`,
    );
  }
}

/** Writes text or JSON. */
function print(
  { flags, terminal }: RespondInvocation,
  json: object,
  text: string,
): void {
  const time = now().toISOString();
  terminal.stdout.line(flags.json ? jsonLine({ time, ...json }) : text);
}

function parseBehaviour(text: string): BehaviourName | typeof LIST {
  if (text === LIST) return LIST;
  const name = BEHAVIOUR_NAMES.find((it) => it === text);
  if (name !== undefined) return name;
  const guess = suggest(text, BEHAVIOUR_NAMES);
  throw new RangeError(
    `Cannot behave as ${JSON.stringify(text.slice(0, 40))}: ${
      guess === undefined
        ? `must be one of ${BEHAVIOUR_NAMES.slice(0, 3).join(", ")} and ${
          BEHAVIOUR_NAMES.length - 3
        } more, which --behaviour list shows`
        : `did you mean ${guess}?`
    }`,
  );
}

function entriesOf(
  addresses: readonly Address[],
  defaultPort: number,
): AddrEntry[] {
  if (addresses.length > MAX_PEERS_PER_MESSAGE) {
    throw new UsageError(
      `--tell is given ${addresses.length} times, must be at most ${MAX_PEERS_PER_MESSAGE} times`,
    );
  }
  const time = Math.floor(systemClock.now() / 1_000);
  return addresses.map(({ host, port }) => {
    const ip = ipToBytes(host);
    return {
      time,
      services: SERVICE_FLAG.NETWORK | SERVICE_FLAG.WITNESS,
      port: port === 0 ? defaultPort : port,
      ...(isIpv4(host)
        ? { network: BIP155.ipv4, address: ip.slice(-4) }
        : { network: BIP155.ipv6, address: ip }),
    };
  });
}

/** Without a port it is 0, for the port of the network. */
function parseTold(text: string): Address {
  const address = parseAddress(text, { defaultPort: 0, minPort: 0 });
  if (isIpv4(address.host) || address.host.includes(":")) return address;
  throw new SyntaxError(`Cannot answer with ${text}: must be an IP address`);
}

function now(): Date {
  return new Date(systemClock.now());
}
