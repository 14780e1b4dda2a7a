/** A forwarded port in two processes of its own: of verack's nodes, or of bare sockets. */
import type { Tunnel } from "./byte_streams/stream_pair.ts";
import { Remote } from "./remote.ts";

/** Which relays are between. */
export type TunnelKind = "verack" | "bare";

/** Forwards a port to `port` by two processes. */
export function through(
  kind: TunnelKind,
): (port: number) => Promise<Tunnel> {
  return async (target) => {
    await using both = new AsyncDisposableStack();
    const far = both.use(new Remote("tunnel_end", [kind]));
    const near = both.use(new Remote("tunnel_end", [kind]));
    const endpoint = await far.call("serve", target);
    const port = await near.call<number>("forward", endpoint, target);
    const ends = both.move();
    return { port, [Symbol.asyncDispose]: () => ends.disposeAsync() };
  };
}
