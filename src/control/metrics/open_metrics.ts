/**
 * Metrics as text: OpenMetrics 1.0.0 (`application/openmetrics-text`), and the older format of
 * Prometheus, 0.0.4, which differs in the names of counters and has neither units nor an end.
 */
import type { Labels, Metric, StatusReading } from "./metric.ts";
import { METRICS } from "./metric_list.ts";

/** A format of the text. */
export type MetricsFormat = "openmetrics" | "prometheus";

/** The media type of each format. */
export const MEDIA_TYPES: Readonly<Record<MetricsFormat, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

/** The format of an answer to a request with this `Accept`: the one that it prefers. */
export function formatFor(accept: string | null): MetricsFormat {
  const quality = (type: string) => {
    let best = 0;
    for (const range of (accept ?? "").split(",")) {
      const [name = "", ...parameters] = range.split(";");
      if (name.trim().toLowerCase() !== type) continue;
      const q = parameters.map((it) =>
        /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(it)
      )
        .find((match) => match !== null);
      best = Math.max(best, q === undefined ? 1 : Number(q?.[1]));
    }
    return best;
  };
  const open = quality("application/openmetrics-text");
  return open > 0 && open >= quality("text/plain")
    ? "openmetrics"
    : "prometheus";
}

/** The text of all metrics. */
export function metricsText(
  status: StatusReading,
  format: MetricsFormat,
): string {
  const lines = METRICS.flatMap((metric) =>
    metricLines(metric, status, format)
  );
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function metricLines(
  metric: Metric,
  status: StatusReading,
  format: MetricsFormat,
): string[] {
  const { help, type, unit } = metric;
  const isOpen = format === "openmetrics";
  const suffix = type === "counter" ? "_total" : type === "info" ? "_info" : "";
  const sampled = `${metric.name}${suffix}`;
  // The older format has neither info nor a name without the suffix.
  const name = isOpen ? metric.name : sampled;
  const lines = [
    `# TYPE ${name} ${type === "info" && !isOpen ? "gauge" : type}`,
    ...(isOpen && unit !== undefined ? [`# UNIT ${name} ${unit}`] : []),
    `# HELP ${name} ${help}`,
  ];
  if (metric.type !== "histogram") {
    for (const { value, labels } of metric.read(status)) {
      lines.push(`${sampled}${labelText(labels)} ${value}`);
    }
    return lines;
  }
  const { buckets, count, sum } = metric.read(status);
  for (const [upToMs, atMost] of buckets) {
    const le = boundText(upToMs / 1_000);
    lines.push(`${name}_bucket{le="${le}"} ${atMost}`);
  }
  lines.push(`${name}_bucket{le="+Inf"} ${count}`);
  lines.push(`${name}_count ${count}`, `${name}_sum ${sum / 1_000}`);
  return lines;
}

/** A bound as Go writes a float, which OpenMetrics requires. */
function boundText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : `${value}`;
}

function labelText(labels: Labels = {}): string {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return "";
  return `{${
    pairs.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(",")
  }}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}
