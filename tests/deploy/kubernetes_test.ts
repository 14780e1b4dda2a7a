// The manifests: by the schema of Kubernetes, by the compiler, which checks every field, and by
// what must agree between them. No cluster runs here.
import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { runs, testIf } from "../helpers/test_if.ts";
import { DEPLOY, filesOf, mostMemory, oneYaml, Value } from "./documents.ts";
import { parseLine, portOf } from "./flags.ts";

const PODS = { "app.kubernetes.io/name": "verack" };
/** Kinds of the Prometheus Operator, which the schemas do not have. */
const OPERATOR = "monitoring.coreos.com/v1";
const MODELS = config.imports["kubernetes-models"];
const ROOT = new URL("../../", import.meta.url).pathname;

const PATHS = filesOf("kubernetes/").filter((path) =>
  !path.endsWith("kustomization.yaml")
);
const MANIFESTS = PATHS.map((path) => oneYaml(path));

function manifest(kind: string): Value {
  const [found, ...more] = MANIFESTS.filter((it) => it.at("kind").raw === kind);
  assert(found !== undefined && more.length === 0, `one ${kind}`);
  return found;
}

const STATEFUL_SET = manifest("StatefulSet");
const POD = STATEFUL_SET.at("spec", "template", "spec");
const CONTAINER = POD.at("containers", 0);
const SERVICE = manifest("Service");

interface Model {
  validate(): void;
}

/** The parts of the packaged schemas that are used here. */
async function modelOf(it: Value): Promise<Model> {
  const kind = it.at("kind").text;
  const path = `${MODELS}/${it.at("apiVersion").text}/${kind}`;
  const loaded: Record<string, new (data: unknown) => Model> = await import(
    path
  );
  const model = loaded[kind];
  assert(model !== undefined, path);
  return new model(it.raw);
}

