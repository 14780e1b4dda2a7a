/**
 * What happens to networks: splits, pairs that cannot reach each other, packets
 * that pass one way only, hosts gone dark, hosts with a new address. While it
 * lasts, those that can meet must be linked, directly or through others; afterwards
 * all. What happens to processes is in `rounds.ts`.
 */
import { until } from "../../helpers/until.ts";
import type { Host, HostNetwork } from "../../helpers/network/host_network.ts";
import { type Member, placeOn } from "./member.ts";
import { type Connects, HEAL_MS, type Swarm } from "./swarm.ts";

/** What is done to the network in a round. */
const TROUBLES = ["split", "cut", "one way", "dark", "new address"] as const;

/** Nodes on the hosts of a network, so many on each. */
export function places(network: HostNetwork, each: number) {
  return Array.from(
    { length: each },
    () => network.hosts.map(placeOn),
  ).flat();
}

/** Whether the network lets two members meet, at the moment of asking. */
export function connectsIn(network: HostNetwork): Connects {
  return (a, b) => network.connects(a.place.name, b.place.name);
}

/**
 * One round: a trouble, during which a node may also be killed and started again
 * on its side of it; whoever can meet is linked; it heals, and the mesh is whole.
 */
export async function networkRound(
  swarm: Swarm,
  network: HostNetwork,
): Promise<void> {
  const { random } = swarm;
  const trouble = TROUBLES[random.below(TROUBLES.length)] ?? "split";
  const [first, second, ...rest] = swarm.pick(network.hosts, 4);
  if (first === undefined || second === undefined) return;
  swarm.note(trouble, describe(trouble, first, second));
  switch (trouble) {
    case "split":
      network.split([[first, second], rest]);
      break;
    case "cut":
      network.cut(first, second);
      break;
    case "one way":
      network.cut(first, second, { oneWay: true });
      break;
    case "dark":
      network.split([[first], [second, ...rest]]);
      break;
    case "new address":
      await move(swarm, network, first);
      break;
    default:
      trouble satisfies never;
  }
  if (random.below(2) === 0) await restartOne(swarm, network);
  const apart = await swarm.whole(connectsIn(network));
  swarm.log(`linked as far as possible, ${apart.toFixed()} ms`);
  network.heal();
  const ms = await swarm.whole();
  swarm.healMs.push(ms);
  swarm.log(`whole again, ${swarm.running().length} nodes, ${ms.toFixed()} ms`);
}

/**
 * Gives a host and all nodes on it another address, of which they are not told;
 * resolves when they have left every connection of the old one and have one from
 * the new one with each node elsewhere, as the kernel counts them.
 */
export async function move(
  swarm: Swarm,
  network: HostNetwork,
  host: Host,
): Promise<void> {
  const former = network.readdress(host);
  const place = placeOn(host);
  for (const member of swarm.members) {
    if (member.place.name === host.name) member.place = place;
  }
  const running = swarm.running();
  const here = running.filter((it) => it.place === place).length;
  const wanted = here * (running.length - here);
  await until(
    `${wanted} connections from ${host.address}, none from ${former}`,
    () =>
      network.established(host, former) === 0 &&
      network.established(host, host.address) === wanted,
    HEAL_MS,
  );
}

/** Kills a node and starts it again, to find back to those that it can reach. */
async function restartOne(swarm: Swarm, network: HostNetwork): Promise<void> {
  const connects = connectsIn(network);
  const [victim] = swarm.pick(swarm.running(), 1);
  const reaches = (other: Member) =>
    other !== victim && victim !== undefined && connects(victim, other);
  const near = swarm.running().filter(reaches);
  if (victim === undefined || near.length === 0) return;
  swarm.note("kill and restart", victim.name);
  await victim.kill();
  await swarm.restart(victim, near);
}

function describe(trouble: string, first: Host, second: Host): string {
  if (trouble === "split") return `${first.name} and ${second.name} off`;
  if (trouble === "cut") return `${first.name} from ${second.name}`;
  if (trouble === "one way") return `from ${first.name} to ${second.name}`;
  return first.name;
}
