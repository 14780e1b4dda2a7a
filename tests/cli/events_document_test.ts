/** `docs/events.md` has every event, and every key that a command prints as JSON. */
import { assert, assertEquals } from "@std/assert";
import type { ProbeResult } from "../../src/bitcoin/mod.ts";
import type {
  CrawlHeard,
  CrawlNode,
  CrawlSummary,
} from "../../src/bitcoin/crawl_events.ts";
import type { ResponderEvent } from "../../src/bitcoin/respond.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import type { DemoEvent, DemoEventOf } from "../../src/cli/demo/demo_event.ts";
import type { LinksView } from "../../src/cli/links.ts";
import type { PingSummary } from "../../src/cli/ping.ts";
import { API, OPERATIONS } from "../../src/control/api.ts";
import { EVENTS } from "../../src/control/api/event_endpoints.ts";
import {
  keysOfCell as keys,
  keysOfSchema,
  tableOf,
  words,
} from "../helpers/json_keys.ts";

const METRICS = await Deno.readTextFile(
  new URL("../../docs/metrics.md", import.meta.url),
);

/** The keys of an answer, or of each element of a list in it. */
function answer(schema: unknown, list?: string): Record<string, string> {
  const all = [...keysOfSchema(schema)];
  const prefix = `${list}[].`;
  return Object.fromEntries(
    (list === undefined ? all : all.filter(([path]) => path.startsWith(prefix))
      .map(([path, presence]) => [path.slice(prefix.length), presence]))
      .toSorted(),
  );
}

function sorted(table: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(table).toSorted());
}

/** Whether each key of a type is always there; a wrong table does not compile. */
type Presence<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K> ? "optional"
    : "required";
};

function typed<T>(table: Presence<T>): Record<string, string> {
  return Object.fromEntries(Object.entries<string>(table).toSorted());
}

const R = "required";
const O = "optional";

/** Keys of what commands print otherwise than the API answers. */
type Printed = Omit<ProbeResult, "version" | "ended" | "toJSON">;
type Responded<T> = Omit<
  Extract<ResponderEvent, { readonly type: T }>,
  "type" | "payload" | "version"
>;

const id = { id: R };
const PEER = answer(API.peers.answer, "peers");
const { id: _id, name: _name, boundName: _bound, ...SESSION } = answer(
  API.peers.answer,
  "sessions",
);
const inside = (prefix: string, table: object, presence?: string) =>
  Object.fromEntries(
    Object.entries(table).map(([key, own]) => [
      `${prefix}.${key}`,
      presence ?? own,
    ]),
  );
const ofList = (list: string, table: object) => inside(`${list}[]`, table);

/** The keys of each row of the table of answers, by the first cell. */
const ANSWERS: Readonly<Record<string, Record<string, string> | undefined>> = {
  "`--version`": {
    ...{ version: R, deno: R, v8: R },
    ...{ typescript: R, target: R, compiled: R },
  },
  "`status`": undefined,
  "`health`": answer(API.health.answer),
  "`links`": {
    ...typed<Omit<LinksView, "notRelayed" | "sessions">>({
      ...{ id: R, name: O, nodes: R, inbound: R, outbound: R, missing: R },
      ...{ bytesSent: R, bytesReceived: R },
      ...{ messagesSent: R, messagesReceived: R },
    }),
    ...ofList("sessions", answer(API.peers.answer, "sessions")),
    ...ofList("notRelayed", answer(API.status.answer, "notRelayed")),
  },
  "`peers`": {
    ...Object.fromEntries(
      // Only the id is there where no peer but a rule is on record.
      Object.keys(PEER).map((key) => [key, key === "id" ? R : O]),
    ),
    rule: O,
    ...inside("session", SESSION, O),
  },
  "`find`": {
    ...PEER,
    ...{ self: R, standing: O, trust: O, ephemeral: O, via: O, viaName: O },
  },
  "`send`": answer(API.send.answer),
  "`broadcast`": answer(API.broadcast.answer),
  "`request`": answer(API.request.answer),
  "`request` that failed": inside("error", {
    ...{ code: R, message: R, remoteCode: O, data: O },
  }),
  "`ack`, `nack`": answer(API.ackKept.answer),
  "`kept-topics`": answer(API.keptTopics.answer, "topics"),
  "`kept-topics add`": answer(API.keepTopic.answer),
  "`kept-topics drop`": answer(API.dropTopic.answer),
  "`dead-letters`": answer(API.deadLetters.answer, "messages"),
  "`dead-letters show`": answer(API.deadLetter.answer),
  "`dead-letters retry`": { ...id, retried: R },
  "`dead-letters discard`": { ...id, discarded: R },
  "`invite`": answer(API.invite.answer),
  "`invites`": answer(API.invites.answer, "invites"),
  "`invites revoke`": { ...id, revoked: R, usedBy: O },
  "`requests`": answer(API.joinRequests.answer, "requests"),
  "`allow`, `deny`, `forget`": { ...id, rule: R },
  "`open`": answer(API.pageLink.answer),
  "`open --sign-out`": answer(API.pageSignOut.answer),
  "`stop`": { ...id, stopped: R },
  "`identity new`, `identity show`": {
    ...{ id: R, keyType: R, demo: R, key: O, certificate: O },
  },
  "`handshake`": {
    ...typed<Omit<Printed, "events" | "error">>({
      ...{ address: R, network: R, ok: R, protocolVersion: O, services: O },
      ...{ servicesHex: O, userAgent: O, startHeight: O, relay: O },
      ...{ timeOffsetSeconds: O, features: O, durationMs: R },
    }),
    ...ofList(
      "events",
      typed<ProbeResult["events"][number]>({
        ...{ direction: R, command: R, atMs: R },
      }),
    ),
    ...inside("error", { kind: R, message: R }, O),
  },
  "`respond --behaviour list`": { name: R, description: R, outcome: R },
};

