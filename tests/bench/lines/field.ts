/** Messages of verack's nodes beside bare sockets that acknowledge, or do not. */
import { compareRounds, type Row } from "../report.ts";
import { alternate, type Entrant, type Rounds } from "./line.ts";

/** What takes part in a line about messages. */
const ENTRANTS = {
  verack: { kind: "messages" },
  acknowledging: { kind: "bare", acknowledged: true },
  bare: { kind: "bare" },
} as const satisfies Record<string, Entrant>;

type Name = keyof typeof ENTRANTS;

/** One process, or several that work together. */
interface Party extends AsyncDisposable {
  call<Answer>(command: string, ...args: unknown[]): Promise<Answer>;
}

/** The processes of all, each started when it is first asked. */
export class Field implements AsyncDisposable {
  readonly #start: (entrant: Entrant) => Party | Promise<Party>;
  readonly #parties = new Map<Name, Party>();

  constructor(start: (entrant: Entrant) => Party | Promise<Party>) {
    this.#start = start;
  }

  /**
   * All answer a command by turns, as {@linkcode alternate} does; no rounds only
   * warm up.
   */
  alternate<Answer>(
    rounds: number,
    command: string,
    ...args: unknown[]
  ): Promise<Rounds<Name, Answer>> {
    const names = Object.keys(ENTRANTS) as Name[];
    return alternate(names, rounds, async (name) => {
      const party = this.#parties.get(name) ??
        await this.#start(ENTRANTS[name]);
      this.#parties.set(name, party);
      // Twice: a process that has stood idle for the others' turns is slow at first.
      if (rounds > 0) await party.call(command, ...args);
      return await party.call<Answer>(command, ...args);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parties = [...this.#parties.values()];
    await Promise.all(parties.map((it) => it[Symbol.asyncDispose]()));
  }
}

/** One figure beside bare sockets that acknowledge, and beside those that do not. */
export function reportBoth(
  row: Omit<Row, "comparisons">,
  rounds: Rounds<Name, number>,
  report: (row: Row) => void,
): void {
  const { verack, acknowledging, bare } = rounds;
  const doing = "queued frames in one write";
  report({
    ...row,
    comparisons: [
      compareRounds(verack, acknowledging, {
        with: "bare",
        doing: `${doing}, acknowledged once for all that come together`,
      }),
      compareRounds(verack, bare, {
        with: "bare",
        doing: `${doing}, not acknowledged`,
      }),
    ],
  });
}
