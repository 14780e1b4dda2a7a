/** A node of verack's through which two others are in session. */
import { Node } from "../../../mod.ts";
import { Peak } from "../peak.ts";
import { serve } from "../serve.ts";

const node = await Node.start();
let peak: Peak | undefined;

await serve({
  address: () => `${node.identity.id}@${node.address}`,
  /** Pairs that it relays at present. */
  pairs: () => node.status().relay?.pairs ?? 0,
  watch: async () => {
    peak = await Peak.start();
  },
  peak: () => peak?.stop(),
});
