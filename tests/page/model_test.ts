/** The page's connection: a stream that comes back by itself, and what is said meanwhile. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { EVENTS } from "../../src/control/api/event_endpoints.ts";
import { PAGE_KEY_HEADER } from "../../src/page/api.js";
import { backoffMs, SILENCE_MS } from "../../src/page/live_stream.js";
import {
  CHANGE_SHOWN_MS,
  EVENT_TYPES,
  MAX_EVENTS,
} from "../../src/page/event_feed.js";
import { Model } from "../../src/page/model.js";
import { settle, VirtualClock } from "../../src/testing/virtual_clock.ts";
import { ControlScene, TOKEN } from "../helpers/control.ts";
import { until } from "../helpers/until.ts";

const KEY = "verack.pageKey";
const ID = "d26d938b".padEnd(64, "0");

/** One request of the page, which the test answers. */
interface Asked {
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
  send(text: string): Promise<void>;
  close(): Promise<void>;
}

function storageOf(items: Map<string, string>) {
  return {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => void items.set(name, value),
    removeItem: (name: string) => void items.delete(name),
  };
}

/** A node that says what a test has it say, and the page's model of it. */
class Scene implements Disposable {
  readonly clock = new VirtualClock();
  readonly storage = new Map<string, string>();
  readonly asked: Asked[] = [];
  changes = 0;
  /** Whether requests are not answered. */
  hangs = false;
  /** Answers a request instead of a stream. */
  answer: (path: string) => Response | undefined = () => undefined;
  readonly model: Model;

  constructor(
    key?: string,
    tab = new Map<string, string>(),
    turns?: ConstructorParameters<typeof Model>[0]["turns"],
  ) {
    if (key !== undefined) this.storage.set(KEY, key);
    this.model = new Model({
      fetch: async (input, init) => {
        const response = this.#fetch(`${input}`, init);
        if (!this.hangs) return response;
        return await new Promise((_, reject) =>
          init?.signal?.addEventListener(
            "abort",
            () => reject(init.signal?.reason),
          )
        );
      },
      storage: storageOf(this.storage),
      tabStorage: storageOf(tab),
      ...(turns && { turns }),
      frame: (done) => void this.clock.after(16, done),
      times: {
        now: () => this.clock.now(),
        after: (delayMs, callback) => this.clock.after(delayMs, callback),
        chance: () => 0.5,
      },
    });
    this.model.addEventListener("change", () => this.changes++);
  }

  #fetch(path: string, init: RequestInit = {}): Response {
    const { readable, writable } = new TransformStream<string, string>();
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    init.signal?.addEventListener(
      "abort",
      () => void writer.abort(init.signal?.reason).catch(() => {}),
    );
    this.asked.push({
      path,
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
      send: async (text) => {
        await writer.write(text);
        await settle();
      },
      close: async () => {
        await writer.close();
        await settle();
      },
    });
    return this.answer(path) ??
      new Response(readable.pipeThrough(new TextEncoderStream()));
  }

  /** The newest request for a path. */
  last(path: string): Asked {
    const found = this.asked.findLast((it) => it.path.split("?")[0] === path);
    assert(found !== undefined, `${path} was not asked for`);
    return found;
  }

  /** Starts, and reports a state. */
  async live(): Promise<void> {
    this.model.start();
    await settle();
    await this.last("/v1/watch").send(
      record({ type: "status", status: STATUS }),
    );
    await this.last("/v1/watch").send(happened(undefined, 5));
    assertEquals(this.model.connection, "live");
  }

  [Symbol.dispose](): void {
    this.model.stop();
  }
}

const STATUS = {
  id: ID,
  startedAt: "2026-01-01T00:00:00.000Z",
  counters: {
    messagesSent: 1,
    messagesReceived: 2,
    bytesSent: 3,
    bytesReceived: 4,
  },
  mesh: { nodes: 2, sessions: 1, missing: [] },
  outbox: { messages: 0, bytes: 0 },
};

