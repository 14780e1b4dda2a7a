import { assertEquals, assertRejects } from "@std/assert";
import type { Kind } from "./contestant.ts";
import { type Participant, reportBoth, VERACK } from "./lines/entrants.ts";
import { Field } from "./lines/field.ts";
import type { Row } from "./report.ts";

const AMONG = [
  participant("bare"),
  participant("libp2p"),
  participant("gossipsub"),
];

/** Answers 1 until it fails. */
class FakeParty {
  calls = 0;
  ended = 0;
  readonly #failsAt: number;

  /** @param failsAt The first call that fails. */
  constructor(failsAt = Infinity) {
    this.#failsAt = failsAt;
  }

  call<Answer>(command: string): Promise<Answer> {
    return ++this.calls < this.#failsAt
      ? Promise.resolve(1 as Answer)
      : Promise.reject(new Error(`no answer to ${command}`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.ended++;
    return Promise.resolve();
  }
}

function participant(kind: Kind): Participant {
  return {
    name: kind,
    entrant: { kind },
    with: kind,
    doing: "",
    isAim: kind !== "bare",
  };
}

/** Whom a figure is compared with. */
function compared(rounds: Record<string, number[]>): string[] {
  const rows: Row[] = [];
  const row = { line: "", figure: "", unit: "", verack: 1 };
  reportBoth(row, rounds, AMONG, "at least", (it) => rows.push(it));
  return rows.flatMap(({ comparisons }) => comparisons.map((it) => it.with));
}

/** Runs something and gives the lines that it says on stderr. */
async function saidDuring(run: () => Promise<void>): Promise<unknown[]> {
  const { error } = console;
  const said: unknown[] = [];
  console.error = (line: unknown) => said.push(line);
  try {
    await run();
  } finally {
    console.error = error;
  }
  return said;
}

Deno.test("another network that fails in a figure is left out of it and of later ones, and the run goes on", async () => {
  // It has answered in a round that counts before it fails.
  const parties: Partial<Record<Kind, FakeParty>> = {
    gossipsub: new FakeParty(3),
  };
  const said = await saidDuring(async () => {
    await using field = new Field(({ kind }) =>
      parties[kind] ??= new FakeParty()
    );
    const first = await field.alternate<number>(AMONG, 4, "first");
    assertEquals(first, {
      [VERACK]: [1, 1, 1, 1],
      bare: [1, 1, 1, 1],
      libp2p: [1, 1, 1, 1],
    });
    assertEquals(compared(first), ["bare", "libp2p"]);
    assertEquals(parties.gossipsub?.ended, 1);
    const second = await field.alternate<number>(AMONG, 1, "second");
    assertEquals(compared(second), ["bare", "libp2p"]);
  });
  assertEquals(said, ["gossipsub is left out: no answer to first"]);
  assertEquals(parties.gossipsub?.calls, 3);
  assertEquals(
    Object.values(parties).map(({ ended }) => ended),
    [1, 1, 1, 1],
  );
});

Deno.test("another network that cannot be started is left out", async () => {
  const said = await saidDuring(async () => {
    await using field = new Field(({ kind }) => {
      if (kind === "libp2p") throw new Error("not there");
      return new FakeParty();
    });
    const rounds = await field.alternate<number>(AMONG, 1, "first");
    assertEquals(compared(rounds), ["bare", "gossipsub"]);
  });
  assertEquals(said, ["libp2p is left out: not there"]);
});

for (const [who, kind] of [["verack", "messages"], ["bare", "bare"]]) {
  Deno.test(`a failure of ${who} ends the run, and all processes with it`, async () => {
    const parties: FakeParty[] = [];
    const run = async () => {
      await using field = new Field((entrant) => {
        const party = new FakeParty(entrant.kind === kind ? 3 : Infinity);
        parties.push(party);
        return party;
      });
      await field.alternate(AMONG, 1, "first");
    };
    await assertRejects(run, Error, "no answer to first");
    assertEquals(parties.map(({ ended }) => ended), [1, 1, 1, 1]);
  });
}
