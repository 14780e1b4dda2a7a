/** Metrics: their text, their names, and that they are what the status says. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { Histogram } from "../../src/core/histogram.ts";
import type { StatusAnswer, WatchRecord } from "../../src/control/answers.ts";
import { openMetricsPort } from "../../src/control/control_listeners.ts";
import type {
  Metric,
  StatusReading,
} from "../../src/control/metrics/metric.ts";
import { METRICS } from "../../src/control/metrics/metric_list.ts";
import {
  formatFor,
  MEDIA_TYPES,
  metricsText,
} from "../../src/control/metrics/open_metrics.ts";
import { ControlScene } from "../helpers/control.ts";
import { useEachOther } from "../helpers/load.ts";
import {
  parseMetrics,
  type ServedMetric,
  valueOf,
} from "../helpers/open_metrics.ts";
import { testIf } from "../helpers/test_if.ts";
import { until } from "../helpers/until.ts";

const FORMATS = ["openmetrics", "prometheus"] as const;

/** Pings and exchanges would change figures while a test compares them. */
const QUIET = { heartbeatMs: 3_600_000, peerExchangeMs: 3_600_000 };

/** What changes by itself, or by the request that reads it. */
const UNSTEADY = /^(process_|verack_uptime|verack_control_|verack_event_loop)/;

for (const format of FORMATS) {
  Deno.test(`every line of ${format} is as its rules demand`, async () => {
    await using scene = await ControlScene.start({ name: "alice" });
    const response = await scene.fetch("/metrics", {
      headers: { accept: MEDIA_TYPES[format] },
    });
    assertEquals(response.headers.get("content-type"), MEDIA_TYPES[format]);
    const metrics = parseMetrics(await response.text(), format);
    assertEquals(metrics.size, METRICS.length);
    assertEquals(
      valueOf(metrics, "verack_info", { version: scene.node.status().version }),
      1,
    );
    assertEquals(valueOf(metrics, "verack_healthy"), 1);
  });
}

/** A Python that has Prometheus' own package: the first one, or that of the system. */
const python = await firstWith("import prometheus_client", [
  "python3",
  "/usr/bin/python3",
]);
if (python === undefined) {
  console.log(
    "skipped: the parser of Prometheus' client for Python (pip install prometheus-client)",
  );
}

async function firstWith(
  code: string,
  pythons: readonly string[],
): Promise<string | undefined> {
  for (const python of pythons) {
    const { success } = await new Deno.Command(python, {
      args: ["-c", code],
      stdout: "null",
      stderr: "null",
    }).output().catch(() => ({ success: false }));
    if (success) return python;
  }
  return undefined;
}

