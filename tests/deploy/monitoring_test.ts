// Alerts and the dashboard: every metric in them is one that a node serves. Neither Prometheus
// nor Grafana runs here.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NodeProcess } from "../helpers/process.ts";
import { runs, testIf } from "../helpers/test_if.ts";
import { DEPLOY, oneYaml, readDeploy, Value } from "./documents.ts";
import { namesIn } from "./promql.ts";

/** Of Prometheus, not of a node. */
const OF_PROMETHEUS = ["up"];
/** Labels that Prometheus adds. */
const OF_TARGETS = ["job", "instance"];

const GROUPS = oneYaml("prometheus/alerts.yaml").at("groups");
const ALERTS = GROUPS.list.flatMap((group) => group.at("rules").list);
const DASHBOARD = new Value(
  "verack.json",
  JSON.parse(readDeploy("grafana/verack.json")),
);
const PANELS = DASHBOARD.at("panels").list;

/** Expressions of alerts and dashboard, with where they are. */
function* expressions(): Generator<[where: string, expression: string]> {
  for (const alert of ALERTS) {
    yield [alert.at("alert").text, alert.at("expr").text];
  }
  for (const panel of PANELS) {
    if (!panel.at("targets").exists) continue;
    for (const target of panel.at("targets").list) {
      yield [panel.at("title").text, target.at("expr").text];
    }
  }
  for (const it of DASHBOARD.at("annotations", "list").list) {
    yield [it.at("name").text, it.at("expr").text];
  }
  for (const it of DASHBOARD.at("templating", "list").list) {
    const query = it.at("query", "query");
    const [, selector] = /^label_values\((.*), \w+\)$/.exec(`${query.raw}`) ??
      [];
    if (selector !== undefined) yield [it.at("name").text, selector];
  }
}

/** Names of samples and of labels that a node serves. */
async function served(): Promise<{ names: Set<string>; labels: Set<string> }> {
  await using node = await NodeProcess.start(["--metrics=127.0.0.1:0"]);
  const [listening] = node.events.filter(({ type }) => type === "listening");
  assert(listening !== undefined && "metrics" in listening);
  const text = await (await fetch(`${listening.metrics}`)).text();
  const lines = text.split("\n");
  const names = new Set(
    lines.map((line) => /^([a-zA-Z_:][\w:]*)[{ ]/.exec(line)?.[1] ?? ""),
  );
  // A metric without a sample at present: a health without reasons.
  for (const line of lines) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type === "gauge") names.add(name);
  }
  const labels = new Set(
    [...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, label = ""]) => label),
  );
  return { names, labels };
}

Deno.test("every metric and label of the alerts and of the dashboard is one that a node serves", async () => {
  const { names, labels } = await served();
  // Of reasons of health, of which a node that is well has none; docs/metrics.md has them.
  for (const label of ["code", "severity"]) labels.add(label);
  const missing: string[] = [];
  for (const [where, expression] of expressions()) {
    const found = namesIn(expression);
    for (const name of found.metrics) {
      if (OF_PROMETHEUS.includes(name) || names.has(name)) continue;
      missing.push(`${where}: ${name}`);
    }
    for (const label of found.labels) {
      if (OF_TARGETS.includes(label) || labels.has(label)) continue;
      missing.push(`${where}: ${label}`);
    }
  }
  assertEquals(missing, []);
  assertThrows(() => namesIn("rate(verack_sent_bytes_total[5m]"), Error);
});

Deno.test("every alert says how severe it is, what it is about and where to read on, and that section is there", () => {
  const document = Deno.readTextFileSync(
    new URL("../docs/operations.md", DEPLOY),
  );
  const sections = [...document.matchAll(/^### (Verack\w+)$/gm)]
    .map(([, name]) => name);
  assertEquals(sections, ALERTS.map((it) => it.at("alert").text));
  for (const alert of ALERTS) {
    const name = alert.at("alert").text;
    const severity = alert.at("labels", "severity").text;
    assert(["critical", "warning", "info"].includes(severity), name);
    for (const part of ["summary", "description"]) {
      assert(alert.at("annotations", part).text.length > 10, name);
    }
    assertEquals(
      alert.at("annotations", "runbook").text,
      `docs/operations.md#${name.toLowerCase()}`,
    );
    // What rises in an instant is told at once; what is a state, when it lasts.
    const isCount = /^(increase|changes)\(/.test(alert.at("expr").text);
    assertEquals(alert.at("for").exists, !isCount, name);
  }
});

Deno.test("the rules of Kubernetes are those of Prometheus", () => {
  const rule = oneYaml("kubernetes/monitoring/prometheus_rule.yaml");
  assertEquals(rule.at("spec", "groups").raw, GROUPS.raw);
});

Deno.test("the panels of the dashboard have a place, a unit and the data source of its variable", () => {
  const ids = PANELS.map((it) => it.at("id").number);
  assertEquals(new Set(ids).size, ids.length);
  const taken = new Set<string>();
  for (const panel of PANELS) {
    const title = panel.at("title").text;
    const [x, y, w, h] = ["x", "y", "w", "h"].map((it) =>
      panel.at("gridPos", it).number
    );
    assert(x !== undefined && w !== undefined && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y ?? 0; line < (y ?? 0) + (h ?? 0); line++) {
        assert(!taken.has(`${column} ${line}`), `${title} covers another`);
        taken.add(`${column} ${line}`);
      }
    }
    if (panel.at("type").raw === "row") continue;
    assert(panel.at("description").text.length > 0, title);
    const sources = [panel, ...panel.at("targets").list]
      .map((it) => it.at("datasource", "uid").raw);
    assertEquals(new Set(sources), new Set(["${datasource}"]), title);
  }
});

Deno.test("every query of the dashboard is about the chosen nodes, and every rate about an interval that fits", () => {
  for (const panel of PANELS) {
    if (!panel.at("targets").exists) continue;
    for (const target of panel.at("targets").list) {
      const text = target.at("expr").text;
      const title = panel.at("title").text;
      const { metrics } = namesIn(text);
      const chosen = text.split('job=~"$job", instance=~"$instance"').length;
      assert(chosen > metrics.length, `${title}: ${text}`);
      assertEquals(
        text.match(/(?:rate|increase)\(/g)?.length ?? 0,
        text.match(/\[\$__rate_interval\]/g)?.length ?? 0,
        title,
      );
    }
  }
  const variables = DASHBOARD.at("templating", "list").list
    .map((it) => it.at("name").text);
  assertEquals(variables, ["datasource", "job", "instance"]);
});

testIf(runs("promtool", "--version"))(
  "promtool takes configuration and rules, and alerts are raised in the cases that have them",
  async () => {
    const cases = new URL("alert_cases.yaml", import.meta.url).pathname;
    const inside = (path: string) => new URL(path, DEPLOY).pathname;
    for (
      const args of [
        ["check", "config", inside("prometheus/prometheus.yaml")],
        ["check", "rules", inside("prometheus/alerts.yaml")],
        ["test", "rules", cases],
      ]
    ) {
      const { code, stdout, stderr } = await new Deno.Command("promtool", {
        args,
      }).output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stdout) + text.decode(stderr));
    }
  },
);
