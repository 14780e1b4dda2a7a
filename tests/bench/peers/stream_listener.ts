/** The listening process of two: answers what the other asks for on its streams. */
import {
  streamContestant,
  type StreamSetup,
} from "../byte_streams/byte_stream.ts";
import { answerLoads } from "../byte_streams/load.ts";
import { Peak } from "../peak.ts";
import { readSetup, serve } from "../serve.ts";

const setup = readSetup<StreamSetup>();
const self = await streamContestant(setup);
const endpoint = await self.listen((stream) =>
  answerLoads(stream, setup.receiveDir)
);
let peak: Peak | undefined;

await serve({
  endpoint: () => endpoint,
  watch: async () => {
    peak = await Peak.start();
  },
  peak: () => peak?.stop(),
});
