/** Nodes of the demo in this process, for meshes too large for one process each. */
import { systemClock } from "../../core/clock.ts";
import { Node } from "../../mesh/node.ts";
import type { DemoHost, DemoNode, DemoNodeOptions } from "./demo_node.ts";

/** Runs nodes in this process. */
export class LocalHost implements DemoHost {
  readonly startsAtOnce = 4;
  /**
   * One thread does all handshakes. Thousands at once would each take so long
   * that they run into their deadlines, and are begun anew for ever.
   */
  readonly linksAtOnce = 100;
  readonly #periodMs: number;
  readonly #nodes = new Set<LocalNode>();

  /** @param periodMs How often each node pings all others. */
  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  async start(options: DemoNodeOptions): Promise<DemoNode> {
    const node = await Node.start({
      identity: options.identity,
      host: "127.0.0.1",
      port: 0,
      connect: options.connect === undefined ? [] : [options.connect],
    });
    const local = new LocalNode(node, this.#periodMs, options, () => {
      this.#nodes.delete(local);
    });
    this.#nodes.add(local);
    return local;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.kill()));
  }
}

class LocalNode implements DemoNode {
  readonly #node: Node;
  readonly #done: Promise<void>;
  #pings = 0;

  constructor(
    node: Node,
    periodMs: number,
    options: DemoNodeOptions,
    onGone: () => void,
  ) {
    this.#node = node;
    this.#done = this.#watch(periodMs, options).finally(onGone);
  }

  async kill(): Promise<void> {
    await this.#node.close({ abrupt: true });
    await this.#done;
  }

  async leave(): Promise<void> {
    await this.#node.close();
    await this.#done;
  }

  async #watch(periodMs: number, options: DemoNodeOptions): Promise<void> {
    let cancel = () => {};
    const pingLater = () => {
      cancel = systemClock.after(periodMs, () => {
        pingLater();
        this.#node.ping(`ping ${++this.#pings}`);
      });
    };
    pingLater();
    try {
      for await (const event of this.#node.events()) options.onEvent(event);
    } finally {
      cancel();
      options.onEnd("it stopped");
    }
  }
}
