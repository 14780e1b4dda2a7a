/**
 * Messages between all nodes of a scene while things happen to its network: whether each that was
 * accepted came to its receiver's application, once and in order.
 */
import { assertEquals } from "@std/assert";
import { VerackError } from "../../../src/core/errors.ts";
import { until } from "../until.ts";
import type { MeshScene, SceneNode } from "./mesh_scene.ts";

/** Between two messages of a pair, milliseconds. */
const PAUSE_MS = 100;

/** Messages of each pair, at the least. */
const LEAST = 3;

/** How long what is on its way may take. */
const ARRIVE_MS = 45_000;

/** Messages from each node to each other one. */
export class Letters implements AsyncDisposable {
  readonly #nodes: readonly SceneNode[];
  /** By `from>to`: how many were accepted. */
  readonly #accepted = new Map<string, number>();
  readonly #stop = Promise.withResolvers<void>();
  readonly #pairs: readonly string[];
  readonly #loops: readonly Promise<void>[];
  #stopped = false;

  /** Begins to send between the nodes of a scene, or some of them that stay to the end. */
  constructor(scene: MeshScene, nodes: readonly SceneNode[] = scene.nodes) {
    this.#nodes = [...nodes];
    const pairs = this.#nodes.flatMap((from) =>
      this.#nodes.filter((to) => to !== from).map((to) => [from, to] as const)
    );
    this.#pairs = pairs.map(([from, to]) => `${from.name}>${to.name}`);
    this.#loops = pairs.map(([from, to]) => this.#send(from, to));
  }

  /**
   * Sends no more, and waits until all have arrived and are acknowledged.
   *
   * @throws {AssertionError} when one did not arrive, came twice, or after a later one.
   */
  async arrive(): Promise<void> {
    try {
      await until(
        "messages of all pairs",
        () =>
          this.#pairs.every((pair) => (this.#accepted.get(pair) ?? 0) >= LEAST),
        ARRIVE_MS,
      );
    } finally {
      await this.#end();
    }
    const wanted = Object.fromEntries(
      [...this.#accepted].map(([pair, count]) => [
        pair,
        Array.from({ length: count }, (_, i) => i + 1).join(),
      ]),
    );
    const all = () =>
      Object.entries(wanted).every(([pair, numbers]) =>
        this.#received()[pair] === numbers
      );
    const acked = async () => {
      const statuses = await Promise.all(
        this.#nodes.map(({ client }) => client.status()),
      );
      return statuses.every(({ outbox }) => outbox.messages === 0);
    };
    try {
      await until("messages", all, ARRIVE_MS);
      await until("acknowledgements", acked, ARRIVE_MS);
    } finally {
      assertEquals(this.#received(), wanted);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    await Promise.all(this.#loops);
  }

  /** Numbers of messages as the applications got them. */
  #received(): Record<string, string> {
    const numbers = new Map<string, string[]>();
    for (const to of this.#nodes) {
      for (const { text = "" } of to.process.of("message")) {
        const [pair = "", number = ""] = text.split(" ");
        numbers.getOrInsertComputed(pair, () => []).push(number);
      }
    }
    const sorted = [...this.#accepted.keys()].map((pair): [string, string] => [
      pair,
      numbers.get(pair)?.join() ?? "",
    ]);
    return Object.fromEntries(sorted);
  }

  async #send(from: SceneNode, to: SceneNode): Promise<void> {
    const pair = `${from.name}>${to.name}`;
    for (let number = 1; !this.#stopped;) {
      try {
        await from.client.send(to.id, `${pair} ${number}`, { waitMs: 0 });
        this.#accepted.set(pair, number++);
      } catch (error) {
        // It has not heard of the other yet.
        if (!(error instanceof VerackError)) throw error;
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PAUSE_MS);
    await Promise.race([this.#stop.promise, promise]);
    clearTimeout(timer);
  }
}
