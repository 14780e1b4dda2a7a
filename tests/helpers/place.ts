/** Nodes and commands with data directories below one that is removed at the end. */
import { assertEquals } from "@std/assert";
import { type Child, verack, type VerackOptions } from "./child.ts";
import { NodeProcess } from "./process.ts";

/** What a command came to. */
export interface Ended {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

/** A directory, and the rights to it; removed when disposed of. */
export class Place implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "verack-place-" });
  readonly permissions: readonly string[] = [
    `--allow-read=${this.path}`,
    `--allow-write=${this.path}`,
  ];

  /** A node with the data directory of this name. */
  node(name: string, ...args: string[]): Promise<NodeProcess> {
    return this.nodeWith({}, name, ...args);
  }

  /** The same, with an environment, standard input or more permissions. */
  nodeWith(
    options: VerackOptions,
    name: string,
    ...args: string[]
  ): Promise<NodeProcess> {
    return NodeProcess.start(
      [`--data=${this.path}/${name}`, ...args],
      this.#with(options),
    );
  }

  /** A command about the node of this name. */
  command(name: string, ...args: string[]): Child {
    return this.commandWith({}, name, ...args);
  }

  /** The same, with an environment or standard input. */
  commandWith(options: VerackOptions, name: string, ...args: string[]): Child {
    const data = `--data=${this.path}/${name}`;
    return verack([...args, data], this.#with(options));
  }

  /** Runs a command about the node of this name to its end. */
  async ends(name: string, ...args: string[]): Promise<Ended> {
    await using child = this.command(name, ...args);
    const code = await child.code();
    return { code, out: child.out, err: child.err };
  }

  /** What such a command prints, which must succeed and complain of nothing. */
  async ask(name: string, ...args: string[]): Promise<string> {
    const { code, out, err } = await this.ends(name, ...args);
    assertEquals([code, err], [0, []], args.join(" "));
    return out.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }

  #with(options: VerackOptions): VerackOptions {
    const permissions = [...this.permissions, ...options.permissions ?? []];
    return { ...options, permissions };
  }
}
