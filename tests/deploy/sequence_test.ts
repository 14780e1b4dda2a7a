// What Compose and Kubernetes do with the files of `deploy/`, done with plain processes: each
// container is a process in the image's root on a host of its own, which is a network namespace,
// with exactly the arguments of the file. Names are those that the platform would serve.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Child } from "../helpers/child.ts";
import { until } from "../helpers/until.ts";
import {
  type Host,
  HostNetwork,
  whyNoHosts,
} from "../helpers/network/host_network.ts";
import { oneYaml } from "./documents.ts";
import { Image, whyNoImage } from "./image.ts";

const why = whyNoImage() ?? whyNoHosts();
const reason = why === undefined ? "" : ` (${why})`;

/** Neither a deployment's nor anything else's: only the same for all. */
const SECRET = "sixteen bytes, at the least";

/** One container: the arguments of its node, its volume and its host, kept over restarts. */
class Container implements AsyncDisposable {
  readonly #image: Image;
  readonly #volume: string;
  readonly #args: readonly string[];
  readonly #host: Host;
  #node: Child | undefined;

  constructor(
    image: Image,
    { volume, args, host }: {
      readonly volume: string;
      readonly args: readonly string[];
      readonly host: Host;
    },
  ) {
    this.#image = image;
    this.#volume = volume;
    this.#args = args;
    this.#host = host;
  }

  start(): void {
    this.#node = this.exec("verack", ...this.#args);
  }

  /** Another process of the container, as `docker exec` starts it. */
  exec(...args: string[]): Child {
    const [program = "", ...words] = this.#image.words(args, {
      volume: this.#volume,
      launcher: this.#host.network.launcher,
    });
    return new Child(program, words);
  }

  /** Waits until `healthcheck`, a command, succeeds. */
  async healthy(healthcheck: readonly string[]): Promise<void> {
    await until("the container to be healthy", async () => {
      await using check = this.exec(...healthcheck);
      return await check.code() === 0;
    });
  }

  /** The status that a probe of the kubelet gets. */
  async probe(path: string): Promise<number> {
    const code = "console.log((await fetch(Deno.args[0])).status)";
    await using child = this.exec(
      ...["deno", "eval", "--no-config", code, `http://127.0.0.1:9464${path}`],
    );
    await child.code();
    return Number(child.out[0]);
  }

  /** Waits until it is linked to all of a mesh of so many. */
  async meshOf(nodes: number): Promise<void> {
    await this.#running.line((line) => {
      const event = JSON.parse(line);
      return event.type === "mesh" && event.nodes === nodes &&
        event.sessions === nodes - 1;
    });
  }

  /** Its id, once it listens. */
  async id(): Promise<string> {
    const line = await this.#running.line((it) => it.includes('"listening"'));
    return JSON.parse(line).id;
  }

  /** Ends it by a signal; its exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    const node = this.#running;
    this.#node = undefined;
    node.kill(signal);
    const code = await node.code();
    await node[Symbol.asyncDispose]();
    return code;
  }

  /** Events of a type so far. */
  events(type: string): Record<string, unknown>[] {
    return this.#running.out.map((it) => JSON.parse(it))
      .filter((it) => it.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node?.[Symbol.asyncDispose]();
  }

  get #running(): Child {
    assert(this.#node !== undefined, "it does not run");
    return this.#node;
  }
}

/** Has every host know these names; a name may have several addresses. */
function serveNames(image: Image, names: readonly [string, Host][]): void {
  const lines = names.map(([name, { address }]) => `${address} ${name}\n`);
  image.write("/etc/hosts", `127.0.0.1 localhost\n${lines.join("")}`);
}

Deno.test({
  name:
    `the three nodes of compose.yaml start one after the other, meet, lose one and get it back, and leave${reason}`,
  ignore: why !== undefined,
  async fn() {
    const services = oneYaml("compose.yaml").at("services");
    const names = ["alice", "bob", "carol"];
    using network = new HostNetwork(names.length);
    await using image = await Image.build();
    image.write("/run/secrets/network", SECRET, { mode: 0o644 });
    serveNames(image, names.map((name, at) => [name, network.hosts[at]!]));
    await using stack = new AsyncDisposableStack();
    const containers: Container[] = [];
    for (const [at, name] of names.entries()) {
      const container = stack.use(
        new Container(image, {
          volume: await image.volume(name),
          args: services.at(name, "command").texts,
          host: network.hosts[at]!,
        }),
      );
      containers.push(container);
      container.start();
      const [, ...check] = services.at(name, "healthcheck", "test").texts;
      await container.healthy(check);
    }
    await Promise.all(containers.map((it) => it.meshOf(3)));

    const [alice, bob, carol] = containers;
    assert(alice && bob && carol);
    const id = await bob.id();
    await bob.end("SIGKILL");
    bob.start();
    assertEquals(await bob.id(), id);
    await bob.meshOf(3);
    await until(
      "alice and carol to have bob again",
      () =>
        [alice, carol].every((it) =>
          it.events("peer:up").filter((event) => event.id === id).length === 2
        ),
    );
    for (const container of containers) {
      assertEquals(await container.end("SIGTERM"), 143);
    }
  },
});

Deno.test({
  name:
    `the pods of the StatefulSet start at once, find each other by a name that leads to themselves, too, and answer the probes${reason}`,
  ignore: why !== undefined,
  async fn() {
    const set = oneYaml("kubernetes/stateful_set.yaml").at("spec");
    const spec = set.at("template", "spec", "containers", 0);
    const service = oneYaml("kubernetes/service.yaml").at("metadata", "name");
    const replicas = set.at("replicas").number;
    using network = new HostNetwork(replicas);
    await using image = await Image.build();
    const [gid = ""] = image.user.split(":").slice(1);
    image.write("/run/secrets/verack/network", SECRET, { mode: 0o444 });
    const serve = () =>
      serveNames(image, network.hosts.map((host) => [service.text, host]));
    serve();
    await using stack = new AsyncDisposableStack();
    const pods: Container[] = [];
    for (const [at, host] of network.hosts.entries()) {
      const volume = await image.volume(`data-${at}`);
      // As the kubelet leaves a volume with an fsGroup.
      await Deno.chown(volume, 0, Number(gid));
      await Deno.chmod(volume, 0o2775);
      const args = spec.at("args").texts.map((it) =>
        it.replace("$(POD_NAME)", `verack-${at}`)
      );
      pods.push(stack.use(new Container(image, { volume, args, host })));
    }
    for (const pod of pods) pod.start();
    await Promise.all(pods.map((pod) => pod.meshOf(replicas)));
    for (const pod of pods) {
      // It may have found nothing but itself at first, which it says once.
      for (const { reason } of pod.events("refused")) {
        assertMatch(`${reason}`, /it is this node itself$/);
      }
      for (const name of ["startupProbe", "livenessProbe", "readinessProbe"]) {
        const path = spec.at(name, "httpGet", "path").text;
        assertEquals(await pod.probe(path), 200, path);
      }
    }

    // A pod is deleted, and comes back with its volume and another address.
    const [first] = pods;
    assert(first !== undefined);
    const id = await first.id();
    assertEquals(await first.end("SIGTERM"), 143);
    network.readdress(network.hosts[0]!);
    serve();
    first.start();
    assertEquals(await first.id(), id);
    await first.meshOf(replicas);
    for (const pod of pods) assertEquals(await pod.end("SIGTERM"), 143);
  },
});
