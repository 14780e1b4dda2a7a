// Every limit reached at once: what a node then takes is what docs/limits.md says.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MAX_TOTAL_FRAME_BYTES } from "../../src/session/session_limits.ts";
import { WRITE_BLOCK_BYTES } from "../../src/transport/transport_limits.ts";
import {
  MAX_PAYLOAD_BYTES,
  READ_BUFFER_MAX_BYTES,
} from "../../src/wire/wire_limits.ts";
import type { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { encodeFrame, networkMagic } from "../../src/wire/frame.ts";
import { worstCaseBytes, worstCaseTerms } from "../helpers/worst_case.ts";
import { assertRows, written } from "../helpers/limits_document.ts";
import { RawPeer } from "../helpers/attacker.ts";
import { Child } from "../helpers/child.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { at } from "../helpers/disguise.ts";
import { times } from "../helpers/crowd.ts";

const VICTIM = new URL("./children/node.ts", import.meta.url).href;
const MAX_PEERS = 40;
const MIB = 1_048_576;

/** Between two looks at the memory: long enough for the attacks to go on. */
const LOOK_MS = 100;

interface Figures {
  readonly rss: number;
  readonly external: number;
  readonly links: number;
}

/** A node in a process of its own. */
class Victim implements AsyncDisposable {
  readonly #child = new Child(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "--cached-only",
    "--allow-all",
    VICTIM,
    `${MAX_PEERS}`,
  ], { stdin: "open" });
  #told = 0;

  /** As far as an attacker needs it to be one. */
  async node(): Promise<Node> {
    const line = await this.#child.line(() => true);
    const { address, id, certificate } = JSON.parse(line);
    return {
      address,
      identity: { id, certificate: Uint8Array.fromHex(certificate) },
    } as unknown as Node;
  }

  async figures(command = "look"): Promise<Figures> {
    await this.#child.write(`${command}\n`);
    const wanted = ++this.#told;
    let seen = -1;
    return JSON.parse(await this.#child.line(() => ++seen === wanted));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }
}

Deno.test("a node under every attack at once takes no more memory than its limits add up to", async () => {
  await using victim = new Victim();
  const node = await victim.node();
  const empty = await victim.figures();
  await using stack = new AsyncDisposableStack();

  // Connections that say nothing.
  const { host: hostname, port } = parseAddress(node.address);
  for (
    const socket of await Promise.all(
      times(300, () => Deno.connect({ hostname, port })),
    )
  ) stack.defer(() => socket[Symbol.dispose]());

  // Members that read nothing, and all begin the largest frame there is.
  const peers: RawPeer[] = [];
  for (let i = 0; i < MAX_PEERS; i += 10) {
    peers.push(...await Promise.all(times(10, () => RawPeer.open(node))));
  }
  for (const peer of peers) stack.use(peer);
  await peers[0]!.tell(
    times(200, (i) => entryOf(stranger(), [at("127.0.0.1", 1 + i)])),
  );
  const quiet = await victim.figures();
  assertEquals(quiet.links, MAX_PEERS);
  for (const peer of peers) peer.pause();
  const frame = encodeFrame(
    networkMagic("main"),
    "sparkle",
    new Uint8Array(MAX_PAYLOAD_BYTES),
  );
  const sending = peers.map((peer) =>
    peer.sendBytes(frame.subarray(0, frame.length - 1))
  );
  let buffers = 0;
  for (let i = 0; i < 15; i++) {
    buffers = Math.max(buffers, (await victim.figures()).external);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const allowed = 2 * MAX_TOTAL_FRAME_BYTES +
    MAX_PEERS * (READ_BUFFER_MAX_BYTES + WRITE_BLOCK_BYTES);
  assert(
    buffers < allowed,
    `${Math.round(buffers / MIB)} MiB for frames that were begun`,
  );
  // The attack was one: without a limit it would have been all of this.
  assert(MAX_PEERS * frame.length > allowed);
  assert(buffers > MAX_TOTAL_FRAME_BYTES / 4, `only ${buffers} bytes`);

  // And now it is made to send more than anybody takes.
  let most = (await victim.figures("load")).rss;
  for (let i = 0; i < 5; i++) {
    most = Math.max(most, (await victim.figures()).rss);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  const bound = worstCaseBytes({ maxPeers: MAX_PEERS });
  assert(
    most < bound,
    `${Math.round(most / MIB)} MiB, must be less than ${
      Math.round(bound / MIB)
    }`,
  );
  assert(most > empty.rss);
  for (const peer of peers) peer.close();
  await Promise.all(sending);
});

Deno.test("docs/limits.md says what the limits add up to", async () => {
  const text = await assertRows(worstCaseTerms());
  const sums = [1_024, 50].map((maxPeers) =>
    `${written(Math.ceil(worstCaseBytes({ maxPeers }) / MIB))} MiB`
  );
  for (const sum of sums) assertStringIncludes(text, sum);
});
