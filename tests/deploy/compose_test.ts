// The compose file: what must hold in each of its services, and between them. Docker does not
// run here.
import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import {
  DEPLOY,
  mostMemory,
  oneYaml,
  readDeploy,
  type Value,
} from "./documents.ts";
import { parseLine, portOf } from "./flags.ts";

const COMPOSE = oneYaml("compose.yaml");
const SERVICES = COMPOSE.at("services").entries;
const NODES = SERVICES.filter(([, it]) => it.at("build").exists);

function seedsOf(node: Value): string[] {
  return node.at("command").texts
    .filter((it) => it.startsWith("--connect="))
    .map((it) => it.slice("--connect=".length));
}

Deno.test("every service has a read-only root, no capability and no way to more rights", () => {
  for (const [name, service] of SERVICES) {
    assertEquals(service.at("read_only").raw, true, name);
    assertEquals(service.at("cap_drop").raw, ["ALL"], name);
    assertEquals(
      service.at("security_opt").raw,
      ["no-new-privileges:true"],
      name,
    );
  }
});

Deno.test("a node has the memory that peers can make it take", () => {
  for (const [name, node] of NODES) {
    const [, size] = /^(\d+)g$/.exec(node.at("mem_limit").text) ?? [];
    assert(Number(size) * 1_024 >= mostMemory(), name);
  }
});

Deno.test("there are three nodes, each a command line of the program, with a volume of its own", () => {
  assertEquals(NODES.map(([name]) => name), ["alice", "bob", "carol"]);
  for (const [name, node] of NODES) {
    const { name: command, flags } = parseLine(node.at("command").texts);
    assertEquals(command, "run");
    assertEquals(flags.name, name);
    assertEquals(node.at("volumes").raw, [`${name}:/data`]);
    assert(`${flags.data}`.startsWith("/data/"));
    assert(COMPOSE.at("volumes").keys.includes(name));
    assertEquals(flags.secretFile, "/run/secrets/network");
    assertEquals(node.at("secrets").raw, ["network"]);
    assertEquals(node.at("image").raw, `verack:${config.version}`);
  }
});

Deno.test("nodes join by the names of services that start before them, at the port where these listen", () => {
  assertEquals(NODES.map(([, node]) => seedsOf(node)), [
    [],
    ["alice:8080"],
    ["bob:8080"],
  ]);
  for (const [, node] of NODES) {
    for (const seed of seedsOf(node)) {
      const [host = "", port] = seed.split(":");
      const there = COMPOSE.at("services", host);
      const { flags } = parseLine(there.at("command").texts);
      assertEquals(`${flags.port}`, port);
      assertEquals(
        node.at("depends_on", host, "condition").raw,
        "service_healthy",
      );
    }
  }
});

Deno.test("a service is healthy when the node says so of itself", () => {
  for (const [, node] of NODES) {
    const [kind, program, ...words] = node.at("healthcheck", "test").texts;
    assertEquals([kind, program], ["CMD", "verack"]);
    const { name, flags } = parseLine(words);
    assertEquals(name, "health");
    const run = parseLine(node.at("command").texts);
    assertEquals(flags.data, run.flags.data);
  }
});

Deno.test("only the port of peers of the first node is open to other machines", () => {
  const published = SERVICES.flatMap(([name, it]) =>
    it.at("ports").exists
      ? it.at("ports").texts.map((port) => `${name} ${port}`)
      : []
  );
  assertEquals(published, [
    "alice 8080:8080",
    "prometheus 127.0.0.1:9090:9090",
    "grafana 127.0.0.1:3000:3000",
  ]);
});

Deno.test("the secret is a file that the repository does not have and ignores", () => {
  assertEquals(COMPOSE.at("secrets").raw, {
    network: { file: "./secrets/network" },
  });
  const ignored = Deno.readTextFileSync(new URL("../.gitignore", DEPLOY));
  assert(ignored.split("\n").includes("/deploy/secrets/"));
});

Deno.test("the file begins with the commands of the document, by which the program may read the secret", () => {
  const read = (path: string) => Deno.readTextFileSync(new URL(path, DEPLOY));
  const [, section = ""] = read("../docs/operations.md").split("## Compose");
  const [, block = ""] = section.split(/```(?:sh)?\n/);
  const commands = block.trim().split("\n").slice(0, 3);
  for (const command of commands) {
    assert(read("compose.yaml").includes(`#   ${command}\n`), command);
  }
  assert(commands.some((it) => it.includes("-g 65532 /dev/stdin")));
});

Deno.test("Prometheus scrapes every node where it serves metrics, and Grafana asks that Prometheus", () => {
  const prometheus = oneYaml("prometheus/prometheus.yaml");
  const targets = prometheus.at("scrape_configs", 0, "static_configs", 0)
    .at("targets").texts;
  const expected = [];
  for (const [name, node] of NODES) {
    const { flags } = parseLine(node.at("command").texts);
    expected.push(`${name}:${portOf(flags.metrics)}`);
  }
  assertEquals(targets, expected);
  const source = oneYaml("grafana/provisioning/datasources/prometheus.yaml");
  assertEquals(
    source.at("datasources", 0, "url").raw,
    "http://prometheus:9090",
  );
});

Deno.test("files and folders that services mount are there", () => {
  for (const [name, service] of SERVICES) {
    if (!service.at("volumes").exists) continue;
    for (const volume of service.at("volumes").texts) {
      const [from = ""] = volume.split(":");
      if (!from.startsWith("./")) {
        assert(COMPOSE.at("volumes").keys.includes(from), `${name}: ${from}`);
      } else Deno.statSync(new URL(from, DEPLOY));
    }
  }
  for (const file of prometheusFiles()) readDeploy(`prometheus/${file}`);
});

function prometheusFiles(): string[] {
  return oneYaml("prometheus/prometheus.yaml").at("rule_files").texts;
}
