/**
 * Methods whose types and checks both ends share.
 *
 *     deno run -A examples/rpc_typed.ts
 */
import * as v from "npm:valibot@1.5.0";
import { defineMethod, Node, RequestError, VerackError } from "../mod.ts";

// A module that both programs import. Zod, ArkType and others serve as well as Valibot.
const reserve = defineMethod("seats/reserve", {
  input: v.object({
    show: v.string(),
    seats: v.pipe(v.number(), v.integer(), v.minValue(1)),
  }),
  // What is sent is a text; the caller gets a date.
  output: v.object({
    id: v.number(),
    until: v.pipe(v.string(), v.transform((text) => new Date(text))),
  }),
});

// The serving program.
await using office = await Node.start({ name: "office" });
let free = 5;
office.serve(reserve, ({ show, seats }, { peer }) => {
  if (seats > free) {
    throw new RequestError("sold-out", `${show} has ${free} free seats`, {
      data: { free },
    });
  }
  free -= seats;
  console.log(`office: ${seats} seats for ${peer.slice(0, 8)}`);
  return { id: free, until: "2030-01-01T20:00:00Z" };
});

// The calling program.
await using guest = await Node.start({ connect: [office.address] });
await guest.joined();

const { until } = await guest.request("office", reserve, {
  show: "Hamlet",
  seats: 3,
});
console.log(`guest: reserved until ${until.getUTCFullYear()}`);

try {
  await guest.request("office", reserve, { show: "Hamlet", seats: 3 });
} catch (error) {
  if (!(error instanceof RequestError)) throw error;
  console.log(`guest: ${error.remoteCode}, ${error.message}`, error.data);
}

// The office checks as well, as a caller may be another program.
try {
  await guest.request("office", reserve.name, { show: "Hamlet", seats: 0.5 });
} catch (error) {
  if (!(error instanceof VerackError)) throw error;
  console.log(`guest: ${error.code}`);
}
