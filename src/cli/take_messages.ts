/**
 * `verack run` as the application for messages: each one is printed, told to
 * those who watch, and acknowledged by asking for the next.
 */
import { type MessageEvent, messageEvent } from "../control/message_event.ts";
import type { MessagesOptions } from "../delivery/message.ts";
import type { Node } from "../mesh/node.ts";
import type { LineWriter } from "./line_writer.ts";

/**
 * Takes messages until the node closes or `signal` aborts. One that the reader of
 * `output` has not taken yet is not acknowledged: it waits, its sender with it, and
 * comes again after a restart.
 *
 * @param options Which, as of `Node.messages`.
 * @param show Writes the message to `output`, and tells the watchers.
 */
export async function takeMessages(
  node: Node,
  options: MessagesOptions,
  { output, show, signal }: {
    readonly output: LineWriter;
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