const TIME = { time: R };
const FORWARD = { ...TIME, here: R, peer: R, there: R };
const VERSION = {
  ...{ protocolVersion: R, services: R, servicesHex: R, userAgent: R },
  ...{ startHeight: R, relay: R },
};

function records(
  operation: { readonly records: Readonly<Record<string, unknown>> },
  more: Record<string, string>,
): Record<string, Record<string, string>> {
  return Object.fromEntries(
    Object.entries(operation.records).map(([type, schema]) => {
      const { type: _type, ...fields } = answer(schema);
      return [type, { ...more, ...fields }];
    }),
  );
}

/** The keys of the demo's events; a wrong table does not compile. */
const DEMO: {
  readonly [T in DemoEvent["type"]]: Presence<Omit<DemoEventOf<T>, "type">>;
} = {
  demo: { nodes: R, inProcess: R, period: R, discover: R },
  page: { name: R, url: R, opened: O, reason: O },
  phase: { phase: R, name: O, peer: O },
  starting: { name: R, via: R, again: R },
  started: { name: R, id: R, address: R, via: R },
  restarted: { name: R, id: R, address: R, via: R, previousAddress: R },
  joined: { name: R, via: R, trust: R, links: R, of: R },
  links: { name: R, peer: R, links: R, of: R },
  apart: { name: R, peer: R, links: R, of: R },
  complete: { links: R, of: R },
  pings: { name: R, from: R },
  killed: { name: R },
  lost: { name: R, peer: R, links: R, of: R, reason: R },
  left: { name: R, peer: R, links: R, of: R, reason: R },
  recognised: { name: R, peer: R, links: R, of: R, trust: R },
  refused: { name: R, address: R, reason: R },
  dialed: { name: R, as: R, to: R, address: R },
  impostor: {
    ...{ name: R, as: R, to: R, address: R },
    ...{ refused: R, memberSays: R, impostorSays: R },
  },
  ended: { name: R, reason: R },
  other: { name: R, event: R },
  node: { name: R, id: R, address: R, links: R, of: R, pings: R, heard: R },
  summary: {
    ...{ ok: R, interrupted: R, seconds: R, nodes: R, links: R, of: R },
    ...{ pingPairs: R, shown: R, missing: R },
  },
};

const FILES = records(OPERATIONS.receiveFiles, TIME);
const { ready: _ready, ask: _ask, withdrawn: _withdrawn, ...SENT } = FILES;
const { connected: _connected, rttMs: _rtt, ...PINGED } = answer(
  API.ping.answer,
);

/** The keys of each type of record, by command. */
const RECORDS: Readonly<
  Record<string, Readonly<Record<string, Record<string, string>>>>
