/** Folders, files and transfers between real nodes, for tests. */
import { assert } from "@std/assert";
import { receiveFiles, sendFile } from "../../src/services/mod.ts";
import type {
  FileProgress,
  ReceiveFilesOptions,
  SendFileOptions,
} from "../../src/services/mod.ts";
import type { Node } from "../../src/mesh/node.ts";
import { type Mesh, startMesh } from "./nodes.ts";
import { until } from "./until.ts";

/** Two nodes, and a folder for each. */
export class FileScene implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly folder: string;

  private constructor(mesh: Mesh, folder: string) {
    this.mesh = mesh;
    this.folder = folder;
  }

  static async start(): Promise<FileScene> {
    const folder = await Deno.makeTempDir({ prefix: "verack-files-" });
    await Deno.mkdir(`${folder}/out`);
    await Deno.mkdir(`${folder}/in`);
    return new FileScene(await startMesh(2), folder);
  }

  get sender(): Node {
    return this.mesh.nodes[0]!;
  }

  get receiver(): Node {
    return this.mesh.nodes[1]!;
  }

  /** A path in the folder of the sender. */
  out(path: string): string {
    return `${this.folder}/out/${path}`;
  }

  /** A path in the folder of the receiver. */
  in(path: string): string {
    return `${this.folder}/in/${path}`;
  }

  /** Receives all that comes until the scene ends. */
  receive(options: Partial<ReceiveFilesOptions> = {}): ProgressLog {
    return new ProgressLog(receiveFiles(this.receiver, {
      dir: `${this.folder}/in`,
      accept: () => true,
      ...options,
    }));
  }

  /** Sends to the receiver; resolves at the end. */
  async send(
    paths: string | string[],
    options?: SendFileOptions,
  ): Promise<FileProgress[]> {
    const { id } = this.receiver.identity;
    return await Array.fromAsync(sendFile(this.sender, id, paths, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** What a receiving end reports. */
export class ProgressLog implements AsyncDisposable {
  readonly events: FileProgress[] = [];
  readonly #iterator: AsyncIterableIterator<FileProgress, undefined>;
  readonly #done: Promise<void>;

  constructor(iterator: AsyncIterableIterator<FileProgress, undefined>) {
    this.#iterator = iterator;
    this.#done = this.#collect();
    this.#done.catch(() => {});
  }

  /** Resolves when the iteration has ended; rejects as it does. */
  get ended(): Promise<void> {
    return this.#done;
  }

  of(type: FileProgress["type"]): FileProgress[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Waits for so many events of a type; the last of them. */
  async waitFor(type: FileProgress["type"], count = 1): Promise<FileProgress> {
    await until(`${count} × ${type}`, () => this.of(type).length >= count);
    const event = this.of(type)[count - 1];
    assert(event !== undefined);
    return event;
  }

  async #collect(): Promise<void> {
    for await (const event of this.#iterator) this.events.push(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#iterator.return?.();
    await this.#done.catch(() => {});
  }
}

/** Bytes that are not the same everywhere, and the same each time. */
export function patternBytes(
  length: number,
  seed = 1,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Paths of all files below a folder, but for parts. */
export function filesIn(folder: string, path = ""): string[] {
  return [...Deno.readDirSync(folder + path)].flatMap((entry) => {
    if (entry.name === ".verack-parts") return [];
    const below = `${path}/${entry.name}`;
    return entry.isDirectory ? filesIn(folder, below) : [below.slice(1)];
  }).sort();
}

/** Parts that are kept in a receiving folder. */
export function partsIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(`${folder}/.verack-parts`)]
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
