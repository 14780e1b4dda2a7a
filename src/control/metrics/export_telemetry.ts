/**
 * The metrics of a node through OpenTelemetry, as Deno has it built in: `OTEL_DENO=true` in the
 * environment turns it on. The instruments are those of `/metrics`, and read what it reads.
 */
import { type Clock, systemClock } from "../../core/clock.ts";
import { histogramsOf } from "../../core/histogram.ts";
import { type ObserveCallback, telemetry } from "../../core/telemetry.ts";
import type { Node } from "../../mesh/node.ts";
import { VERSION } from "../../version.ts";
import type { ControlFigures } from "../answers.ts";
import { SHARED_READING_MS } from "../control_limits.ts";
import { SharedReading, statusAnswer } from "../node_snapshot.ts";
import type { Metric } from "./metric.ts";
import { METRICS } from "./metric_list.ts";

/** Units as UCUM writes them. */
const UNITS = { bytes: "By", seconds: "s" } as const;

/** Figures of a node that has no control server. */
const NO_CONTROL: ControlFigures = { requests: 0, streams: 0, eventsMissed: 0 };

/** Options of {@linkcode exportTelemetry}. */
export interface TelemetryOptions {
  /** Figures of its control server. @default none */
  readonly figures?: () => ControlFigures;
  /** Times how often the node is read. @default {systemClock} */
  readonly clock?: Clock;
}

/**
 * Exports the metrics of a node until the result is disposed of; does nothing unless the process
 * was started with `OTEL_DENO=true`.
 */
export function exportTelemetry(
  node: Node,
  { figures = () => NO_CONTROL, clock = systemClock }: TelemetryOptions = {},
): Disposable {
  const meter = telemetry()?.meterProvider.getMeter("verack", VERSION);
  if (meter === undefined) return { [Symbol.dispose]: () => {} };
  const reading = new SharedReading(
    clock,
    SHARED_READING_MS,
    () => statusAnswer({ node, figures }),
  );
  const ends = METRICS.map((metric) => {
    const name = instrumentName(metric);
    const options = {
      description: metric.help,
      ...(metric.unit !== undefined && { unit: UNITS[metric.unit] }),
    };
    if (metric.type === "histogram") {
      const source = histogramsOf(node)[metric.histogram];
      const histogram = meter.createHistogram(name, {
        ...options,
        advice: { explicitBucketBoundaries: source.bounds.map(inSeconds) },
      });
      source.onValue = (value) => histogram.record(inSeconds(value));
      return () => source.onValue = undefined;
    }
    const { read, type } = metric;
    const instrument = type === "counter"
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options);
    const observe: ObserveCallback = (result) => {
      for (const { value, labels } of read(reading.get())) {
        result.observe(value, labels);
      }
    };
    instrument.addCallback(observe);
    return () => instrument.removeCallback(observe);
  });
  return {
    [Symbol.dispose]() {
      for (const end of ends) end();
    },
  };
}

/** As OpenTelemetry has names: exporters to Prometheus make the name of `/metrics` of it again. */
function instrumentName({ name, type, unit }: Metric): string {
  const bare = unit === undefined ? name : name.slice(0, -unit.length - 1);
  return type === "info" ? `${bare}.info` : bare.replace("_", ".");
}

function inSeconds(ms: number): number {
  return ms / 1_000;
}
