/** Somebody whom nodes dial, over real TLS, and who says what a test wants. */
import { Identity } from "../../src/identity/identity.ts";
import { formatAddress, parseAddress } from "../../src/transport/address.ts";
import { tlsTransport } from "../../src/transport/tls.ts";
import type { Listener } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { type AttackerOptions, RawPeer } from "./attacker.ts";
import { until } from "./until.ts";

/** Accepts everybody; each gets a {@linkcode RawPeer} that says nothing yet. */
export class RawListener implements AsyncDisposable {
  readonly identity: Identity;
  readonly address: string;
  /** Everybody who came and completed TLS; looks at the certificate are gone at once. */
  readonly peers: RawPeer[] = [];
  /** How many connections arrived. */
  arrivals = 0;
  readonly #listener: Listener;
  readonly #loop: Promise<void>;
  readonly #options: AttackerOptions;
  readonly #tasks = new Set<Promise<void>>();

  private constructor(
    listener: Listener,
    identity: Identity,
    options: AttackerOptions,
  ) {
    this.#listener = listener;
    this.identity = identity;
    this.address = formatAddress(listener.address);
    this.#options = options;
    this.#loop = this.#accept();
  }

  /** Listens; `address` is `host:port` to listen on, a free port of 127.0.0.1 by default. */
  static async start(
    options: AttackerOptions & { readonly address?: string } = {},
  ): Promise<RawListener> {
    const identity = options.identity ?? await Identity.generate();
    const address = options.address === undefined
      ? { host: "127.0.0.1", port: 0 }
      : parseAddress(options.address);
    const listener = await tlsTransport().listen(address, {
      credentials: {
        certificate: identity.certificate,
        privateKeyPem: identity.privateKeyPem,
      },
    });
    return new RawListener(listener, identity, options);
  }

  /** The first that has said `version` and nobody has taken yet. */
  async next(): Promise<RawPeer> {
    let found: RawPeer | undefined;
    await until("a node to dial and say version", () => {
      found = this.peers.find((peer) => peer.count(COMMAND.version) > 0);
      return found !== undefined;
    });
    const peer = found!;
    this.peers.splice(this.peers.indexOf(peer), 1);
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#loop;
    await Promise.all(this.#tasks);
    for (const peer of this.peers) peer.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      const incoming = await this.#listener.accept();
      if (incoming === null) return;
      this.arrivals++;
      const task = incoming.open().then((connection) => {
        const { identity } = this;
        this.peers.push(
          new RawPeer(connection, identity, identity.id, this.#options),
        );
      }, () => {}).finally(() => this.#tasks.delete(task));
      this.#tasks.add(task);
    }
  }
}
