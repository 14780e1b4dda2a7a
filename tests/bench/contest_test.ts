import { assertEquals, assertRejects } from "@std/assert";
import { alternate, contest, rowsOf } from "./contest.ts";
import { FilePlace } from "./file_place.ts";
import {
  type Contender,
  type Line,
  type Settings,
  VERACK,
} from "./lines/line.ts";

/** Measures 1, 2, 3, … until it fails. */
function contender(
  name: string,
  { log = [], failsAt = Infinity, optional = false }: {
    log?: string[];
    failsAt?: number;
    optional?: boolean;
  } = {},
): Contender {
  let calls = 0;
  return {
    name,
    doing: "",
    optional,
    measure: () => {
      log.push(name);
      return ++calls < failsAt
        ? Promise.resolve({ speed: calls })
        : Promise.reject(new Error("not there"));
    },
  };
}

function lineOf(
  contenders: readonly Contender[],
  maxRounds?: number,
): Line {
  return {
    name: "line",
    description: "",
    secondsARound: 1,
    ...(maxRounds !== undefined && { maxRounds }),
    figures: [{
      name: "speed",
      unit: "/s",
      better: "higher",
      aim: 2,
      ratios: { bare: 0.5 },
    }],
    contenders: () => contenders,
  };
}

const SETTINGS: Settings = {
  opening: [1, 1, 1, 1],
  networks: undefined,
  unacknowledged: false,
  files: new FilePlace(1),
  note: () => {},
};

Deno.test("contenders have their turns one after the other in each round, and each is first in some", async () => {
  const log: string[] = [];
  const all = ["a", "b", "c"].map((name) => contender(name, { log }));
  await alternate(all, 4, () => {});
  assertEquals(log.join(""), "abc" + "bca" + "cab" + "abc");
});

Deno.test("an optional contender that fails is left out with a note, and the others go on", async () => {
  const log: string[] = [];
  const notes: string[] = [];
  const results = await alternate(
    [
      contender(VERACK, { log }),
      contender("libp2p", { log, failsAt: 2, optional: true }),
    ],
    3,
    (text) => notes.push(text),
  );
  assertEquals(Object.fromEntries(results), {
    [VERACK]: [{ speed: 1 }, { speed: 2 }, { speed: 3 }],
  });
  assertEquals(notes, ["libp2p is left out: not there"]);
  assertEquals(log.filter((it) => it === "libp2p").length, 2);
});

Deno.test("a contender that fails and is needed ends the run", async () => {
  const all = [contender(VERACK), contender("bare", { failsAt: 2 })];
  await assertRejects(() => alternate(all, 2, () => {}), Error, "not there");
});

Deno.test("a line has a row a figure, with the rounds of all and their aims", async () => {
  const line = lineOf([contender(VERACK), contender("bare")]);
  assertEquals(await contest(line, SETTINGS, 2), [{
    line: "line",
    figure: "speed",
    unit: "/s",
    better: "higher",
    rounds: [1, 2],
    aim: 2,
    comparisons: [{ with: "bare", doing: "", rounds: [1, 2], aim: 0.5 }],
  }]);
});

Deno.test("a line takes no more rounds than tell something new", async () => {
  const log: string[] = [];
  const line = lineOf([contender(VERACK, { log })], 2);
  await contest(line, SETTINGS, 4);
  assertEquals(log.length, 2);
});

Deno.test("a figure without a value of verack's has no row, and none of another's no comparison", () => {
  const contenders = [contender(VERACK), contender("bare")];
  const { figures } = lineOf(contenders);
  const line = {
    name: "line",
    figures: [...figures, { ...figures[0]!, name: "size" }],
  };
  const results = new Map([[VERACK, [{ size: 1 }]], ["bare", [{ speed: 1 }]]]);
  const [row, ...rest] = rowsOf(line, contenders, results);
  assertEquals(rest, []);
  assertEquals([row?.figure, row?.comparisons], ["size", []]);
});