function record(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function happened(event: unknown, id?: number): string {
  return record({
    type: "event",
    ...(id !== undefined && { id: `${id}` }),
    event,
  });
}

const up = (time = "2026-01-01T00:00:01.000Z") => ({
  type: "peer:up",
  id: ID,
  address: "a:1",
  direction: "inbound",
  trust: "known",
  time,
});

Deno.test("without a sign-in nothing is asked for; the code of an address gives a key, which each request has", async () => {
  using scene = new Scene();
  const { model } = scene;
  model.start();
  assertEquals(model.connection, "signed-out");
  assertEquals(scene.asked.length, 0);

  scene.answer = (path) =>
    path === "/v1/page/sign-in" ? Response.json({ key: "secret" }) : undefined;
  await model.signIn("c".repeat(43));
  await settle();
  assertEquals(scene.asked[0]?.body, { code: "c".repeat(43) });
  assertEquals(scene.asked[0]?.headers.get(PAGE_KEY_HEADER), null);
  assertEquals(scene.storage.get(KEY), "secret");
  const { headers } = scene.last("/v1/watch");
  assertEquals(headers.get(PAGE_KEY_HEADER), "secret");
  assertEquals(model.connection, "connecting");
});

Deno.test("a node that needs no sign-in, as at its socket, is shown without one; one that does is not", async () => {
  using scene = new Scene();
  scene.model.start({ isOpen: true });
  await settle();
  await scene.last("/v1/watch").send(
    record({ type: "status", status: STATUS }),
  );
  assertEquals(scene.model.connection, "live");

  using other = new Scene();
  other.answer = () => Response.json({ error: {} }, { status: 401 });
  other.model.start({ isOpen: true });
  await settle();
  assertEquals(other.model.connection, "signed-out");
});

Deno.test("the page is live once its stream is, and tells the views at most once a frame", async () => {
  using scene = new Scene("k");
  await scene.live();
  const watch = scene.last("/v1/watch");
  await scene.clock.advance(16);
  const before = scene.changes;
  for (let peers = 0; peers < 5; peers++) {
    await watch.send(
      record({
        type: "peers",
        peers: [{ id: ID }],
        sessions: [{ id: ID, rttMs: 7 }],
      }),
    );
    await watch.send(record({ type: "status", status: STATUS }));
  }
  await scene.clock.advance(16);
  assertEquals(scene.changes, before + 1);
  assertEquals(scene.model.peers, [{ id: ID }] as never);
  assertEquals(scene.model.history.length, 6);
  assertEquals(scene.model.history.at(-1)?.figures.rttMaxMs, 7);
});

Deno.test("a stream that breaks makes the page out of date at once; it resumes after a backoff, without the events before", async () => {
  using scene = new Scene("k");
  const { model, clock } = scene;
  await scene.live();
  const heardAt = clock.now();
  await scene.last("/v1/watch").send(happened(up(), 6) + happened(up(), 7));
  assertEquals(model.events.length, 2);

  await scene.last("/v1/watch").close();
  assertEquals(model.connection, "stale");
  assertEquals(model.heardAt, heardAt);
  const count = scene.asked.length;
  await clock.advance(backoffMs(1, 0.5) - 1);
  assertEquals(scene.asked.length, count);
  await clock.advance(1);
  const again = scene.last("/v1/watch");
  assertEquals((again.body as { lastEventId: string }).lastEventId, "7");
  await again.send(happened(up(), 8));
  assertEquals(model.connection, "live");
  assertEquals(model.events.length, 3);
  assertEquals(model.problem, undefined);
});

Deno.test("a page that is seen again does not wait for its backoff", async () => {
  using scene = new Scene("k");
  await scene.live();
  await scene.last("/v1/watch").close();
  const count = scene.asked.length;
  scene.model.hurry();
  await settle();
  assertEquals(scene.asked.length, count + 1);
});

Deno.test("silence makes the page out of date, as after a sleep of the machine", async () => {
  using scene = new Scene("k");
  const { model, clock } = scene;
  await scene.live();
  await clock.advance(SILENCE_MS - 1_000);
  await scene.last("/v1/watch").send(": heartbeat\n\n");
  await clock.advance(SILENCE_MS);
  assertEquals(model.connection, "live");
  // Timers stood still while the wall clock went on.
  clock.wallOffsetMs += 3_600_000;
  model.hurry();
  await settle();
  assertEquals(model.connection, "stale");
  assert(model.status !== undefined);
});

Deno.test("a node that does not answer for long is asked again, and the page says so", async () => {
  using scene = new Scene("k");
  const { model, clock } = scene;
  await scene.live();
  await scene.last("/v1/watch").close();
  scene.hangs = true;
  await clock.advance(backoffMs(1, 0.5));
  const count = scene.asked.length;
  await clock.advance(SILENCE_MS + 2_000);
  assertEquals(model.connection, "stale");
  assertEquals(model.problem, "The node does not answer.");
  await clock.advance(backoffMs(2, 0.5));
  assertEquals(scene.asked.length, count + 1);
});

Deno.test("a tab that gives its turn is paused, not out of date, and goes on after the last event; if it must wait it says why", async () => {
  const turns = {
    isWaiting: false,
    listener: { onTurn: () => {}, onEnd: () => {} },
    take: (listener: { onTurn: () => void; onEnd: () => void }) => {
      turns.listener = listener;
      listener.onTurn();
    },
    leave: () => {},
    look: () => {},
  };
  using scene = new Scene("k", new Map(), turns);
  const { model, clock } = scene;
  await scene.live();
  await scene.last("/v1/watch").send(happened(up(), 6));
  turns.listener.onEnd();
  await clock.advance(600_000);
  assertEquals(model.connection, "paused");
  const count = scene.asked.length;

  model.hurry();
  assertEquals(model.connection, "paused");
  turns.listener.onTurn();
  await settle();
  assertEquals(scene.asked.length, count + 1);
  assertEquals(model.connection, "paused");
  const again = scene.last("/v1/watch");
  assertEquals((again.body as { lastEventId: string }).lastEventId, "6");
  await again.send(happened(up(), 7));
  assertEquals(model.connection, "live");
  assertEquals(model.events.length, 2);

  turns.listener.onEnd();
  model.hurry();
  turns.isWaiting = true;
  await clock.advance(1_000);
  assertEquals(model.connection, "stale");
  assert(model.problem?.startsWith("Too many tabs of this node are open"));
  turns.isWaiting = false;
  turns.listener.onTurn();
  await settle();
  await scene.last("/v1/watch").send(": x\n\n");
  assertEquals([model.connection, model.problem], ["live", undefined]);
});

Deno.test("an action that is not answered fails with what that means", async () => {
  using scene = new Scene("k");
  scene.answer = () => {
    throw new DOMException("signal timed out", "TimeoutError");
  };
  await assertRejects(
    () => scene.model.api.post("/v1/ping", { to: ID }),
    Error,
    "has not answered for 30 s; whether it has done what was asked is not known",
  );
});

Deno.test("the present state of a stream is no news; after a restart a gap is", async () => {
  using scene = new Scene("k");
  const { model } = scene;
  model.start();
  await settle();
  const first = scene.last("/v1/watch");
  await first.send(happened(up()) + happened(undefined, 5));
  assertEquals(model.events, []);
  await first.send(
    happened({ type: "stopped", time: "2026-01-01T00:00:02.000Z" }, 6),
  );
  assertEquals(model.stopped, true);
  await first.close();
  await scene.clock.advance(1_000);
  await scene.last("/v1/watch").send(happened(up()) + happened(undefined, 1));
  assertEquals(model.events.map(({ type }) => type), ["stopped", "page:gap"]);
  await scene.last("/v1/watch").send(
    record({ type: "status", status: STATUS }),
  );
  assertEquals(model.stopped, false);
});

Deno.test("the page asks for all events but pings, which would push the others out", () => {
  const types = Object.keys(EVENTS).filter((type) => type !== "ping");
  assertEquals(EVENT_TYPES.toSorted(), types.toSorted());
});

Deno.test("after a reload the tab gets the events that it had, and what was long ago does not stand out", async () => {
  const tab = new Map<string, string>();
  {
    using scene = new Scene("k", tab);
    await scene.live();
    await scene.last("/v1/watch").send(happened(up(), 6) + happened(up(), 7));
    scene.model.remember();
  }
  using scene = new Scene("k", tab);
  scene.model.start();
  await settle();
  const events = scene.last("/v1/watch");
  assertEquals((events.body as { lastEventId: string }).lastEventId, "5");
  const old = { ...up(), time: new Date(scene.clock.now() - 60_000) };
  await events.send(happened(old, 6));
  assertEquals(scene.model.events.length, 1);
  assertEquals(scene.model.changes.size, 0);
  // The next user of the browser does not get them.
  scene.answer = () => Response.json({ signedOut: 1 });
  await scene.model.signOut();
  assertEquals([scene.model.events, tab.size], [[], 0]);
});

Deno.test("peers that joined or left stand out for ten seconds, and at most a thousand events are kept", async () => {
  using scene = new Scene("k");
  const { model, clock } = scene;
  await scene.live();
  const events = scene.last("/v1/watch");
  await events.send(
    happened(
      { type: "peer:down", id: ID, reason: "lost", left: false, time: "" },
      6,
    ),
  );
  assertEquals(model.changes.get(ID)?.what, "lost");
  await events.send(happened(up(), 7));
  assertEquals(model.changes.get(ID)?.what, "joined");
  await clock.advance(CHANGE_SHOWN_MS + 2_000);
  assertEquals(model.changes.size, 0);
  await events.send(
    Array.from(
      { length: 1_200 },
      (_, id) => happened({ type: "overflow", dropped: id, time: "" }, id + 8),
    ).join(""),
  );
  assertEquals(model.events.length, MAX_EVENTS);
  assertEquals((model.events.at(-1) as { dropped: number }).dropped, 1_199);
});

Deno.test("a node that does not accept the sign-in any more ends it, and nothing of the node stays on the page", async () => {
  using scene = new Scene("k");
  const { model } = scene;
  await scene.live();
  scene.answer = () =>
    Response.json({
      error: { code: "unauthorized", message: "There is no token" },
    }, { status: 401 });
  const error = await assertRejects(
    () => model.api.get("/v1/requests"),
    Error,
    "There is no token",
  );
  assertEquals((error as { code?: string }).code, "unauthorized");
  assertEquals(model.connection, "signed-out");
  assertEquals([model.status, model.peers, model.events, model.history], [
    undefined,
    [],
    [],
    [],
  ]);
  assertEquals(scene.storage.has(KEY), false);
  const count = scene.asked.length;
  await scene.clock.advance(60_000);
  assertEquals(scene.asked.length, count);
});

Deno.test("a refusal of an old sign-in does not end the one that another tab has just made", async () => {
  using scene = new Scene("old");
  const { api } = scene.model;
  scene.answer = () => {
    scene.storage.set(KEY, "new");
    return Response.json({ error: { code: "unauthorized" } }, { status: 401 });
  };
  await assertRejects(() => api.get("/v1/peers"));
  assertEquals(scene.storage.get(KEY), "new");
  await assertRejects(() => api.get("/v1/peers"));
  assertEquals(scene.storage.get(KEY), undefined);
});

Deno.test("the backoff doubles from half a second to fifteen, with jitter in its upper half", () => {
  assertEquals([0, 1, 2, 3].map((failures) => backoffMs(failures, 0)), [
    0,
    250,
    500,
    1_000,
  ]);
  assertEquals([1, 6, 60].map((failures) => backoffMs(failures, 1)), [
    500,
    15_000,
    15_000,
  ]);
});

Deno.test("the page shows the state of a node that it watches, and what happens there", async () => {
  await using scene = await ControlScene.start({ name: "alice" });
  const origin = `http://127.0.0.1:${scene.port}`;
  const model = new Model({
    // In place of the sign-in.
    fetch: (input, init) =>
      fetch(new URL(`${input}`, origin), {
        method: init?.method ?? "GET",
        headers: {
          ...init?.headers as Record<string, string>,
          authorization: `Bearer ${TOKEN}`,
        },
        ...(init?.body != null && { body: init.body as string }),
        signal: init?.signal as AbortSignal,
      }),
    storage: { getItem: () => "key", setItem: () => {}, removeItem: () => {} },
    frame: (done) => done(),
  });
  try {
    model.start();
    await until("it is live", () => model.connection === "live");
    assertEquals(model.status?.name, "alice");
    await using bob = await scene.peer({ name: "bob" });
    await until(
      "bob's session",
      () => model.sessions.some(({ id }) => id === bob.identity.id),
    );
    await until(
      "bob joined",
      () =>
        model.events.some((event) =>
          event.type === "peer:up" && event.name === "bob"
        ),
    );
    assertEquals(model.changes.get(bob.identity.id)?.what, "joined");
    const sent = bob.send(scene.node.identity.id, "hello");
    for await (const message of scene.node.messages()) {
      message.ack();
      break;
    }
    await sent;
    await until(
      "the message is counted",
      () => model.history.at(-1)?.figures.messagesReceived === 1,
    );
    assertEquals(
      model.status?.counters.messagesReceived,
      scene.node.status().counters.messagesReceived,
    );
  } finally {
    model.stop();
  }
});
