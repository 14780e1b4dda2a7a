// OpenTelemetry, as Deno has it: a node exports what its metrics are, to a receiver of OTLP.
import { assert, assertEquals } from "@std/assert";
import { METRICS } from "../../src/control/metrics/metric_list.ts";
import { Node } from "../../src/mesh/node.ts";
import { exportTelemetry } from "../../src/control/mod.ts";
import { parseMetrics, type ServedMetric } from "../helpers/open_metrics.ts";
import { until } from "../helpers/until.ts";

const ROOT = new URL("../../", import.meta.url);

/** An OTLP metric in JSON, as far as it is compared. */
interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly sum?: { readonly dataPoints: OtlpPoint[]; isMonotonic?: boolean };
  readonly gauge?: { readonly dataPoints: OtlpPoint[] };
  readonly histogram?: { readonly dataPoints: OtlpPoint[] };
}

interface OtlpPoint {
  readonly asDouble?: number;
  readonly asInt?: string | number;
  readonly count?: string | number;
  readonly sum?: number;
  readonly bucketCounts?: (string | number)[];
  readonly attributes?: { key: string; value: { stringValue: string } }[];
}

/** What changes while it is compared. */
const UNSTEADY =
  /^(process|verack_uptime|verack_event_loop|verack_control|verack_health)/;

Deno.test("with OTEL_DENO=true a node exports the metrics that /metrics has, with the same numbers", async () => {
  const received = new Map<string, OtlpMetric>();
  let exports = 0;
  await using receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = await request.json();
      if (new URL(request.url).pathname !== "/v1/metrics") {
        return Response.json({});
      }
      for (const { scopeMetrics } of body.resourceMetrics) {
        for (const { scope, metrics } of scopeMetrics) {
          if (scope.name !== "verack") continue;
          exports++;
          for (const it of metrics) received.set(it.name, it);
        }
      }
      return Response.json({});
    },
  );
  const endpoint = `http://127.0.0.1:${receiver.addr.port}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "src/cli/main.ts",
      "run",
      "--json",
      "--host=127.0.0.1",
      "--port=0",
      "--metrics=0",
      "--heartbeat=3600",
      "--period=0",
    ],
    cwd: ROOT,
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: "200",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"listening"') || !text.endsWith("\n")) {
      text += (await lines.read()).value ?? "";
    }
    const listening = JSON.parse(
      text.split("\n").find((line) => line.includes('"listening"'))!,
    );
    await using node = await Node.start({ connect: [listening.address] });
    await node.joined();
    const peer = node.sessions()[0]!.id;
    await node.send(peer, "hello");
    const names = METRICS.map(({ name }) => name)
      .filter((name) => !/open_fds|health_facts/.test(name));
    // Histograms without a value are not exported.
    const empty = /_(round_trip|dial|delivery|event_loop_delay)_seconds$/;
    await until(
      "all are exported",
      () =>
        names.filter((name) => !empty.test(name)).every((name) =>
          received.has(otlpName(name))
        ),
    );
    await node.close();
    const served = async () => {
      const headers = { accept: "application/openmetrics-text" };
      const response = await fetch(listening.metrics, { headers });
      return parseMetrics(await response.text(), "openmetrics");
    };
    let differing: string[] = ["all"];
    await until("the exported numbers are those of /metrics", async () => {
      const before = exports;
      await until("another export", () => exports > before + 1);
      const metrics = await served();
      differing = [...metrics.values()].filter(({ name }) =>
        !UNSTEADY.test(name)
      ).flatMap((metric) => difference(metric, received));
      return differing.length === 0;
    }).catch(() => {});
    assertEquals(differing, []);
    const opened = received.get("verack.sessions_opened");
    assertEquals(opened?.sum?.isMonotonic, true);
    assertEquals(received.get("verack.sent")?.unit, "By");
    await lines.cancel();
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
});

function otlpName(name: string): string {
  const bare = name.replace(/_(bytes|seconds)$/, "");
  return name === "verack" ? "verack.info" : bare.replace("_", ".");
}

/** How the exported metric differs from the served one. */
function difference(
  { name, samples, type }: ServedMetric,
  received: ReadonlyMap<string, OtlpMetric>,
): string[] {
  const metric = received.get(otlpName(name));
  const points = metric?.sum?.dataPoints ?? metric?.gauge?.dataPoints ??
    metric?.histogram?.dataPoints ?? [];
  if (type === "histogram") {
    const count = samples.find((it) => it.name.endsWith("_count"))!.value;
    const sum = samples.find((it) => it.name.endsWith("_sum"))!.value;
    const [point] = points;
    const isSame = Number(point?.count ?? 0) === count &&
      Math.abs((point?.sum ?? 0) - sum) < 1e-9 &&
      (point === undefined ||
        point.bucketCounts?.length ===
          samples.filter((it) => it.name.endsWith("_bucket")).length);
    return isSame ? [] : [`${name}: ${JSON.stringify(metric)}`];
  }
  return samples.flatMap(({ labels, value }) => {
    const point = points.find(({ attributes = [] }) =>
      attributes.every((it) => labels[it.key] === it.value.stringValue)
    );
    const exported = point?.asDouble ?? Number(point?.asInt);
    return exported === value ? [] : [`${name} is ${exported}, not ${value}`];
  });
}

Deno.test("without OTEL_DENO there is nothing to export, and nothing fails", async () => {
  await using node = await Node.start();
  using exported = exportTelemetry(node);
  assert(exported !== undefined);
});