> = {
  ping: {
    reply: { ...TIME, seq: R, ...PINGED, address: R, rttMs: R },
    lost: { ...TIME, seq: R, ...PINGED, reason: R },
    summary: {
      ...TIME,
      ...typed<PingSummary>({
        ...{ sent: R, answered: R },
        ...{ minMs: O, avgMs: O, maxMs: O, mdevMs: O },
      }),
    },
  },
  "receive-messages": Object.fromEntries(
    Object.entries(records(OPERATIONS.receiveMessages, TIME)).map((
      [type, { receivedAt: _, ...rest }],
    ) => [type, rest]),
  ),
  "send-file": SENT,
  "receive": FILES,
  "forward": records(OPERATIONS.forward, FORWARD),
  "respond": {
    listening: { ...TIME, address: R, network: R, behaviour: R },
    connect: {
      ...TIME,
      ...typed<Responded<"connect">>({ id: R, remote: R }),
    },
    full: { ...TIME, ...typed<Responded<"full">>({ remote: R }) },
    message: {
      ...TIME,
      ...typed<Responded<"message">>({
        ...{ id: R, direction: R, command: R },
        ...{ bytes: R, atMs: R, dropped: O },
      }),
    },
    open: {
      ...TIME,
      ...typed<Responded<"open">>({ id: R, features: R, atMs: R }),
      ...VERSION,
    },
    close: {
      ...TIME,
      ...typed<Responded<"close">>({ id: R, error: O, atMs: R }),
    },
    summary: { ...TIME, accepted: R, completed: R },
  },
  "crawl": {
    heard: typed<Omit<CrawlHeard, "type">>({ from: R, addresses: R }),
    node: typed<Omit<CrawlNode, "type">>({
      ...{ visitedAt: R, networkType: R, result: R, told: R },
    }),
    "seed-failed": { seed: R, message: R },
    summary: typed<Omit<CrawlSummary, "type">>({
      ...{ network: R, visited: R, ok: R, failed: R, unvisited: R, heard: R },
      ...{ networkTypes: R, userAgents: R, protocolVersions: R, services: R },
      durationMs: R,
    }),
  },
  "demo": Object.fromEntries(
    Object.entries(DEMO).map(([type, keys]) => [type, { ...TIME, ...keys }]),
  ),
};

Deno.test("docs/events.md has every event with its keys", () => {
  const documented = tableOf("Events", "type").map(([type, cell]) => {
    const [name = ""] = words(type);
    return [name, cell === "none" ? {} : keys(cell)];
  });
  const actual = Object.entries(EVENTS).map(([type, schema]) => {
    const { type: _, time: _time, ...rest } = answer(schema);
    return [type, rest];
  });
  assertEquals(Object.fromEntries(documented), Object.fromEntries(actual));
});

Deno.test("docs/events.md has the keys of every answer that a command prints", () => {
  const rows = tableOf("Answers", "command");
  assertEquals(
    rows.map(([command]) => command).toSorted(),
    Object.keys(ANSWERS).toSorted(),
  );
  for (const [command = "", cell] of rows) {
    const expected = ANSWERS[command];
    if (expected === undefined) continue;
    assertEquals(
      keys(cell),
      sorted(expected),
      command,
    );
  }
});

Deno.test("docs/events.md has the keys of every record that a command prints while it runs", () => {
  const documented = new Map<string, Record<string, string>>();
  for (const [commands, types, cell] of tableOf("Records", "command")) {
    for (const command of words(commands)) {
      for (const type of words(types)) {
        documented.set(`${command} ${type}`, keys(cell));
      }
    }
  }
  const actual = Object.entries(RECORDS).flatMap(([command, types]) =>
    Object.entries(types).map(([type, keys]) =>
      [
        `${command} ${type}`,
        Object.fromEntries(Object.entries(keys).toSorted()),
      ] as const
    )
  );
  assertEquals(
    Object.fromEntries([...documented].toSorted()),
    Object.fromEntries(actual.toSorted(([a], [b]) => a < b ? -1 : 1)),
  );
});

Deno.test("docs/events.md has every key of the status, and docs/metrics.md those it leaves to it", () => {
  const documented = new Map(
    tableOf("The status", "key").flatMap(([cell]) =>
      Object.entries(keys(cell))
    ),
  );
  const wildcards = [...documented.keys()].filter((it) => it.endsWith(".*"));
  for (const wildcard of wildcards) documented.delete(wildcard);
  const actual = new Map<string, string>();
  for (const [path, presence] of keysOfSchema(API.status.answer)) {
    const isLeft = wildcards.some((it) => path.startsWith(it.slice(0, -1)));
    if (!isLeft) {
      actual.set(path, presence);
      continue;
    }
    const [group, key] = path.split(".");
    assert(
      METRICS.includes(`${group}.${key}`),
      `docs/metrics.md has no ${group}.${key}`,
    );
  }
  assertEquals(
    Object.fromEntries([...documented].toSorted()),
    Object.fromEntries([...actual].toSorted()),
  );
});

Deno.test("docs/events.md has every command with --json", async () => {
  const listed = new Set([
    ...["run", "tail"],
    ...tableOf("Answers", "command").flatMap(([cell]) => words(cell)),
    ...tableOf("Records", "command").flatMap(([cell]) => words(cell)),
  ]);
  for (const entry of COMMANDS) {
    const { flags } = await entry.load();
    if ("json" in flags) assert(listed.has(entry.name), entry.name);
  }
  // Modules of commands that dial prepare TLS as they load.
  await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
});
