/**
 * Hyperswarm's encrypted stream over UDP, opened by key through a distributed hash
 * table of its own on this machine.
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import {
  acceptSecret,
  SecretChannel,
  type SecretStream,
} from "./secret_stream.ts";
import { broadcastEach } from "./stream_channel.ts";

const HOST = "127.0.0.1";
/** Members of the table besides the two ends. */
const TABLE_NODES = 2;

/** The part of a `HyperDHT` that is used. */
interface Dht {
  createServer(take: (stream: SecretStream) => void): Server;
  connect(publicKey: Uint8Array): SecretStream;
}

interface Server {
  readonly publicKey: Uint8Array;
  listen(): Promise<void>;
}

interface Bootstrap {
  readonly host: string;
  readonly port: number;
}

interface Table {
  readonly bootstrap: readonly Bootstrap[];
}

type DhtConstructor = new (
  options: {
    readonly bootstrap: readonly Bootstrap[];
    readonly host: string;
    /** Unless it is told, it tries to get through, and not always does. */
    readonly firewalled: boolean;
  },
) => Dht;

/** Where to find a listener, and by which members of the table. */
interface Key {
  readonly publicKey: string;
  readonly bootstrap: readonly Bootstrap[];
}

/** hyperdht as a contestant; the listening end brings the table along. */
export class HyperDht implements Contestant {
  readonly #require: NodeJS.Require;
  readonly #Dht: DhtConstructor;
  #dht: Dht | undefined;

  private constructor(require: NodeJS.Require) {
    this.#require = require;
    this.#Dht = require("hyperdht");
  }

  static create(folder: string): HyperDht {
    return new HyperDht(createRequire(join(folder, "package.json")));
  }

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const testnet = this.#require("hyperdht/testnet");
    const { bootstrap } = await testnet(TABLE_NODES, { host: HOST }) as Table;
    this.#dht = new this.#Dht({ bootstrap, host: HOST, firewalled: false });
    const server = this.#dht.createServer((stream) => {
      acceptSecret(stream, accept);
    });
    await server.listen();
    const endpoint: Key = {
      publicKey: Buffer.from(server.publicKey).toString("hex"),
      bootstrap,
    };
    return { endpoint };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const { publicKey, bootstrap } = endpoint as Key;
    this.#dht ??= new this.#Dht({ bootstrap, host: HOST, firewalled: false });
    const stream = this.#dht.connect(Buffer.from(publicKey, "hex"));
    const channel = new SecretChannel(stream, () => receiver);
    await stream.opened;
    return channel;
  }

  broadcast(payload: Uint8Array): Broadcast {
    return broadcastEach(payload);
  }
}
