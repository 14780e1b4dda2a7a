/** What the commands that run a node (`run`, `chat`, `demo`) have in common. */
import { systemClock } from "../core/clock.ts";
import { type MessageEvent, messageEvent } from "../control/message_event.ts";
import type { MessagesOptions } from "../delivery/consumer.ts";
import { shownName } from "../identity/peer_name.ts";
import type { Node } from "../mesh/node.ts";
import { parseAddress } from "../transport/address.ts";
import type { LineWriter } from "./line_writer.ts";
import type { NodeFlagValues } from "./node_flags.ts";
import type { Terminal } from "./terminal.ts";

/** Prints the node's identity and how others join; programs have the event `listening`. */
export function greet(
  { flags, terminal, command }: {
    readonly flags: NodeFlagValues;
    readonly terminal: Terminal;
    /** What others have to type before the flag. */
    readonly command: string;
  },
  node: Node,
): void {
  const { out, stdout } = terminal;
  const { id, ephemeral } = node.identity;
  const name = node.name === "" ? "" : ` ${out.bold(shownName(node.name))}`;
  const lines = [`${out.bold("verack")} ${id}${name}`];
  if (ephemeral) {
    lines.push(out.dim("a new key, in memory only; --data DIR keeps one"));
  }
  if (flags.connect.length === 0 && node.status().admission !== "closed") {
    lines.push(
      out.dim(`others join with ${command}--connect ${joinAddress(node)}`),
    );
  }
  for (const line of lines) stdout.line(line);
}

/** The address by which others join, as far as this node can know. */
function joinAddress(node: Node): string {
  const { host, port } = parseAddress(node.address);
  const everywhere = host === "0.0.0.0" || host === "::";
  return everywhere
    ? `HOST:${port} (127.0.0.1:${port} on this machine)`
    : node.address;
}

/**
 * Shows messages until the node closes or `signal` aborts. Each is acknowledged only when the
 * reader of `output` has read it: until then its sender waits, and it comes again after a
 * restart.
 */
export async function takeMessages(
  node: Node,
  options: MessagesOptions,
  { output, show, signal }: {
    readonly output: LineWriter;
    /** Writes the message to `output`, and publishes it to watchers. */
    readonly show: (event: MessageEvent) => void;
    /** The node is about to close. */
    readonly signal: AbortSignal;
  },
): Promise<void> {
  for await (const message of node.messages(options)) {
    show(messageEvent(message, node.peer(message.from)));
    await output.flushed(signal);
    if (output.failed || signal.aborted) return;
  }
}

/** Pings all peers every `periodMs`, never if that is 0. Returns how to stop it. */
export function pingEvery(node: Node, periodMs: number): () => void {
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
