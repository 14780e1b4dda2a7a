// Strangers that tell of peers at ports which hang, to use up the dials that gossip may
// cause: an honest rumour has its turn all the same.
import { assert } from "@std/assert";
import { MAX_GOSSIP_DIALS } from "../../src/mesh/dialing/dialing_limits.ts";
import { Node } from "../../src/mesh/node.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { entryOf, stranger } from "../helpers/forged_messages.ts";
import { Scene } from "../helpers/scene.ts";
import { Sink } from "../helpers/sink.ts";
import { until } from "../helpers/until.ts";

/** Ports that hang, more than the dials that gossip may cause at once can all go to one. */
function silentPorts(stack: AsyncDisposableStack): Sink[] {
  return Array.from({ length: 5 }, () => stack.use(Sink.start()));
}

function open(sinks: readonly Sink[]): number {
  return sinks.reduce((sum, sink) => sum + sink.open, 0);
}

/**
 * The node has no dial left for gossip. One on a starved machine has fewer, so that it never has
 * all of them open: there the first has ended in favour of another.
 */
async function untilAllHang(sinks: readonly Sink[]): Promise<void> {
  await until("all dials to hang", () => {
    const arrivals = sinks.reduce((sum, sink) => sum + sink.arrivals, 0);
    return open(sinks) >= MAX_GOSSIP_DIALS || arrivals > open(sinks);
  });
}

/** A member for each of these, which tells of many peers there. */
async function liars(
  scene: Scene,
  sinks: readonly Sink[],
): Promise<DisposableStack> {
  const stack = new DisposableStack();
  for (const { address } of sinks) {
    const liar = stack.use(await scene.join());
    const at = parseAddress(address);
    await liar.tell(
      Array.from({ length: 60 }, () => entryOf(stranger(), [at])),
    );
  }
  return stack;
}

Deno.test("five members that tell of peers at silent ports leave honest gossip its dial", async () => {
  await using stack = new AsyncDisposableStack();
  const sinks = silentPorts(stack);
  await using scene = await Scene.start();
  using _liars = await liars(scene, sinks);
  await untilAllHang(sinks);
  using honest = await scene.join();
  await using bob = await Node.start();
  await honest.tell([entryOf(bob.identity, [parseAddress(bob.address)])]);
  // Not after the ten seconds that a dial may take, let alone those of all the others.
  await until("bob to be dialed", () => bob.sessions().length > 0, 9_000);
});

Deno.test("nor can they take a peer over by telling of it first", async () => {
  await using stack = new AsyncDisposableStack();
  const sinks = silentPorts(stack);
  await using scene = await Scene.start();
  using _liars = await liars(scene, sinks);
  await untilAllHang(sinks);
  const at = parseAddress(stack.use(Sink.start()).address);
  await using bob = await Node.start();
  // On the account of one that has its share already.
  using liar = await scene.join();
  await liar.tell([
    ...Array.from({ length: 60 }, () => entryOf(stranger(), [at])),
    entryOf(bob.identity, [at]),
  ]);
  using honest = await scene.join();
  await honest.tell([entryOf(bob.identity, [parseAddress(bob.address)])]);
  await until("bob to be dialed", () => bob.sessions().length > 0, 9_000);
  assert(open(sinks) > 0);
});
