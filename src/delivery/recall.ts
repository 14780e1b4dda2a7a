/** What an earlier process has left to send. */
import type { MessageStore, StoredOutgoing } from "./message_store.ts";
import { MessageBody, OutgoingMessage } from "./outgoing_message.ts";

/**
 * Everything that the store has and nothing has acknowledged, each body once.
 *
 * @param now Monotonic clock, and the time by which what is kept ages, milliseconds.
 */
export function* recall(
  store: MessageStore,
  now: { readonly monotonic: number; readonly kept: number },
): Iterable<OutgoingMessage> {
  let receivers: StoredOutgoing[] = [];
  for (const one of store.outgoing()) {
    if (receivers[0]?.key !== one.key) {
      yield* ofOneMessage(receivers, now);
      receivers = [];
    }
    receivers.push(one);
  }
  yield* ofOneMessage(receivers, now);
}

function* ofOneMessage(
  receivers: readonly StoredOutgoing[],
  now: { readonly monotonic: number; readonly kept: number },
): Iterable<OutgoingMessage> {
  const [first] = receivers;
  if (first === undefined) return;
  const { id, topic, body, createdAt, ttlMs } = first.message;
  const shared = receivers.length > 1;
  const content = new MessageBody({
    id,
    topic,
    body,
    createdAt,
    ttlMs,
    shared,
  });
  content.key = first.key;
  const age = Math.max(0, now.kept - createdAt);
  for (const { to } of receivers) {
    const outgoing = new OutgoingMessage(
      content,
      to,
      now.monotonic + ttlMs - age,
    );
    outgoing.isRecalled = true;
    yield outgoing;
  }
}
