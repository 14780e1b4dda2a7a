/** Requests in the mesh: joins serving and sending, of `streams/`, with the streams of a node. */
import type { Clock } from "../core/clock.ts";
import type { NodeCounters } from "../core/node_counters.ts";
import { isPeerId, type PeerId } from "../core/peer_id.ts";
import { requestSpan } from "../core/spans.ts";
import { RequestClient } from "../streams/request_client.ts";
import { REQUEST_PROTOCOL } from "../streams/request_format.ts";
import { RequestServer } from "../streams/request_server.ts";
import type {
  RequestFunction,
  ServeFunction,
} from "../streams/request_types.ts";
import type { PeerTable } from "./peers/peer_table.ts";
import type { Standing } from "./peers/standing.ts";
import type { Streaming } from "./streaming.ts";

/** Dependencies of {@linkcode Requesting}. */
export interface RequestingOptions {
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly table: PeerTable;
  readonly standing: Standing;
  readonly streaming: Streaming;
}

/** Requests of one node. */
export class Requesting {
  /** See `Node.serve`. */
  readonly serve: ServeFunction;
  readonly #client: RequestClient;
  readonly #server: RequestServer;

  constructor(
    { clock, counters, table, standing, streaming }: RequestingOptions,
  ) {
    this.#client = new RequestClient({
      clock,
      counters,
      open: (peer, protocol, options) =>
        streaming.open(peer, protocol, options),
    });
    const server = this.#server = new RequestServer({
      clock,
      counters,
      hasStanding: (peer) => standing.has(table.get(peer)),
    });
    // Also without a method, so that peers get `unknown-method`.
    streaming.handle(REQUEST_PROTOCOL, (stream) => server.handle(stream));
    this.serve = server.serve.bind(server) as ServeFunction;
  }

  /** Requests that are handled, and bytes of their bodies and answers. */
  get usage(): RequestServer["usage"] {
    return this.#server.usage;
  }

  /** The node closes, and with it all streams. */
  close(): void {
    this.#client.close();
    this.#server.close();
  }

  /** `Node.request`, given what finds a peer by its name. */
  requester(resolve: (name: string) => PeerId): RequestFunction {
    // deno-lint-ignore require-await -- rejects, rather than throws
    const request: RequestFunction = async (
      peer: string,
      method: Parameters<RequestClient["request"]>[1],
      body?: unknown,
      options?: Parameters<RequestClient["request"]>[3],
    ) => {
      const id = isPeerId(peer) ? peer : resolve(peer);
      const name = typeof method === "object" ? method?.name : method;
      const span = requestSpan(id, name);
      const answer = this.#client.request(id, method, body, options);
      span?.endWith(answer);
      return answer;
    };
    return request;
  }
}
