/** One node's messages to many others, taken by their applications. */
import { type Line, remoteOf } from "./line.ts";
import { AHEAD, messengers } from "./messengers.ts";

const FLOOD_MS = 400;
/** Until all that runs often is compiled and a mesh is quiet. */
const WARM_UP_MS = 1_000;
/** Until windows and buffers fit the size. */
const WARM_UP_SIZE_MS = 200;
const RECEIVERS = [9, 49] as const;
const SIZES = [
  { bytes: 100, name: "100 B", ofBare: 0.3 },
  { bytes: 1_024, name: "1 KiB", ofBare: 0.7 },
] as const;

/**
 * Messages delivered a second, all nodes of a contender in one process. verack's
 * receivers are members of one mesh, the others' know only the sender.
 */
export const broadcast: Line = {
  name: "broadcast",
  description: "node.broadcast() to 9 and to 49 others, all in one process",
  secondsARound: 33,
  figures: RECEIVERS.flatMap((receivers) =>
    SIZES.map(({ name, ofBare }) => ({
      name: `${name} to ${receivers} others, acknowledged`,
      unit: "/s",
      better: "higher",
      ratios: { ...AHEAD, bare: ofBare },
    }))
  ),
  contenders: (settings) =>
    messengers(settings, async (entrant) => {
      const values: Record<string, number> = {};
      for (const receivers of RECEIVERS) {
        await using hub = remoteOf("hub", entrant, settings);
        const fanOut = (bytes: number, ms: number) =>
          hub.call<number>("fanOut", receivers, bytes, ms);
        await fanOut(SIZES[0].bytes, WARM_UP_MS);
        for (const { bytes, name } of SIZES) {
          await fanOut(bytes, WARM_UP_SIZE_MS);
          values[`${name} to ${receivers} others, acknowledged`] = await fanOut(
            bytes,
            FLOOD_MS,
          );
        }
      }
      return values;
    }, { broadcast: true }),
};
