/** What an earlier process has left to send. */
import type { MessageStore } from "./message_store.ts";
import { Content, Outgoing } from "./outgoing.ts";

/**
 * Everything that the store has and nothing has acknowledged, each body once.
 *
 * @param now Monotonic clock, and the time by which what is kept ages, milliseconds.
 */
export function* recall(
  store: MessageStore,
  now: { readonly monotonic: number; readonly kept: number },
): Iterable<Outgoing> {
  const contents = new Map<number, Content>();
  for (const { message, key, to } of store.outgoing()) {
    const { id, topic, body, createdAt, ttlMs } = message;
    let content = contents.get(key);
    if (content === undefined) {
      const shared = true;
      content = new Content({ id, topic, body, createdAt, ttlMs, shared });
      content.key = key;
      contents.set(key, content);
    }
    const age = Math.max(0, now.kept - createdAt);
    const outgoing = new Outgoing(content, to, now.monotonic + ttlMs - age);
    outgoing.isRecalled = true;
    yield outgoing;
  }
}
