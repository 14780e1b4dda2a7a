/** The one set of tasks that run and are awaited by the object that started them. */

/** Promises that are not settled yet. */
export class TaskSet {
  readonly #tasks = new Set<Promise<unknown>>();

  get size(): number {
    return this.#tasks.size;
  }

  /** Adds a task until it is settled. It must not reject, which would end the process. */
  add(task: Promise<unknown>): void {
    const tracked: Promise<unknown> = task.finally(() =>
      this.#tasks.delete(tracked)
    );
    this.#tasks.add(tracked);
  }

  /** Resolves when one of the tasks has settled; at once if there is none. */
  async next(): Promise<void> {
    if (this.size > 0) await Promise.race(this.#tasks);
  }

  /** Resolves when no task is left, those added meanwhile included. */
  async settled(): Promise<void> {
    while (this.size > 0) await Promise.all(this.#tasks);
  }
}
