/**
 * The books of all messages of a chaos run: what was kept, what was acknowledged,
 * and what applications took, by what they said themselves. Whether that is what
 * delivery promises is judged here.
 */

/** A line that `talker.ts` prints about messages. */
export type Told =
  /** On its sender's disk: from now on it may not get lost. */
  | {
    readonly type: "kept";
    readonly key: string;
    readonly to: string;
    readonly topic: string;
  }
  /** Its sender was told that it was taken. */
  | { readonly type: "acked"; readonly key: string }
  | { readonly type: "failed"; readonly key: string; readonly reason: string }
  /** An application has it. */
  | {
    readonly type: "taken";
    readonly key: string;
    readonly from: string;
    readonly topic: string;
    readonly id: string;
  }
  /** One side of a stream, or another thing that ends. */
  | { readonly type: "begun"; readonly what: string; readonly key: string }
  /** How: `ok` or the code of an error; and what must not be, if anything is. */
  | {
    readonly type: "ended";
    readonly what: string;
    readonly key: string;
    readonly outcome: string;
    readonly problem?: string;
  }
  /** Its sender was told that a peer has the file of this name. */
  | { readonly type: "sent-file"; readonly to: string; readonly name: string }
  /** What its sender still waits for; streams and the like count. */
  | { readonly type: "outbox"; readonly messages: number };

/** Something that must end once, in the life that it began in. */
interface Begun {
  readonly who: string;
  readonly life: number;
  ends: number;
}

/** A message as one application got it. */
interface Taking {
  readonly by: string;
  /** Which life of that node. */
  readonly life: number;
  readonly id: string;
}

/** All messages of a run. */
export class Ledger {
  readonly #kept = new Map<string, { from: string; to: string }>();
  readonly #acked = new Set<string>();
  readonly #takings = new Map<string, Taking[]>();
  /** Numbers in the order in which they were first taken, by sender's life, receiver and topic. */
  readonly #orders = new Map<string, number[]>();
  readonly #failures: string[] = [];
  readonly #begun = new Map<string, Begun>();
  /** Names of the files that each node has, by what their senders were told. */
  readonly #files = new Map<string, string[]>();
  /** The last life of each node. */
  readonly #lives = new Map<string, number>();
  /** How often things ended how. */
  readonly #outcomes = new Map<string, number>();

  /** A node said something. `life` counts its starts. */
  note(who: string, life: number, told: Told): void {
    this.#lives.set(who, life);
    switch (told.type) {
      case "begun":
        this.#begin(who, life, told);
        break;
      case "sent-file":
        this.#files.getOrInsertComputed(told.to, () => []).push(told.name);
        break;
      case "ended":
        this.#end(who, life, told);
        break;
      case "kept":
        this.#kept.set(told.key, { from: who, to: told.to });
        break;
      case "acked":
        this.#acked.add(told.key);
        break;
      case "failed":
        this.#failures.push(`${told.key}: ${told.reason}`);
        break;
      case "taken":
        this.#take(who, life, told);
        break;
      case "outbox":
        break;
      default:
        told satisfies never;
    }
  }

  /** A node gave a message up. */
  undelivered(who: string, reason: string): void {
    this.#failures.push(`${who}: ${reason}`);
  }

  /** What was promised and did not come true, a line each; to be asked when all is quiet. */
  faults(): string[] {
    const faults = this.#failures.map((failure) => `given up: ${failure}`);
    for (const key of this.#acked) {
      if (!this.#takings.has(key)) {
        faults.push(`${key} acknowledged, not taken`);
      }
    }
    for (const [key, { from, to }] of this.#kept) {
      const takings = this.#takings.get(key) ?? [];
      if (takings.length === 0) {
        faults.push(
          `${key} from ${from.slice(0, 8)} to ${to.slice(0, 8)} kept and lost`,
        );
      }
      if (takings.some(({ by }) => by !== to)) {
        faults.push(`${key} went astray`);
      }
    }
    for (const [key, takings] of this.#takings) {
      const lives = new Set(takings.map(({ life }) => life));
      if (lives.size < takings.length) {
        faults.push(`${key} taken twice in a life`);
      }
      const ids = new Set(takings.map(({ id }) => id));
      if (ids.size > 1) faults.push(`${key} came again with another id`);
    }
    for (const [name, { who, life, ends }] of this.#begun) {
      // What was killed says nothing more.
      if (ends === 0 && this.#lives.get(who) === life) {
        faults.push(`${name} of ${who.slice(0, 8)} never ended`);
      }
    }
    for (const [sequence, numbers] of this.#orders) {
      const wrong = numbers.findIndex((it, i) => i > 0 && it < numbers[i - 1]!);
      if (wrong > 0) {
        faults.push(
          `${sequence}: ${numbers[wrong]} after ${numbers[wrong - 1]}`,
        );
      }
    }
    return faults;
  }

  /** One line of figures. */
  figures(): string {
    const again = [...this.#takings.values()].filter(({ length }) =>
      length > 1
    );
    return `messages: kept ${this.#kept.size}, acknowledged ${this.#acked.size}, ` +
      `taken ${this.#takings.size}, again after a kill ${again.length}, ` +
      `given up ${this.#failures.length}; ended: ` +
      [...this.#outcomes].sort(([a], [b]) => a < b ? -1 : 1)
        .map(([outcome, count]) => `${outcome} ${count}`).join(", ");
  }

  /** Messages that were taken at least once. */
  get taken(): number {
    return this.#takings.size;
  }

  /** Files that a node must have. */
  filesOf(id: string): readonly string[] {
    return this.#files.get(id) ?? [];
  }

  /** How often something ended so, such as `stream out ok`. */
  ended(outcome: string): number {
    return this.#outcomes.get(outcome) ?? 0;
  }

  #begin(
    who: string,
    life: number,
    { what, key }: Extract<Told, { type: "begun" }>,
  ): void {
    const name = `${what} ${key}`;
    if (this.#begun.has(name)) this.#failures.push(`${name} began twice`);
    this.#begun.set(name, { who, life, ends: 0 });
  }

  #end(
    who: string,
    life: number,
    { what, key, outcome, problem }: Extract<Told, { type: "ended" }>,
  ): void {
    const name = `${what} ${key}`;
    const begun = this.#begun.get(name);
    if (begun?.who !== who || begun.life !== life) {
      this.#failures.push(`${name} ended and had not begun`);
    } else if (++begun.ends > 1) this.#failures.push(`${name} ended twice`);
    if (problem !== undefined) this.#failures.push(`${name} ${problem}`);
    const count = `${what} ${outcome}`;
    this.#outcomes.set(count, this.ended(count) + 1);
  }

  #take(
    by: string,
    life: number,
    { key, topic, id }: Extract<Told, { type: "taken" }>,
  ): void {
    const takings = this.#takings.getOrInsertComputed(key, () => []);
    takings.push({ by, life, id });
    if (takings.length > 1) return;
    const [sender = "", number = ""] = key.split(".");
    const sequence = `from ${sender} to ${by.slice(0, 8)} in "${topic}"`;
    this.#orders.getOrInsertComputed(sequence, () => []).push(Number(number));
  }
}