/** What `deno check` says of the manifests as literals, in which it checks every field. */
async function checkTypes(manifests: readonly Value[]): Promise<string> {
  const lines = manifests.map((it, index) => {
    const kind = it.at("kind").text;
    const path = `${MODELS}/${it.at("apiVersion").text}/${kind}`;
    return `import type { I${kind} } from "${path}";\n` +
      `const _it${index}: I${kind} = ${JSON.stringify(it.raw)};\n`;
  });
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/manifests.ts`, lines.join(""));
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["check", "--quiet", "--frozen", "--config", `${ROOT}deno.json`],
        `${folder}/manifests.ts`,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every manifest is valid by the schema of its kind", async () => {
  for (const it of MANIFESTS) {
    if (it.at("apiVersion").raw !== OPERATOR) (await modelOf(it)).validate();
  }
});

Deno.test("no manifest has a field that its kind does not have", async () => {
  const known = MANIFESTS.filter((it) => it.at("apiVersion").raw !== OPERATOR);
  assertEquals(await checkTypes(known), "");
  const misspelt = structuredClone(STATEFUL_SET.raw) as Record<string, unknown>;
  misspelt.spec = { serviceName: "verack", replica: 3 };
  assertMatch(
    await checkTypes([new Value("misspelt", misspelt)]),
    /replica\W+ does not exist/,
  );
});

Deno.test("the kustomizations have all manifests, and one namespace", () => {
  for (const folder of ["kubernetes/", "kubernetes/monitoring/"]) {
    const it = oneYaml(`${folder}kustomization.yaml`);
    const there = PATHS.filter((path) => path.replace(/[^/]*$/, "") === folder)
      .map((path) => path.slice(folder.length));
    assertEquals(it.at("resources").texts.sort(), there.sort(), folder);
    assertEquals(
      it.at("namespace").raw,
      manifest("Namespace").at("metadata", "name").raw,
    );
  }
  const [image] = oneYaml("kubernetes/kustomization.yaml").at("images").list;
  assertEquals(image?.raw, {
    name: CONTAINER.at("image").text,
    newTag: config.version,
  });
});

testIf(runs("kubectl", "kustomize", "--help"))(
  "kubectl builds both kustomizations",
  async () => {
    for (const folder of ["kubernetes", "kubernetes/monitoring"]) {
      const { code, stdout, stderr } = await new Deno.Command("kubectl", {
        args: ["kustomize", new URL(folder, DEPLOY).pathname],
      }).output();
      const text = new TextDecoder();
      assertEquals(code, 0, text.decode(stderr));
      assertMatch(text.decode(stdout), /namespace: verack/);
    }
  },
);

Deno.test("service, disruption budget, network policy and monitor select the pods", () => {
  const labels = STATEFUL_SET.at("spec", "template", "metadata", "labels");
  assertEquals(labels.raw, PODS);
  assertEquals(STATEFUL_SET.at("spec", "selector", "matchLabels").raw, PODS);
  assertEquals(SERVICE.at("spec", "selector").raw, PODS);
  const budget = manifest("PodDisruptionBudget");
  assertEquals(budget.at("spec", "selector", "matchLabels").raw, PODS);
  const policy = manifest("NetworkPolicy");
  assertEquals(policy.at("spec", "podSelector", "matchLabels").raw, PODS);
  const monitor = manifest("ServiceMonitor");
  assertEquals(
    monitor.at("spec", "selector", "matchLabels").raw,
    SERVICE.at("metadata", "labels").raw,
  );
  const spread = POD.at("topologySpreadConstraints", 0, "labelSelector");
  assertEquals(spread.at("matchLabels").raw, PODS);
});

Deno.test("a pod has the memory that peers can make it take", () => {
  const limit = CONTAINER.at("resources", "limits", "memory").text;
  const [, size] = /^(\d+)Gi$/.exec(limit) ?? [];
  assert(Number(size) * 1_024 >= mostMemory(), limit);
});

Deno.test("machines are drained of one pod at a time, and of any that is not ready", () => {
  const { raw } = manifest("PodDisruptionBudget").at("spec");
  const { selector: _, ...rules } = raw as Record<string, unknown>;
  assertEquals(rules, {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: "AlwaysAllow",
  });
});

Deno.test("the headless service is the seed, with pods that are not ready yet", () => {
  const name = SERVICE.at("metadata", "name").text;
  assertEquals(SERVICE.at("spec", "clusterIP").raw, "None");
  assertEquals(SERVICE.at("spec", "publishNotReadyAddresses").raw, true);
  assertEquals(STATEFUL_SET.at("spec", "serviceName").raw, name);
  assertEquals(
    CONTAINER.at("args").texts.filter((it) => it.startsWith("--connect=")),
    [`--connect=${name}:8080`],
  );
});

Deno.test("the arguments of the pods are a command line of the program, and its ports are theirs", () => {
  const args = CONTAINER.at("args").texts.map((it) =>
    it.replace("$(POD_NAME)", "verack-0")
  );
  const env = CONTAINER.at("env").list.map((it) => it.at("name").text);
  assertEquals(env, ["POD_NAME"]);
  const { name, flags } = parseLine(args);
  assertEquals(name, "run");
  const ports = new Map(
    CONTAINER.at("ports").list.map((it) => [
      it.at("name").text,
      it.at("containerPort").number,
    ]),
  );
  assertEquals(flags.port, ports.get("peers"));
  assertEquals(portOf(flags.metrics), ports.get("metrics"));
  for (const port of SERVICE.at("spec", "ports").list) {
    assertEquals(port.at("targetPort").raw, port.at("name").raw);
    assertEquals(
      port.at("port").number,
      ports.get(port.at("name").text),
    );
  }
  const monitored = manifest("ServiceMonitor").at("spec", "endpoints", 0);
  assertEquals(monitored.at("port").raw, "metrics");
});

Deno.test("directories of the arguments are in volumes that are there", () => {
  const mounts = CONTAINER.at("volumeMounts").list;
  const volumes = POD.at("volumes").list.map((it) => it.at("name").text);
  const claims = STATEFUL_SET.at("spec", "volumeClaimTemplates").list
    .map((it) => it.at("metadata", "name").text);
  assertEquals(
    mounts.map((it) => it.at("name").text).sort(),
    [...volumes, ...claims].sort(),
  );
  for (const flag of ["--data=", "--secret-file="]) {
    const arg = CONTAINER.at("args").texts.find((it) => it.startsWith(flag));
    const path = arg?.slice(flag.length) ?? "";
    assert(
      mounts.some((it) => path.startsWith(`${it.at("mountPath").text}/`)),
      path,
    );
  }
});

Deno.test("only a process that does not answer is restarted; a node that is failing is not ready", () => {
  const path = (probe: string) => CONTAINER.at(probe, "httpGet", "path").raw;
  assertEquals(path("startupProbe"), "/v1/health?probe=live");
  assertEquals(path("livenessProbe"), "/v1/health?probe=live");
  assertEquals(path("readinessProbe"), "/v1/health");
  const ports = ["startupProbe", "livenessProbe", "readinessProbe"].map((it) =>
    CONTAINER.at(it, "httpGet", "port").raw
  );
  assertEquals(ports, ["metrics", "metrics", "metrics"]);
});

Deno.test("pods keep to the restricted standard, which the namespace enforces", () => {
  const labels = manifest("Namespace").at("metadata", "labels");
  assertEquals(
    labels.at("pod-security.kubernetes.io/enforce").raw,
    "restricted",
  );
  assertEquals(POD.at("securityContext").raw, {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  });
  assertEquals(CONTAINER.at("securityContext").raw, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assertEquals(POD.at("automountServiceAccountToken").raw, false);
});

Deno.test("the network policy lets pods reach each other, and monitoring the metrics alone", () => {
  const ports = (direction: string) =>
    manifest("NetworkPolicy").at("spec", direction).list.map((rule) =>
      rule.at("ports").list.map((it) => it.at("port").raw)
    );
  assertEquals(ports("ingress"), [["peers"], ["metrics"]]);
  assertEquals(ports("egress"), [[8080], [53, 53]]);
});
