/** Many connections of attackers, held open until the node they are with closes them. */

/** Something that is open until its other end, or we, close it. */
export interface Closable {
  close(): void;
}

/** Connections that a test holds, and how many of them the node has not closed. */
export class Crowd implements Disposable {
  open = 0;
  readonly #members: Closable[] = [];

  /** Adds one; `ended` resolves, never rejects, when the node has closed it. */
  add(member: Closable, ended: Promise<unknown>): void {
    this.open++;
    this.#members.push(member);
    ended.then(() => this.open--);
  }

  [Symbol.dispose](): void {
    for (const member of this.#members) {
      try {
        member.close();
      } catch {
        // Closed before.
      }
    }
  }
}

/** Resolves when the other end has hung up. */
export async function hungUp(socket: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(4_096);
  try {
    while (await socket.read(buffer) !== null);
  } catch {
    // Reset, or closed by us.
  }
}

/** As many as that. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
