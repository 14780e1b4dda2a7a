/**
 * NATS without JetStream: two clients of one server, over TLS. A message is published under a
 * subject that only its receiver has subscribed to; the server passes it on.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type {
  Broadcast,
  Channel,
  Contestant,
  Endpoint,
  Listening,
  Receiver,
} from "../contestant.ts";
import { broadcastEach } from "./stream_channel.ts";

const HELLO = "hello";
const START_MS = 10_000;

/** The part of a client that is used. */
interface Client {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(
    subject: string,
    options: { callback: (error: unknown, message: NatsMessage) => void },
  ): void;
  request(subject: string, payload: string): Promise<unknown>;
  flush(): Promise<void>;
}

interface NatsMessage {
  readonly data: Uint8Array;
  string(): string;
  respond(): void;
}

/** Where the server is, as plain JSON. */
interface ServerEndpoint {
  readonly port: number;
  /** X.509, PEM. */
  readonly certificate: string;
}

/** NATS as a contestant. */
export class Nats implements Contestant {
  readonly #folder: string;
  #dialed = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async listen(accept: (channel: Channel) => Receiver): Promise<Listening> {
    const endpoint = await this.#startServer();
    const client = await this.#connect(endpoint);
    client.subscribe(HELLO, {
      callback: (_, message) => {
        const id = message.string();
        const channel = new NatsChannel(client, `down.${id}`);
        channel.receive(`up.${id}`, accept(channel));
        client.flush().then(() => message.respond());
      },
    });
    await client.flush();
    return { endpoint };
  }

  async dial(endpoint: Endpoint, receiver: Receiver): Promise<Channel> {
    const client = await this.#connect(endpoint as ServerEndpoint);
    const id = `${process.pid}-${this.#dialed++}`;
    const channel = new NatsChannel(client, `up.${id}`);
    channel.receive(`down.${id}`, receiver);
    await client.request(HELLO, id);
    return channel;
  }

  broadcast(payload: Uint8Array): Broadcast {
    return broadcastEach(payload);
  }

  #connect({ port, certificate }: ServerEndpoint): Promise<Client> {
    const require = createRequire(join(this.#folder, "package.json"));
    const { connect } = require("@nats-io/transport-node");
    return connect({
      servers: `tls://127.0.0.1:${port}`,
      tls: { ca: certificate },
    });
  }

  /** Ends with this process. */
  async #startServer(): Promise<ServerEndpoint> {
    const place = mkdtempSync(join(tmpdir(), "verack-nats-"));
    const [cert, key] = [join(place, "cert.pem"), join(place, "key.pem")];
    execFileSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt"],
      ...["ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ...["-out", cert, "-keyout", key],
    ], { stdio: "ignore" });
    const server = spawn(join(this.#folder, "bin", "nats-server"), [
      ...["--addr", "127.0.0.1", "--port", "-1"],
      ...["--tls", "--tlscert", cert, "--tlskey", key],
      ...["--ports_file_dir", place],
    ], { stdio: "ignore" });
    process.on("exit", () => server.kill("SIGKILL"));
    const port = await portOf(place);
    return { port, certificate: readFileSync(cert, "utf8") };
  }
}

/** The port that the server writes into a file once it listens. */
async function portOf(folder: string): Promise<number> {
  const until = Date.now() + START_MS;
  while (Date.now() < until) {
    const name = readdirSync(folder).find((it) => it.endsWith(".ports"));
    const text = name === undefined
      ? ""
      : readFileSync(join(folder, name), "utf8");
    const [, port] = /"nats":\s*\[\s*"[a-z]+:\/\/[^:]+:(\d+)"/.exec(text) ?? [];
    if (port !== undefined) return Number(port);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("Cannot measure: the NATS server does not start");
}

/** What is published under one subject; what waits in the client is not told. */
class NatsChannel implements Channel {
  readonly queuedBytes = 0;
  readonly #client: Client;
  readonly #subject: string;

  constructor(client: Client, subject: string) {
    this.#client = client;
    this.#subject = subject;
  }

  receive(subject: string, receiver: Receiver): void {
    this.#client.subscribe(subject, {
      callback: (_, { data }) => receiver(this, data),
    });
  }

  send(payload: Uint8Array): void {
    this.#client.publish(this.#subject, payload);
  }

  drained(): Promise<void> {
    return this.#client.flush();
  }

  close(): void {}
}
