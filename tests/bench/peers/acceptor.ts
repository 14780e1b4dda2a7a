/** The listening process of two: answers whatever load comes. */
import { contestant, type Setup } from "../contestant.ts";
import { readSetup, serve } from "../serve.ts";
import { Station } from "../station.ts";

const self = await contestant(readSetup<Setup>());
const listening = await self.listen((channel) => {
  const station = new Station();
  station.attach(channel);
  return (from, payload) => station.receive(from, payload);
});

await serve({ endpoint: () => listening.endpoint });
