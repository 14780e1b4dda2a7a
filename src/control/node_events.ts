/** The events of a node for all clients of its control API, by one journal. */
import type { Clock } from "../core/clock.ts";
import type { NodeEvent } from "../mesh/events.ts";
import type { Node } from "../mesh/node.ts";
import { EventJournal, type StreamedEvent } from "./event_journal.ts";
import { EventReader, type EventReaderOptions } from "./event_reader.ts";

/** What a client reads. */
export interface EventChoice {
  /** Types, separated by commas. @default all */
  readonly type?: string;
  /** Messages of this topic only. */
  readonly topic?: string;
  /** The event after which it goes on, if the node has it still. */
  readonly lastEventId?: string;
}

/** How a reader is told, and writes. */
export type ReadingOptions = Pick<EventReaderOptions, "format" | "onChange">;

/** Opens readers of the events of a node. */
export class NodeEvents {
  readonly #node: Node;
  readonly #clock: Clock;
  readonly #journal: EventJournal;
  #missed = 0;

  constructor(node: Node, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
    this.#journal = new EventJournal({
      clock,
      record: (signal) => void this.#record(signal),
    });
  }

  /** How many events all readers have missed. */
  get missed(): number {
    return this.#missed;
  }

  /** Whether events are kept: there are readers, or were a minute ago. */
  get isRecording(): boolean {
    return this.#journal.isRecording;
  }

  /** Begins to read: after an event, or with the present state. */
  async open(
    { type, topic, lastEventId }: EventChoice,
    options: ReadingOptions,
  ): Promise<EventReader> {
    const resumed = lastEventId === undefined
      ? undefined
      : this.#journal.resume(lastEventId);
    const { number: position, missed } = resumed ??
      { number: this.#journal.last, missed: 0 };
    this.#missed += missed;
    const reader = new EventReader(this.#journal, {
      ...options,
      clock: this.#clock,
      wanted: eventFilter(type?.split(","), topic),
      position,
      missed,
      onMissed: (count) => this.#missed += count,
    });
    if (resumed !== undefined) return reader;
    try {
      reader.begin(await stateOf(this.#node));
      return reader;
    } catch (error) {
      reader[Symbol.dispose]();
      throw error;
    }
  }

  /** Adds an event that is not the node's. */
  push(event: StreamedEvent): void {
    this.#journal.push(event);
  }

  /** Ends all readers, when they have read what there is. */
  end(): void {
    this.#journal.end();
  }

  /** Records the events of the node in the journal, until it closes. */
  async #record(signal: AbortSignal): Promise<void> {
    const events = this.#node.events({ signal });
    await skipState(events);
    for await (const event of events) this.#journal.push(event);
    if (!signal.aborted) this.#journal.end();
  }
}

/** Events of these types and this topic, and `overflow` and `stopped` in any case. */
function eventFilter(
  types: readonly string[] | undefined,
  topic: string | undefined,
): (event: StreamedEvent) => boolean {
  return (event) =>
    event.type === "overflow" || event.type === "stopped" ||
    (types === undefined || types.includes(event.type)) &&
      (topic === undefined || !("topic" in event) || event.topic === topic);
}

/** The current state: the first events of any listener, of which `mesh` is the last. */
async function stateOf(node: Node): Promise<NodeEvent[]> {
  const state: NodeEvent[] = [];
  for await (const event of node.events()) {
    state.push(event);
    if (event.type === "mesh") break;
  }
  return state;
}

/** Skips what {@linkcode stateOf} returns. */
async function skipState(events: AsyncIterator<NodeEvent>): Promise<void> {
  while (true) {
    const { value, done } = await events.next();
    if (done || value.type === "mesh") return;
  }
}
