/**
 * Which nodes must end in session with each other: those that can find each other, directly or
 * through others.
 */
import type { Life } from "./member.ts";

/** What is true of two nodes, in either order. */
export interface Relation {
  /** Whether one can find the other by itself, and each admits the other. */
  readonly isEdge: (a: Life, b: Life) => boolean;
  /** Whether one of them keeps the other out, whatever others say. */
  readonly isBarred: (a: Life, b: Life) => boolean;
  /** Whether a node brings others together. */
  readonly isLink: (life: Life) => boolean;
}

/** The pairs that must be in session. */
export class Pairs {
  readonly lives: readonly Life[];
  /** Index of the one with the smaller index, times their number, and that of the other. */
  readonly #pairs = new Set<number>();

  /**
   * Two nodes belong together if they are an edge, or if a third belongs with both: it gossips
   * each to the other, and attests it.
   */
  constructor(lives: readonly Life[], { isEdge, isBarred, isLink }: Relation) {
    this.lives = lives;
    const count = lives.length;
    const isPossible = (a: number, b: number) =>
      !isBarred(lives[a]!, lives[b]!);
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        if (isPossible(a, b) && isEdge(lives[a]!, lives[b]!)) this.#add(a, b);
      }
    }
    for (let before = -1; before < this.#pairs.size;) {
      before = this.#pairs.size;
      for (let via = 0; via < count; via++) {
        if (!isLink(lives[via]!)) continue;
        for (let a = 0; a < count; a++) {
          if (!this.#has(a, via)) continue;
          for (let b = a + 1; b < count; b++) {
            if (this.#has(b, via) && isPossible(a, b)) this.#add(a, b);
          }
        }
      }
    }
  }

  /** Whether two nodes must be in session. */
  has(a: Life, b: Life): boolean {
    return this.#has(this.lives.indexOf(a), this.lives.indexOf(b));
  }

  /** Whether a node must be in session with any other. */
  hasAny(life: Life): boolean {
    return this.lives.some((other) => this.has(life, other));
  }

  /** All, each once. */
  *[Symbol.iterator](): Iterator<readonly [Life, Life]> {
    for (const [at, a] of this.lives.entries()) {
      for (const b of this.lives.slice(at + 1)) {
        if (this.has(a, b)) yield [a, b];
      }
    }
  }

  #add(a: number, b: number): void {
    this.#pairs.add(Math.min(a, b) * this.lives.length + Math.max(a, b));
  }

  #has(a: number, b: number): boolean {
    if (a < 0 || b < 0 || a === b) return false;
    return this.#pairs.has(
      Math.min(a, b) * this.lives.length + Math.max(a, b),
    );
  }
}
