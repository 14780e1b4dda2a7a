/**
 * Counts the free file descriptors of this process, as far as possible, and reports when there
 * are none. What is refused then is decided in the mesh.
 *
 * Deno exposes neither the limit nor how many are in use (2.9.6: `/proc` needs `--allow-all`).
 * So they are counted by opening a readable file repeatedly; without one, a shortage is noticed
 * by a failed system call.
 */
import { MAX_COUNTED_DESCRIPTORS } from "./transport_limits.ts";

/** System error codes: the process, or the machine, has no descriptor left. */
const SHORTAGE: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE"]);

/** The descriptors of one process. */
export class Descriptors {
  readonly #watchers = new Set<() => void>();
  #path: string | undefined;

  /** Sets a path that this process may read, and that opening does not change. */
  countBy(path: string): void {
    this.#path = path;
  }

  /**
   * How many are free: `Infinity` for `most` or more, `undefined` if that cannot be found out.
   *
   * @param most What is enough. @default more than a node can use, which takes up to 40 ms
   */
  free(most = MAX_COUNTED_DESCRIPTORS): number | undefined {
    if (this.#path === undefined) return undefined;
    const files: Deno.FsFile[] = [];
    try {
      while (files.length < most) {
        files.push(Deno.openSync(this.#path));
      }
      return Infinity;
    } catch (error) {
      return isShortage(error) ? files.length : undefined;
    } finally {
      for (const file of files) file.close();
    }
  }

  /** Notices an error that means that there are none. */
  note(error: unknown): void {
    if (!isShortage(error)) return;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `onShortage` whenever there are none, until the returned function is called. */
  watch(onShortage: () => void): () => void {
    this.#watchers.add(onShortage);
    return () => this.#watchers.delete(onShortage);
  }
}

/** The descriptors of this process. */
export const descriptors: Descriptors = new Descriptors();

function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && SHORTAGE.has(error.code);
}
