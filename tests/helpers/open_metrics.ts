/**
 * Reads metrics as text and checks what OpenMetrics 1.0.0 demands of it: the grammar, the order of
 * the lines, suffixes, units and histograms. Also the older format of Prometheus.
 */
import { assert, assertEquals } from "@std/assert";

/** A metric as it was served. */
export interface ServedMetric {
  readonly name: string;
  readonly type: string;
  readonly unit?: string;
  readonly help: string;
  readonly samples: ServedSample[];
}

/** One line of a metric. */
export interface ServedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const META = new RegExp(`^# (TYPE|UNIT|HELP) (${NAME}) ([^"\\n\\\\]*)$`);
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?)$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  info: ["_info"],
  histogram: ["_bucket", "_count", "_sum"],
};

/** Every metric of the text, by name without suffix; throws where it breaks a rule. */
export function parseMetrics(
  text: string,
  format: "openmetrics" | "prometheus",
): Map<string, ServedMetric> {
  const isOpen = format === "openmetrics";
  assert(text.endsWith(isOpen ? "\n# EOF\n" : "\n"), "its end");
  const lines = text.split("\n").slice(0, isOpen ? -2 : -1);
  const metrics = new Map<string, ServedMetric>();
  let at: { -readonly [K in keyof ServedMetric]?: ServedMetric[K] } = {};
  const seen = new Set<string>();
  for (const line of lines) {
    const meta = META.exec(line);
    if (meta !== null) {
      const [, kind, name = "", value = ""] = meta;
      if (at.name !== name) {
        assert(!metrics.has(name), `${name} comes once`);
        at = { name, samples: [] };
      }
      assertEquals(at.samples, [], `${name}: all of it is before its samples`);
      if (kind === "TYPE") at.type = value;
      else if (kind === "UNIT") at.unit = value;
      else at.help = value;
      metrics.set(name, at as ServedMetric);
      continue;
    }
    const match = SAMPLE.exec(line);
    assert(match !== null, `a line that is none: ${line}`);
    const [, name = "", labelText = "", number = ""] = match;
    const labels = Object.fromEntries(
      [...labelText.matchAll(/([a-zA-Z_0-9]+)="((?:[^"\\]|\\.)*)"/g)]
        .map(([, key, value]) => [key, value]),
    );
    const { type = "", name: base = "" } = at;
    const allowed = isOpen || type === "histogram" ? SUFFIXES[type] : [""];
    assert(
      allowed?.some((suffix) => name === `${base}${suffix}`),
      `${name} is no name of ${type} ${base}`,
    );
    assert(!seen.has(`${name}{${labelText}}`), `${name} comes once`);
    seen.add(`${name}{${labelText}}`);
    at.samples!.push({ name, labels, value: Number(number) });
  }
  for (const metric of metrics.values()) check(metric, isOpen);
  return metrics;
}

function check(metric: ServedMetric, isOpen: boolean): void {
  const { name, type, unit, help, samples } = metric;
  assert(type in SUFFIXES && help !== "", `${name} has a type and a help`);
  if (unit !== undefined) assert(name.endsWith(`_${unit}`), `unit of ${name}`);
  if (type !== "gauge") {
    for (const { value } of samples) assert(value >= 0, `${name} is ${value}`);
  }
  if (!isOpen && type === "counter") assert(name.endsWith("_total"), name);
  if (type !== "histogram") return;
  const buckets = samples.filter((it) => it.name.endsWith("_bucket"));
  const bounds = buckets.map(({ labels }) =>
    labels.le === "+Inf" ? Infinity : Number(labels.le)
  );
  assertEquals(bounds, bounds.toSorted((a, b) => a - b), `bounds of ${name}`);
  assertEquals(bounds.at(-1), Infinity);
  const counts = buckets.map(({ value }) => value);
  assertEquals(counts, counts.toSorted((a, b) => a - b), `counts of ${name}`);
  const count = samples.find((it) => it.name === `${name}_count`)?.value;
  assertEquals(counts.at(-1), count, `${name}: +Inf has all`);
}

/** The value of a sample. */
export function valueOf(
  metrics: ReadonlyMap<string, ServedMetric>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  for (const metric of metrics.values()) {
    for (const sample of metric.samples) {
      const fits = Object.entries(labels)
        .every(([key, value]) => sample.labels[key] === value);
      if (sample.name === name && fits) return sample.value;
    }
  }
  return undefined;
}
