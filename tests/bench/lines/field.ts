/** The processes of all who take part in a line about messages. */
import type { Kind } from "../contestant.ts";
import { type Participant, VERACK } from "./entrants.ts";
import { alternate, type Entrant, type Rounds } from "./line.ts";

/** Without these a line says nothing; all others only add to it. */
const NEEDED: ReadonlySet<Kind> = new Set<Kind>(["messages", "bare"]);

/** One process of a participant, or several that work together. */
export interface Party extends AsyncDisposable {
  call<Answer>(command: string, ...args: unknown[]): Promise<Answer>;
}

/** Starts who takes part when it is first asked, and leaves out who fails. */
export class Field implements AsyncDisposable {
  readonly #start: (entrant: Entrant) => Party | Promise<Party>;
  readonly #parties = new Map<string, Party>();
  readonly #leftOut = new Set<string>();

  constructor(start: (entrant: Entrant) => Party | Promise<Party>) {
    this.#start = start;
  }

  /**
   * Has verack and others answer a command by turns, as {@linkcode alternate}
   * does, the second time each; no rounds only warm up. Who fails has no results,
   * now and later.
   *
   * @throws {Error} when one fails that is needed.
   */
  alternate<Answer>(
    among: readonly Participant[],
    rounds: number,
    command: string,
    ...args: unknown[]
  ): Promise<Rounds<string, Answer>> {
    const entrants = new Map<string, Entrant>([[VERACK, { kind: "messages" }]]);
    for (const { name, entrant } of among) {
      if (!this.#leftOut.has(name)) entrants.set(name, entrant);
    }
    return alternate(
      [...entrants.keys()],
      rounds,
      async (name) => {
        const party = this.#parties.get(name) ??
          await this.#start(entrants.get(name)!);
        this.#parties.set(name, party);
        // Twice: who has stood idle while others had their turn is slow at first, as
        // nobody is whose messages matter.
        if (rounds > 0) await party.call(command, ...args);
        return await party.call<Answer>(command, ...args);
      },
      {
        leaveOut: async (name, error) => {
          if (NEEDED.has(entrants.get(name)!.kind)) throw error;
          console.error(`${name} is left out: ${(error as Error).message}`);
          this.#leftOut.add(name);
          await this.#parties.get(name)?.[Symbol.asyncDispose]();
          this.#parties.delete(name);
        },
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parties = [...this.#parties.values()];
    await Promise.all(parties.map((it) => it[Symbol.asyncDispose]()));
  }
}
