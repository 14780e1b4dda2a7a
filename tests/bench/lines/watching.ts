/** What it costs a node with 50 peers to be watched. */
import { PERMISSIONS, Remote } from "../remote.ts";
import { type Line, VERACK } from "./line.ts";

const PEERS = 50;
/** Watched and not, by turns: what else the node does changes slowly. */
const TURNS = 3;
const TURN_MS = 4_000;
const ONE = "one client that watches each second";
const TEN = "ten of them";

/** CPU time of the process of the node, less that while it is not watched. */
export const watching: Line = {
  name: "watching",
  description: `a node with ${PEERS} peers that is watched, and costs more CPU`,
  secondsARound: 45,
  maxRounds: 2,
  figures: [
    { name: ONE, unit: "% of a core", better: "lower", aim: 2 },
    { name: TEN, unit: "% of a core", better: "lower" },
  ],
  contenders: ({ note }) => [{
    name: VERACK,
    doing: "",
    measure: async () => {
      const folder = await Deno.makeTempDir();
      const directory = `${folder}/data`;
      const permissions = [
        ...PERMISSIONS,
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        `--allow-net=127.0.0.1,unix:${directory}/control.sock,localhost:80`,
      ];
      try {
        await using watched = new Remote("watching", [], { permissions });
        await using clients = new Remote("watching", [], { permissions });
        await using crowd = new Remote("watching", []);
        const address = await watched.call<string>("start", directory);
        if (!await crowd.call<boolean>("join", address, PEERS)) {
          note(`${PEERS} peers did not all meet in time`);
        }
        const cpu = () => watched.call<number>("cpu", TURN_MS);
        await cpu();
        const sums: [number, number] = [0, 0];
        for (let turn = 0; turn < TURNS; turn++) {
          const idle = await cpu();
          for (const [index, count] of [1, 10].entries()) {
            await clients.call("watch", directory, count);
            sums[index]! += await cpu() - idle;
            await clients.call("unwatch");
          }
        }
        return { [ONE]: sums[0] / TURNS, [TEN]: sums[1] / TURNS };
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  }],
};