for (const format of FORMATS) {
  testIf(python !== undefined)(
    `the parser of Prometheus' client for Python reads ${format}`,
    async () => {
      await using scene = await ControlScene.start({ name: "alice" });
      await using _peer = await scene.peer();
      const response = await scene.fetch("/metrics", {
        headers: { accept: MEDIA_TYPES[format] },
      });
      const module = format === "openmetrics"
        ? "prometheus_client.openmetrics.parser"
        : "prometheus_client.parser";
      const child = new Deno.Command(python!, {
        args: [
          "-c",
          `import sys; from ${module} import text_fd_to_metric_families as read; print(len(list(read(sys.stdin))))`,
        ],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(await response.bytes());
      await writer.close();
      const { stdout, stderr } = await child.output();
      const decoder = new TextDecoder();
      assertEquals(decoder.decode(stderr), "");
      assertEquals(Number(decoder.decode(stdout)), METRICS.length);
    },
  );
}

Deno.test("a client gets the format that it prefers, and text if it has no preference", () => {
  const cases: [string | null, string][] = [
    [null, "prometheus"],
    ["*/*", "prometheus"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "prometheus"],
    ["application/openmetrics-text", "openmetrics"],
    // As Prometheus 3 sends it.
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
      "openmetrics",
    ],
    ["text/plain;q=0.9, application/openmetrics-text;q=0.2", "prometheus"],
    ["application/openmetrics-text;q=0", "prometheus"],
  ];
  for (const [accept, expected] of cases) {
    assertEquals(formatFor(accept), expected, `${accept}`);
  }
});

Deno.test("metrics have a prefix, base units, and a help that says it all", () => {
  const names = METRICS.map(({ name }) => name);
  assertEquals(names.length, new Set(names).size);
  for (const { name, help, type, unit } of METRICS) {
    assertMatch(name, /^(verack|process)(_[a-z]+)*$/);
    assert(
      !/_(total|count|sum|bucket|info|created|ms|kb|mb)$/i.test(name),
      name,
    );
    assertMatch(help, /^[A-Z1][^"\\\n]{4,110}[^.]$/);
    if (/bytes|seconds/.test(name)) assert(unit !== undefined, name);
    if (type === "histogram") assertEquals(unit, "seconds");
  }
});

Deno.test("no label of a metric has text of the network", async () => {
  const name = "mallory";
  await using scene = await ControlScene.start({ name: "alice" });
  await using peer = await scene.peer({ name });
  const text = await (await scene.fetch("/metrics")).text();
  for (
    const foreign of [name, "alice", peer.identity.id.slice(0, 8), "127.0.0.1"]
  ) assert(!text.includes(foreign), foreign);
  const labels = [...parseMetrics(text, "prometheus").values()]
    .flatMap(({ samples }) => samples.flatMap((it) => Object.keys(it.labels)));
  assertEquals([...new Set(labels)].sort(), [
    "admission",
    "direction",
    "ephemeral",
    "le",
    "path",
    "reason",
    "tls",
    "version",
  ]);
});

Deno.test("docs/metrics.md lists every metric, and no other", async () => {
  const text = await Deno.readTextFile(
    new URL("../../docs/metrics.md", import.meta.url),
  );
  const rows = text.split("\n").filter((line) =>
    /^\| `(verack|process)_/.test(line)
  ).map((line) => line.split("|").slice(1, -1).map((it) => it.trim()));
  assertEquals(rows, METRICS.map(rowOf));
});

/** The row of the document. */
function rowOf({ name, type, help, from }: Metric): string[] {
  const suffix = type === "counter" ? "_total" : type === "info" ? "_info" : "";
  return [`\`${name}${suffix}\``, type, help, `\`${from}\``];
}

Deno.test("a histogram counts each value once, in the first bucket that is not below it", () => {
  const histogram = new Histogram([1, 2.5, 10]);
  const passed: number[] = [];
  histogram.onValue = (value) => passed.push(value);
  const values = [0, 1, 1.01, 2.5, 9, 10, 10.5, 1e9];
  for (const value of values) histogram.add(value);
  assertEquals(histogram.read(), {
    count: 8,
    sum: values.reduce((sum, value) => sum + value),
    buckets: [[1, 2], [2.5, 4], [10, 6]],
  });
  assertEquals(passed, values);
});

/** What the status says in the place that a metric names. */
function assertSame(
  status: StatusAnswer,
  served: ReadonlyMap<string, ServedMetric>,
): void {
  // The status as a client has it, with its dates as the node has them.
  const reading = {
    ...status,
    startedAt: new Date(status.startedAt),
  } as unknown as StatusReading;
  const expected = parseMetrics(
    metricsText(reading, "openmetrics"),
    "openmetrics",
  );
  const compared = [...expected].filter(([name]) => !UNSTEADY.test(name));
  assert(compared.length > 60, `${compared.length} compared`);
  for (const [name, metric] of compared) {
    assertEquals(served.get(name), metric, name);
  }
}

Deno.test("after load every number of /metrics and of watch equals that of status, at both listeners", async () => {
  await using scene = await ControlScene.start({ name: "alice", ...QUIET });
  const port = await openMetricsPort(scene.server, {
    address: { host: "127.0.0.1", port: 0 },
    clock: systemClock,
  });
  await using peer = await scene.peer(QUIET);
  using client = await scene.client();
  const watched: { status?: StatusAnswer; peers?: WatchRecord } = {};
  const stop = new AbortController();
  const watching = (async () => {
    const records = client.watch({ intervalMs: 200, signal: stop.signal });
    for await (const record of records) {
      if (record.type === "status") watched.status = record.status;
      else watched.peers = record;
    }
  })().catch(() => {});
  await useEachOther(scene.node, peer);
  let before = "";
  let equal = 0;
  await until("both are at rest", async () => {
    const now = JSON.stringify(steady(await client.status()));
    equal = now === before ? equal + 1 : 0;
    before = now;
    return equal > 20;
  });
  const status = await client.status();
  const { counters } = status;
  for (const [name, value] of Object.entries(counters)) {
    const isIdle = UNUSED.includes(name);
    assert(isIdle || value > 0, `${name} is ${value}`);
  }
  const accept = { accept: MEDIA_TYPES.openmetrics };
  const texts = await Promise.all([
    scene.fetch("/metrics", { headers: accept }),
    fetch(`http://127.0.0.1:${port}/metrics`, { headers: accept }),
  ].map(async (response) => await (await response).text()));
  for (const text of texts) {
    assertSame(status, parseMetrics(text, "openmetrics"));
  }
  await until(
    "the watch has the same",
    () =>
      JSON.stringify(steady(watched.status)) === JSON.stringify(steady(status)),
  );
  assertEquals(watched.peers, { type: "peers", ...(await client.peers()) });
  const [session] = scene.node.sessions();
  assertEquals(session!.bytesSent, counters.bytesSent);
  assertEquals(session!.messagesReceived, counters.messagesReceived);
  // What one end has sent the other has received.
  const theirs = peer.status().counters;
  assertEquals(theirs.bytesReceived, counters.bytesSent);
  assertEquals(theirs.bytesSent, counters.bytesReceived);
  assertEquals(theirs.messagesReceived, counters.messagesDelivered);
  assertEquals(counters.messagesReceived, theirs.messagesSent);
  assertEquals(theirs.filesReceived, 1);
  assertEquals(theirs.requestsServed, counters.requestsAnswered);
  assertEquals(theirs.requestsRefused, counters.requestsFailed);
  assertEquals(theirs.forwardedOpened, 1);
  assertEquals(
    counters.messagesAccepted,
    counters.messagesDelivered + counters.messagesUndelivered +
      status.outbox.messages,
  );
  stop.abort();
  await watching;
});

/** What nothing of the load is counted by at the node. */
const UNUSED = [
  // Nothing is discovered here.
  "lanPacketsSent",
  "lanPacketsReceived",
  "lanPacketsDropped",
  "lanNodesFound",
  "lanNodesDropped",
  "dialsAttempted",
  "dialsSucceeded",
  "dialsFailed",
  "filesFailed",
  "filesReceived",
  "forwardedRefused",
  "relaysOpened",
  "relaysRefusedFull",
  "relaysRefusedNotConnected",
  "relaysRefusedOther",
  "relayedBytes",
  "handshakesFailed",
  "handshakesRefused",
  "messagesDeadLettered",
  "messagesKept",
  "messagesNacked",
  "messagesRepeated",
  "messagesUndelivered",
  "pausedMs",
  "pauses",
  "peersDown",
  "peersLost",
  "requestsReceived",
  "requestsRefused",
  "requestsServed",
  "sessionsClosedInbound",
  "sessionsClosedOutbound",
  "sessionsOpenedOutbound",
  "streamsAccepted",
  "streamsRefused",
];

/** Without what changes at rest. */
function steady(status: StatusAnswer | undefined): unknown {
  if (status === undefined) return undefined;
  const { uptimeMs: _, process: _process, control: _control, ...rest } = status;
  const { eventLoopDelayMs: _delay, ...histograms } = rest.histograms;
  return { ...rest, histograms };
}
