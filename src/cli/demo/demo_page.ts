/** The page of one of the demo's nodes, in this process or in one of its own. */
import { systemClock, systemRandom } from "../../core/clock.ts";
import type { Node } from "../../mesh/node.ts";

/** The page of a node. */
export interface DemoPage {
  /** A new one-time address. */
  link(): Promise<string>;
  /** Whether a browser shows it. */
  isWatched(): Promise<boolean>;
}

/**
 * The page of a node in another process.
 *
 * @param url Of its control API.
 */
export function remotePage(url: string, token: string): DemoPage {
  const connect = async () => {
    const { ControlClient } = await import("../../control/control_client.ts");
    return ControlClient.connect({ url, token });
  };
  return {
    async link() {
      using client = await connect();
      return (await client.pageLink()).url;
    },
    async isWatched() {
      using client = await connect();
      const { streams, operations = 0 } = (await client.status()).control;
      return streams + operations > 0;
    },
  };
}

/** The page of a node in this process. Close it before the node. */
export async function localPage(
  node: Node,
): Promise<DemoPage & AsyncDisposable> {
  const { ControlServer } = await import("../../control/control_server.ts");
  const { openPagePort } = await import("../../control/control_listeners.ts");
  const server = new ControlServer({
    node,
    clock: systemClock,
    random: systemRandom,
    onStop: () => void node.close(),
  });
  server.page.announce(await openPagePort(server, systemClock));
  return {
    link: async () => (await server.page.link()).url,
    isWatched: () => Promise.resolve(server.page.sessions.size > 0),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
