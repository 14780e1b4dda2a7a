/** Nodes as processes, and their page in a browser. */
import type { PeersAnswer, StatusAnswer } from "../../src/control/answers.ts";
import { ControlClient } from "../../src/control/control_client.ts";
import type { Place } from "./place.ts";
import type { NodeProcess } from "./process.ts";

/** Three nodes of one mesh. */
interface ThreeNodes extends AsyncDisposable {
  readonly alice: PageNode;
  readonly bob: PageNode;
  readonly carol: PageNode;
}

/** A node of a {@linkcode Place}, by the name of its directory. */
export class PageNode implements AsyncDisposable {
  readonly #place: Place;
  readonly #args: readonly string[];
  #process: NodeProcess;
  readonly name: string;

  private constructor(
    place: Place,
    name: string,
    args: readonly string[],
    process: NodeProcess,
  ) {
    this.#place = place;
    this.name = name;
    this.#args = args;
    this.#process = process;
  }

  /** Starts a node with that name, and with its directory. */
  static async start(
    place: Place,
    name: string,
    ...args: string[]
  ): Promise<PageNode> {
    const all = [`--name=${name}`, ...args];
    return new PageNode(place, name, all, await place.node(name, ...all));
  }

  /** The same, by an invite, which it reads from its standard input. */
  static async join(
    place: Place,
    name: string,
    invite: string,
  ): Promise<PageNode> {
    const args = [`--name=${name}`];
    const process = await place.nodeWith(
      { stdin: invite },
      name,
      ...args,
      "--join-file=-",
    );
    return new PageNode(place, name, args, process);
  }

  /** Alice with a page, and bob and carol, who have joined through her; all have met. */
  static async three(place: Place): Promise<ThreeNodes> {
    await using started = new AsyncDisposableStack();
    const start = async (name: string, ...args: string[]) =>
      started.use(await PageNode.start(place, name, ...args));
    const alice = await start("alice", "--http=0");
    const join = `--connect=${alice.address}`;
    const bob = await start("bob", join);
    const carol = await start("carol", join);
    for (const { process } of [alice, bob, carol]) await process.meshOf(3);
    const all = started.move();
    return {
      alice,
      bob,
      carol,
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    };
  }

  get process(): NodeProcess {
    return this.#process;
  }

  get id(): string {
    return this.#process.id;
  }

  get address(): string {
    return this.#process.address;
  }

  /** An address of its page that signs in once. */
  async link(): Promise<string> {
    using client = await this.client();
    return (await client.pageLink()).url;
  }

  async client(): Promise<ControlClient> {
    return await ControlClient.find(`${this.#place.path}/${this.name}`);
  }

  /** What `verack status --json` prints. */
  async status(): Promise<StatusAnswer> {
    return JSON.parse(await this.#place.ask(this.name, "status", "--json"));
  }

  /** What the node reports of its peers. */
  async peers(): Promise<PeersAnswer> {
    using client = await this.client();
    return await client.peers();
  }

  /** Ends it without a bye. */
  async kill(): Promise<void> {
    await this.#process.end("SIGKILL");
  }

  /** Starts it again, with the same key, at the same port, and with its page at the port `http`. */
  async restart(http?: number): Promise<void> {
    const port = this.address.split(":").at(-1);
    await this.#process[Symbol.asyncDispose]();
    this.#process = await this.#place.node(
      this.name,
      ...this.#args.filter((it) => !/^--(port|http)\b/.test(it)),
      `--port=${port}`,
      ...(http === undefined ? [] : [`--http=${http}`]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
