/**
 * Two multiplexers with a wire between them, on which frames wait until a test lets them pass:
 * what the pure tests of `streams/` stand on.
 */
import { StreamHandlers } from "../../src/streams/stream_handlers.ts";
import {
  Multiplexer,
  type MultiplexerOptions,
  type StreamSink,
} from "../../src/streams/multiplexer.ts";
import { NodeCounters } from "../../src/core/node_counters.ts";
import { StreamMemory } from "../../src/streams/stream_memory.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { A, B, FakeFrameSink, turns } from "./fake_frame_sink.ts";

/** One end of the wire. */
export class FakeStreamSink extends FakeFrameSink implements StreamSink {
  readonly role: "initiator" | "responder";
  minRttMs: number | undefined = 1;

  constructor(role: "initiator" | "responder") {
    super();
    this.role = role;
  }
}

/** What one end has. */
export interface StreamParty {
  readonly sink: FakeStreamSink;
  readonly handlers: StreamHandlers;
  readonly memory: StreamMemory;
  readonly multiplexer: Multiplexer;
  /** Errors of its handlers. */
  readonly failures: unknown[];
}

/** Settings of the wire. */
export interface StreamWireOptions {
  /** Bytes that may wait in the queue of a session. @default {Infinity} */
  readonly ahead?: number;
  /** Unread bytes of each end. */
  readonly unreadBytes?: number;
}

/** A session between two multiplexers. */
export class StreamWire {
  readonly clock = new VirtualClock();
  readonly parties: readonly [StreamParty, StreamParty];

  constructor(options: StreamWireOptions = {}) {
    this.parties = [
      this.#party("initiator", options),
      this.#party("responder", options),
    ];
  }

  /** Lets up to `count` frames from one end pass; returns how many did. */
  pass(from: 0 | 1, count = 1): number {
    const { sink } = this.parties[from];
    const to = this.parties[from === 0 ? 1 : 0].sink;
    for (let at = 0; at < count; at++) {
      const frame = sink.shift();
      if (frame === undefined) return at;
      to.receive(frame);
    }
    return count;
  }

  /** Lets everything pass, and what it gives rise to. */
  async run(): Promise<void> {
    for (let quiet = 0; quiet < 3;) {
      const passed = this.pass(0, 64) + this.pass(1, 64);
      await turns();
      quiet = passed === 0 ? quiet + 1 : 0;
    }
  }

  #party(
    role: FakeStreamSink["role"],
    { ahead = Infinity, unreadBytes }: StreamWireOptions,
  ): StreamParty {
    const sink = new FakeStreamSink(role);
    const handlers = new StreamHandlers(() => true);
    const memory = new StreamMemory(unreadBytes);
    const failures: unknown[] = [];
    const options: MultiplexerOptions = {
      clock: this.clock,
      counters: new NodeCounters(),
      handlers,
      memory,
      ahead: () => ahead,
      hasStanding: () => true,
      onFailed: (_, error) => failures.push(error),
    };
    const peer = role === "initiator" ? B : A;
    const multiplexer = new Multiplexer(options, peer, sink);
    return { sink, handlers, memory, multiplexer, failures };
  }
}
