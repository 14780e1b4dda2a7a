/** The listening process of two: answers whatever load comes. */
import { contestant, type Kind, type OpeningSizes } from "../contestant.ts";
import { serve } from "../remote.ts";
import { Station } from "../station.ts";

const [kind, opening] = Deno.args as [Kind, string];
const self = await contestant(kind, JSON.parse(opening) as OpeningSizes);
const listening = await self.listen((channel) => {
  const station = new Station();
  station.attach(channel);
  return (from, payload) => station.receive(from, payload);
});

await serve({ endpoint: () => listening.endpoint });
