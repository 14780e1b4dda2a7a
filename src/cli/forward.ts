/** `verack forward`: ports that lead to peers, through a running node, until it is ended. */
import type { ForwardRecord } from "../control/answers.ts";
import type { ControlClient } from "../control/control_client.ts";
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText, jsonLine } from "../core/escape.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { CLIENT_FLAGS, nodePath, withNode } from "./client_flags.ts";
import { type Command, command } from "./command.ts";
import { EXIT } from "./exit.ts";
import { quoted, UsageError } from "./flags.ts";
import { SignalWatch } from "./signal_watch.ts";
import { OUTPUT_FLAGS, type Terminal } from "./terminal.ts";

/** An address here and one at a peer. */
interface ForwardPair {
  readonly here: string;
  readonly peer: string;
  readonly there: string;
}

const FLAGS = {
  ...CLIENT_FLAGS,
  reverse: {
    type: "boolean",
    short: "R",
    help: "The peer listens at its address, and the node connects to the other",
  },
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const forwardCommand: Command = command({
  description: [
    "Connections to a port of the node's machine lead to an address that the peer can reach, " +
    "which its run --allow-forward must allow; with --reverse, those to a port of the peer, " +
    "which its --allow-forward-listen must allow, to an address that the node can reach. A " +
    "host is 127.0.0.1 if none is given, IPv6 is in brackets, and port 0 is any free port.",
    "Each address that connections are accepted at is printed first, then on standard " +
    "error what happens to them. It goes on while the peer is away, when connections " +
    "are closed at once. Ctrl-C closes all.",
  ],
  positionals: [
    { name: "HERE", help: "[HOST:]PORT, or the path of a Unix socket" },
    {
      name: "THERE",
      help: "NAME:[HOST:]PORT, a peer and an address",
      completes: "peer-address",
    },
    { name: "MORE", help: "More pairs", optional: true, variadic: true },
  ],
  flags: FLAGS,
  examples: [
    [
      "verack forward 5432 bob:5432 --data data/alice",
      "psql -h 127.0.0.1 reaches the database of bob",
    ],
    [
      "verack forward 8080 bob:wiki.lan:80 8443 bob:wiki.lan:443 --data data/alice",
      "Two ports, to a host that bob reaches",
    ],
    [
      "verack forward 3000 bob:8080 --reverse --data data/alice",
      "Port 8080 of bob leads to port 3000 here",
    ],
  ],
  async action({ flags, positionals, terminal, outputLost }) {
    const { reverse, json } = flags;
    const pairs = pairsOf(positionals);
    using signals = new SignalWatch();
    const ended = new AbortController();
    const signal = AbortSignal.any([signals.signal, outputLost, ended.signal]);
    const show = json ? showJson : showText;
    const forwardOne = async (node: ControlClient, pair: ForwardPair) => {
      const { peer, there } = pair;
      const here = pair.here.includes("/")
        ? await nodePath(pair.here, flags)
        : pair.here;
      const [listen, to] = reverse ? [there, here] : [here, there];
      try {
        const records = node.forward({ listen, peer, to, reverse }, { signal });
        for await (const record of records) {
          show(record, pair, terminal);
          await terminal.stdout.ready(signal);
        }
      } catch (error) {
        // That which happened first is the reason for the others.
        if (!signal.aborted) throw error;
      } finally {
        ended.abort();
      }
    };
    await withNode(
      flags,
      (node) => Promise.all(pairs.map((pair) => forwardOne(node, pair))),
    );
    if (signals.code === undefined && !outputLost.aborted) {
      throw new VerackError("closed", "The node has ended the forwarding");
    }
    return signals.code ?? EXIT.success;
  },
});

function pairsOf(positionals: readonly string[]): ForwardPair[] {
  if (positionals.length % 2 !== 0) {
    throw new UsageError(
      `${quoted(positionals.at(-1) ?? "")} has no THERE, must be HERE THERE`,
    );
  }
  return positionals.flatMap((there, i) => {
    const here = positionals[i - 1] ?? "";
    if (i % 2 === 0) return [];
    const colon = there.indexOf(":");
    if (colon < 1 || colon === there.length - 1) {
      throw new UsageError(
        `THERE is ${quoted(there)}, must be NAME:[HOST:]PORT`,
      );
    }
    return [{
      here,
      peer: there.slice(0, colon),
      there: there.slice(colon + 1),
    }];
  });
}

function showJson(
  record: ForwardRecord,
  { here, peer, there }: ForwardPair,
  { stdout }: Terminal,
): void {
  const time = new Date(systemClock.now()).toISOString();
  stdout.line(jsonLine({ time, here, peer, there, ...record }));
}

function showText(
  record: ForwardRecord,
  { peer, there }: ForwardPair,
  { stdout, stderr, out }: Terminal,
): void {
  const say = (text: string) =>
    stderr.line(
      `verack forward: ${escapeText(peer)}:${escapeText(there)}: ${text}`,
    );
  switch (record.type) {
    case "listening": {
      const { address, to, id, name, boundName } = record;
      const label = peerLabel(id, name, boundName);
      return stdout.line(
        `${escapeText(address)} ${out.dim("->")} ${escapeText(to)}  ${
          out.dim(label)
        }`,
      );
    }
    case "opened":
      return say(`${record.connection} opened from ${escapeText(record.from)}`);
    case "closed": {
      const { connection, sentBytes, receivedBytes, durationMs, reason } =
        record;
      const seconds = (durationMs / 1_000).toFixed(1);
      const why = reason === undefined ? "" : `: ${escapeText(reason)}`;
      return say(
        `${connection} closed after ${seconds} s, ${sentBytes} bytes sent, ${receivedBytes} received${why}`,
      );
    }
    case "refused": {
      const { from, code, reason } = record;
      return say(
        `refused ${escapeText(from)}: ${escapeText(reason)} (${
          escapeText(code)
        })`,
      );
    }
    case "lost":
      return say(
        `the peer is away, connections are refused: ${
          escapeText(record.reason)
        }`,
      );
    case "back":
      return say("the peer is back");
    case "overflow":
      return say(`${record.dropped} lines are missing`);
    default:
      return record satisfies never;
  }
}
