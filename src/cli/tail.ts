/** `verack tail`: shows the messages and events of a running node, without consuming them. */
import type { ControlClient } from "../control/control_client.ts";
import type { PeerRow } from "../control/answers.ts";
import { systemClock } from "../core/clock.ts";
import type { PeerId } from "../core/peer_id.ts";
import { peerLabel } from "../identity/peer_name.ts";
import { CLIENT_FLAGS, withNode } from "./client_flags.ts";
import { KNOWN_PEERS_ASKED_MS } from "./cli_limits.ts";
import { type Command, command } from "./command.ts";
import { EventPrinter } from "./event_printer.ts";
import { EXIT } from "./exit.ts";
import { UsageError } from "./flags.ts";
import { LineConsumer, SINCE_FLAG } from "./receive_messages.ts";
import { SignalWatch } from "./signal_watch.ts";
import { OUTPUT_FLAGS } from "./terminal.ts";

const FLAGS = {
  ...CLIENT_FLAGS,
  topic: {
    type: "string",
    short: "t",
    value: "TOPIC",
    completes: "topic",
    help: "Messages of this topic only",
  },
  all: {
    type: "boolean",
    help: "Everything that happens, not only messages",
  },
  ack: {
    type: "boolean",
    help: "Consume messages of a kept topic, and ack each once it is written",
  },
  since: SINCE_FLAG,
  ...OUTPUT_FLAGS,
} as const;

/** Shows a node's events. */
export const tailCommand: Command = command({
  description: [
    "Messages show when the node's application has acked them. Watching " +
    "acknowledges nothing, and misses what was acked before it began. Where " +
    "events are missed since, because what reads them is too slow, their number " +
    "is shown. It ends when the node does, with exit code 1 if that was no " +
    "orderly stop.",
    "With --ack it is receive-messages --follow.",
  ],
  flags: FLAGS,
  examples: [
    ["verack tail --data data/alice --topic news", "News, as they come"],
    ["verack tail --data data/alice --all", "Also which peers come and go"],
  ],
  async action({ flags, terminal, outputLost }) {
    const { topic, all, ack, since, json } = flags;
    if (since !== undefined && !ack) {
      throw new UsageError("--since needs --ack");
    }
    if (ack && (topic === undefined || all)) {
      throw new UsageError("--ack needs --topic, and not --all");
    }
    const { stdout, out } = terminal;
    using signals = new SignalWatch();
    const ends = AbortSignal.any([signals.signal, outputLost]);
    const say = (text: string) => terminal.stderr.line(`verack tail: ${text}`);
    await withNode(flags, async (node) => {
      if (ack && topic !== undefined) {
        const consumer = new LineConsumer(node, {
          ...{ topic, command: "tail", json, terminal, signal: ends },
        });
        await consumer.keep();
        return await consumer.follow({
          ...(since !== undefined && { since }),
          ack,
          max: Infinity,
        });
      }
      const query = {
        ...(!all && { type: "message" }),
        ...(topic !== undefined && { topic }),
      };
      const events = node.follow(query, {
        signal: ends,
        onTrouble: ({ message }) => say(`${message}; trying again`),
      });
      const known = await KnownPeers.of(node, all);
      if (!all && Deno.stdout.isTerminal()) {
        say("messages show here as they come, until Ctrl-C");
      }
      using printer = new EventPrinter({
        output: stdout,
        json,
        colors: out,
        clock: systemClock,
        hasStanding: (id) => known.hasStanding(id),
        labelOf: (id) => known.labelOf(id),
      });
      for await (const { time, ...event } of events) {
        if (event.type === "stopped") say("the node has stopped");
        if (event.type === "stopped" && !all) break;
        printer.print(event, { time: new Date(time) });
        // Waits for a slow reader; the node's journal counts the events that are dropped
        // meanwhile.
        await stdout.ready(ends);
      }
    });
    return signals.code ?? EXIT.success;
  },
});

/** Names of the peers of a node, and which have standing. */
export class KnownPeers {
  readonly #client: ControlClient;
  #known: ReadonlyMap<string, PeerRow> = new Map();
  #askedAt: number;

  private constructor(client: ControlClient) {
    this.#client = client;
    this.#askedAt = systemClock.monotonic();
  }

  /** @param requests Whether standing is requested at all. */
  static async of(
    client: ControlClient,
    requests: boolean,
  ): Promise<KnownPeers> {
    const peers = new KnownPeers(client);
    if (requests) await peers.#ask();
    return peers;
  }

  /** Whether a peer had standing at the last request. */
  hasStanding(id: string): boolean {
    const now = systemClock.monotonic();
    if (now - this.#askedAt >= KNOWN_PEERS_ASKED_MS) {
      this.#askedAt = now;
      void this.#ask();
    }
    return this.#known.get(id)?.standing === true;
  }

  /** The label of a peer, by the names of the last request. */
  labelOf(id: PeerId): string {
    const { name, boundName } = this.#known.get(id) ?? {};
    return peerLabel(id, name, boundName);
  }

  async #ask(): Promise<void> {
    try {
      const { peers } = await this.#client.peers();
      this.#known = new Map(peers.map((it) => [it.id, it]));
    } catch {
      // Faults of the node are reported to the readers of its events.
    }
  }
}
