/**
 * Nodes as real processes: `verack run --json` with the permissions its
 * documentation asks for, and its events as they come. Processes that are no
 * nodes, or talk to people, are `child.ts` and `pty.ts`.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import { assert } from "@std/assert";
import type { PrintedEvent } from "../../src/cli/event_lines.ts";
import { type Child, verack, type VerackOptions } from "./child.ts";

/** An event as it is printed. */
export type Printed<E extends PrintedEvent = PrintedEvent> = E & {
  readonly time: string;
};

type Type = PrintedEvent["type"];
type Of<T extends Type> = Printed<Extract<PrintedEvent, { type: T }>>;

/** One node in a process of its own; killed when disposed of. */
export class NodeProcess implements AsyncDisposable {
  readonly child: Child;
  /** Lines up to the last event of a type that somebody waited for. */
  readonly #seen = new Map<Type, number>();
  #listening: Of<"listening"> | undefined;

  private constructor(child: Child) {
    this.child = child;
  }

  /**
   * Starts a node on a free port of 127.0.0.1, unless `args` say otherwise, that
   * pings nobody unless told; resolves when it listens.
   */
  static async start(
    args: readonly string[] = [],
    options: VerackOptions = {},
  ): Promise<NodeProcess> {
    const given = (flag: string) => args.some((arg) => arg.startsWith(flag));
    const process = new NodeProcess(verack([
      "--json",
      ...(given("--host") || given("--no-listen") ? [] : ["--host=127.0.0.1"]),
      ...(given("--port") || given("--no-listen") ? [] : ["--port=0"]),
      ...(given("--period") ? [] : ["--period=0"]),
      ...args,
    ], options));
    try {
      process.#listening = await process.waitFor("listening");
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
    return process;
  }

  get id(): PeerId {
    return this.#is.id;
  }

  /** Where it listens: `host:port`; empty with `--no-listen`. */
  get address(): string {
    return this.#is.address ?? "";
  }

  get #is(): Of<"listening"> {
    assert(this.#listening !== undefined, "it is not listening");
    return this.#listening;
  }

  /** All events so far. */
  get events(): Printed[] {
    return this.child.out.map(parse);
  }

  /** All events of a type so far. */
  of<T extends Type>(type: T): Of<T>[] {
    return this.events.filter((it): it is Of<T> => it.type === type);
  }

  /**
   * The first event of this type that fits, after the one that was returned for
   * this type before; waits for it to come.
   */
  async waitFor<T extends Type>(
    type: T,
    fits: (event: Of<T>) => boolean = () => true,
  ): Promise<Of<T>> {
    const after = this.#seen.get(type) ?? 0;
    let count = 0;
    const line = await this.child.line((line) => {
      if (++count <= after) return false;
      const event = parse(line);
      return event.type === type && fits(event as Of<T>);
    });
    this.#seen.set(type, count);
    return parse(line) as Of<T>;
  }

  /** Waits until it sees a mesh of so many nodes, linked to all of them. */
  async meshOf(nodes: number): Promise<void> {
    await this.waitFor(
      "mesh",
      (event) => event.nodes === nodes && event.sessions === nodes - 1,
    );
  }

  /** Sends a signal and waits for the end; the exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    this.child.kill(signal);
    return await this.child.code();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

function parse(line: string): Printed {
  return JSON.parse(line);
}
