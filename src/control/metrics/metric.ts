/** What a metric is. Names follow the rules of Prometheus and OpenMetrics. */
import type { HistogramReading, NodeHistograms } from "../../core/histogram.ts";
import type { statusAnswer } from "../node_snapshot.ts";

/** What metrics are read from. */
export type StatusReading = ReturnType<typeof statusAnswer>;

/** Labels of a sample: only from fixed sets, so that peers cannot make new ones. */
export type Labels = Readonly<Record<string, string>>;

/** One number of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

interface MetricBase {
  /** By the rules of Prometheus and OpenMetrics, without `_total` or another suffix. */
  readonly name: string;
  /** The unit with which the name ends. */
  readonly unit?: "bytes" | "seconds";
  readonly help: string;
  /** Where it is in `status --json`, for the document. */
  readonly from: string;
}

/** A metric of numbers. */
export interface NumberMetric extends MetricBase {
  /** `info` is a number, 1, of which the labels matter. */
  readonly type: "counter" | "gauge" | "info";
  /** The samples; none of what is not known. */
  readonly read: (status: StatusReading) => readonly Sample[];
}

/** A metric of durations. */
export interface HistogramMetric extends MetricBase {
  readonly type: "histogram";
  readonly unit: "seconds";
  /** Its histogram, which has milliseconds. */
  readonly histogram: keyof NodeHistograms;
  readonly read: (status: StatusReading) => HistogramReading;
}

/** Any of them. */
export type Metric = NumberMetric | HistogramMetric;

/** A gauge of one number. */
export function gauge(
  name: string,
  help: string,
  from: string,
  read: (status: StatusReading) => number | undefined,
): NumberMetric {
  return number("gauge", `verack_${name}`, help, from, (status) => {
    const value = read(status);
    return value === undefined ? [] : [{ value }];
  });
}

/** A metric of numbers; its name ends with the unit. */
export function number(
  type: NumberMetric["type"],
  name: string,
  help: string,
  from: string,
  read: NumberMetric["read"],
): NumberMetric {
  const unit = name.endsWith("_bytes")
    ? "bytes"
    : name.endsWith("_seconds")
    ? "seconds"
    : undefined;
  return { type, name, help, from, read, ...(unit && { unit }) };
}
