/** What a PromQL expression names, by the grammar of Prometheus itself. */
import { assert } from "@std/assert";
import { parser } from "@prometheus-io/lezer-promql";

/** Names in an expression. */
export interface PromqlNames {
  readonly metrics: readonly string[];
  /** Labels by which series are chosen or grouped. */
  readonly labels: readonly string[];
}

/** Grafana's variables for durations, which stand where PromQL has one. */
const DURATION = /\$__(rate_interval|interval|range)\b/g;

/** Parses an expression, with or without variables of Grafana. */
export function namesIn(expression: string): PromqlNames {
  const text = expression.replaceAll(DURATION, "5m");
  const metrics = new Set<string>();
  const labels = new Set<string>();
  parser.parse(text).iterate({
    enter(node) {
      const found = text.slice(node.from, node.to);
      assert(
        !node.type.isError,
        `${expression}: wrong at ${found || "the end"}`,
      );
      if (node.name === "Identifier") metrics.add(found);
      if (node.name === "LabelName") labels.add(found);
    },
  });
  return { metrics: [...metrics], labels: [...labels] };
}
