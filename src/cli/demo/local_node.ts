/** Nodes of the demo in this process, for meshes too large for one process each. */
import { Node } from "../../mesh/node.ts";
import { pingEvery } from "../node_command.ts";
import type { DemoHost, DemoNode, DemoNodeOptions } from "./demo_harness.ts";

/** Runs nodes in this process. */
export class LocalHost implements DemoHost {
  readonly startsAtOnce = 4;
  /**
   * One thread does all handshakes: with thousands at once, each would run into its deadline
   * and start over.
   */
  readonly linksAtOnce = 100;
  readonly #periodMs: number;
  readonly #nodes: DemoNode[] = [];

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
    const gone = this.#run(node, options);
    const close = async (abrupt: boolean) => {
      await node.close({ abrupt });
      await gone;
    };
    const local = { kill: () => close(true), leave: () => close(false) };
    this.#nodes.push(local);
    return local;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
  }

  async #run(node: Node, options: DemoNodeOptions): Promise<void> {
    const stopPinging = pingEvery(node, this.#periodMs);
    try {
      for await (const event of node.events()) options.onEvent(event);
    } finally {
      stopPinging();
      options.onEnd("it stopped");
    }
  }
}
