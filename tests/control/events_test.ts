/** Streams of events: slow readers, and those that break off and come back. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type {
  ControlEvent,
  ControlFigures,
} from "../../src/control/answers.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import { systemClock } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import { MAX_CONTROL_JOURNAL_EVENTS } from "../../src/control/control_limits.ts";
import { ControlScene, message } from "../helpers/control.ts";
import {
  assertAll,
  droppedOf,
  numberOf,
  publish,
} from "../helpers/event_flood.ts";
import { until } from "../helpers/until.ts";

Deno.test("a flood of events reaches a watcher to its end", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  const events: ControlEvent[] = [];
  const watched = (async () => {
    for await (const event of client.events({ type: "message" })) {
      events.push(event);
    }
  })();
  await until("it watches", async () => (await control(client)).streams === 1);
  publish(scene, 0, 10_000);
  await until("all of them", () => events.length === 10_000);
  await scene.node.close();
  await watched;
  assertAll(events, 10_000);
  assertEquals(events.at(-1)?.type, "stopped");
  assert(!events.some(({ type }) => type === "overflow"));
});

Deno.test("a watcher that is slower than the node is told how many events it missed, and others are not concerned", async () => {
  await using scene = await ControlScene.start();
  using slow = await scene.client();
  using quick = await scene.client();
  const seen: ControlEvent[] = [];
  const go = Promise.withResolvers<void>();
  const slowly = (async () => {
    for await (const event of slow.events({ topic: "flood" })) {
      if (event.type === "message" && event.deliveryCount === 0) {
        await go.promise;
      }
      seen.push(event);
    }
  })();
  let count = 0;
  const quickly = (async () => {
    for await (const { type } of quick.events({ type: "message" })) {
      if (type === "message") count++;
    }
  })();
  await until("both watch", async () => (await control(quick)).streams === 2);
  // More than the buffers of the kernel and of HTTP take.
  const text = "x".repeat(400_000);
  for (let number = 0; number < 200; number++) {
    scene.server.publish(message("flood", number, text));
    scene.server.publish(message("other", number));
    await until("the quick one", () => count === 2 * (number + 1));
  }
  const { streams, eventsMissed } = await control(quick);
  assertEquals(streams, 2);
  assert(eventsMissed > 0);
  go.resolve();
  await until("the slow one", () => numberOf(seen.at(-1)) === 199);
  assertAll(seen, 200);
  const sum = seen.reduce((sum, event) => sum + droppedOf(event), 0);
  assertEquals(sum, eventsMissed);
  await scene.node.close();
  await Promise.all([slowly, quickly]);
});

Deno.test("a watcher that comes back goes on where it was, and is told what it missed", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  let since: string | undefined;
  const watch = async (last: number) => {
    const events: ControlEvent[] = [];
    const stream = client.events({}, {
      ...(since !== undefined && { since }),
      onId: (id) => since = id,
      onOpen: () => last === 9 && publish(scene, 0, 10),
    });
    for await (const event of stream) {
      events.push(event);
      if (numberOf(event) === last) break;
    }
    return events;
  };
  const first = await watch(9);
  assertEquals(first.slice(0, 2).map(({ type }) => type), [
    "listening",
    "mesh",
  ]);
  assertAll(first, 10);
  publish(scene, 10, 1_000);
  const second = await watch(1_009);
  assertEquals(numberOf(second[0]), 10);
  assertAll([...first, ...second], 1_010);
  publish(scene, 1_010, MAX_CONTROL_JOURNAL_EVENTS + 5);
  const third = await watch(1_009 + MAX_CONTROL_JOURNAL_EVENTS + 5);
  assertEquals(droppedOf(third[0]), 5);
  assertAll(
    [...first, ...second, ...third],
    1_015 + MAX_CONTROL_JOURNAL_EVENTS,
  );
  // Ids of another process, and what is none, begin anew.
  for (const strange of ["abc-1", "?", "", `${since}9`, "-1"]) {
    since = strange;
    const stream = client.events({}, { since });
    assertEquals((await stream.next()).value?.type, "listening");
    await stream.return(undefined);
  }
});

Deno.test("a watcher that has got no event yet goes on where it began, after the present state", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  for (
    const [query, state] of [
      [{}, ["listening", "mesh"]],
      [{ type: "message" }, []],
    ] as const
  ) {
    const leave = new AbortController();
    let since = "";
    const seen: string[] = [];
    const stream = client.events(query, {
      signal: leave.signal,
      onId(id) {
        since = id;
        leave.abort();
      },
    });
    for await (const { type } of stream) seen.push(type);
    assertEquals(seen, [...state]);
    publish(scene, 0, 1);
    const again = client.events(query, { since });
    assertEquals(numberOf((await again.next()).value), 0);
    await again.return(undefined);
  }
});

Deno.test("a stream ends when its reader leaves or ends its side", async () => {
  await using scene = await ControlScene.start();
  using client = await scene.client();
  for (const leave of ["close", "closeWrite"] as const) {
    const reader = await scene.connect("GET /v1/events");
    await reader.read(new Uint8Array(4_096));
    assertEquals((await control(client)).streams, 1);
    await reader[leave]();
    await until(leave, async () => (await control(client)).streams === 0);
    if (leave === "closeWrite") reader.close();
  }
});

/** A node whose streams break off after each event. */
class BreakingNode implements AsyncDisposable {
  readonly directory: string;
  readonly asked: (string | null)[] = [];
  readonly #server: Deno.HttpServer;
  /** What the next stream has; then it breaks off. */
  readonly streams: string[];

  constructor(directory: string, streams: string[]) {
    this.directory = directory;
    this.streams = streams;
    this.#server = Deno.serve({
      path: `${directory}/control.sock`,
      onListen: () => {},
      onError: () => new Response(null, { status: 500 }),
    }, (request) => {
      this.asked.push(request.headers.get("last-event-id"));
      const text = this.streams.shift() ?? "";
      return new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode(`: hello\n\n${text}`));
          },
          pull: (controller) => controller.error(new Error("broken")),
        }),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("a stream that breaks is opened again where it was, until the node stops", async () => {
  const event = (id: string, type: string) => {
    const fields = { ...message("", 0), time: "2026-05-01T12:00:00Z", type };
    return `id: ${id}\ndata: ${JSON.stringify(fields)}\n\n`;
  };
  await using node = new BreakingNode(await Deno.makeTempDir(), [
    "id: a-0\n\n",
    event("a-1", "message") + event("a-2", "message"),
    "",
    event("a-3", "message"),
    event("a-4", "stopped"),
  ]);
  using client = await ControlClient.find(node.directory);
  const types: string[] = [];
  let troubles = 0;
  const events = client.follow({}, {
    signal: new AbortController().signal,
    onTrouble: () => troubles++,
    isRunning: () => true,
  });
  for await (const { type } of events) types.push(type);
  assertEquals(types, ["message", "message", "message", "stopped"]);
  assertEquals(node.asked, [null, "a-0", "a-2", "a-2", "a-3"]);
  assertEquals(troubles, 4);
});

Deno.test("a node that ends without a word is told of, and one that never was", async () => {
  await using node = new BreakingNode(await Deno.makeTempDir(), [""]);
  using client = await ControlClient.find(node.directory);
  const options = {
    signal: new AbortController().signal,
    onTrouble: () => {},
    clock: systemClock,
  };
  const error = await assertRejects(
    () => client.follow({}, options).next(),
    VerackError,
    "it has ended without saying so",
  );
  assertEquals(error.code, "closed");
});

async function control(client: ControlClient): Promise<ControlFigures> {
  return (await client.status()).control;
}
