/** verack's nodes as an application uses them: streams, requests and files. */
import { Node, type PeerStream } from "../../../mod.ts";
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

  constructor(web: boolean) {
    this.#web = web;
  }

  async listen(handle: (stream: ByteStream) => void): Promise<string> {
    const node = await Node.start();
    node.handle(PROTOCOL, async (stream) => {
      handle(this.#streamOf(stream));
      // Of streams that are aborted nothing is expected.
      await stream.closed.catch(() => {});
    });
    node.serve(METHOD, (body: Uint8Array) => body);
    return `${node.identity.id}@${node.address}`;
  }

  async connect(endpoint: unknown): Promise<StreamSession> {
    const address = endpoint as string;
    const [peer = ""] = address.split("@");
    const node = await Node.start({ connect: [address] });
    await node.joined();
    return {
      open: async () => this.#streamOf(await node.open(peer, PROTOCOL)),
      request: (body) => node.request(peer, METHOD, body),
    };
  }

  #streamOf(stream: PeerStream): ByteStream {
    const abort = () => stream.abort();
    return this.#web
      ? new WebStream(stream, abort)
      : new PullStream(stream, abort);
  }
}
