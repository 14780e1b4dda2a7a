/**
 * `verack run` as the application for messages: each one is printed, told to
 * those who watch, and acknowledged by asking for the next.
 */
import { type MessageEvent, messageEvent } from "../control/message_event.ts";
import type { MessagesOptions } from "../delivery/delivery.ts";
import type { Node } from "../mesh/node.ts";

/**
 * Takes messages until the node closes.
 *
 * @param options Which, as of `Node.messages`.
 * @param show False if it could not be shown: then it is not taken, and comes again.
 */
export async function takeMessages(
  node: Node,
  options: MessagesOptions,
  show: (event: MessageEvent) => boolean,
): Promise<void> {
  for await (const message of node.messages(options)) {
    const name = node.peer(message.from)?.name;
    if (!show(messageEvent(message, name))) return;
  }
}
