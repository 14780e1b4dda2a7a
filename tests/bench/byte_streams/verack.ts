/** verack's nodes as an application uses them: streams, requests and files. */
import { Node, type PeerStream } from "../../../mod.ts";
import { receiveFiles, sendFile } from "../../../src/services/mod.ts";
import type {
  ByteStream,
  StreamContestant,
  StreamSession,
} from "./byte_stream.ts";
import { PullStream, WebStream } from "./pull.ts";

const PROTOCOL = "bench/1";
const METHOD = "bench";

/** Two nodes as a contestant. */
export class VerackStreams implements StreamContestant {
  readonly #web: boolean;

  readonly #receiveDir: string | undefined;
  readonly #relay: string | undefined;

  constructor(
    web: boolean,
    receiveDir: string | undefined,
    relay: string | undefined,
  ) {
    this.#web = web;
    this.#receiveDir = receiveDir;
    this.#relay = relay;
  }

  async listen(handle: (stream: ByteStream) => void): Promise<string> {
    const node = await this.#start([]);
    node.handle(PROTOCOL, async (stream) => {
      handle(this.#streamOf(stream));
      // Of streams that are aborted nothing is expected.
      await stream.closed.catch(() => {});
    });
    node.serve(METHOD, (body: Uint8Array) => body);
    if (this.#receiveDir !== undefined) receiveAll(node, this.#receiveDir);
    if (this.#relay !== undefined) await node.joined();
    return `${node.identity.id}@${node.address}`;
  }

  async connect(endpoint: unknown): Promise<StreamSession> {
    const address = endpoint as string;
    const [peer = ""] = address.split("@");
    const node = await this.#start([address]);
    await node.joined();
    await this.#hasSession(node, peer);
    return {
      open: async () => this.#streamOf(await node.open(peer, PROTOCOL)),
      request: (body) => node.request(peer, METHOD, body),
      sendFile: (path) => sendAll(node, peer, path),
    };
  }

  /** A node that can be dialed and dials, or one that is reached through the relay alone. */
  #start(connect: readonly string[]): Promise<Node> {
    return Node.start(
      this.#relay === undefined
        ? { connect }
        : { connect: [this.#relay], listen: false },
    );
  }

  async #hasSession(node: Node, peer: string): Promise<void> {
    const via = this.#relay?.split("@")[0];
    const isThere = () =>
      node.sessions().some((it) => it.id === peer && it.via === via);
    if (isThere()) return;
    for await (const _ of node.events()) if (isThere()) return;
  }

  #streamOf(stream: PeerStream): ByteStream {
    const abort = () => stream.abort();
    return this.#web
      ? new WebStream(stream, abort)
      : new PullStream(stream, abort);
  }
}

async function receiveAll(node: Node, dir: string): Promise<void> {
  const accept = () => true;
  for await (const { error } of receiveFiles(node, { dir, accept })) {
    if (error !== undefined) console.error(error.message);
  }
}

async function sendAll(node: Node, peer: string, path: string): Promise<void> {
  for await (const { type, error, failed } of sendFile(node, peer, path)) {
    if (error !== undefined || type === "end" && failed !== 0) {
      throw new Error(
        `Cannot measure: the file is not sent: ${error?.message}`,
      );
    }
  }
}
