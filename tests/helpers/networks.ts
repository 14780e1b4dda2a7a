/** Networks of a machine, for tests. */
import type { LocalNetwork } from "../../src/transport/local_networks.ts";

/** An interface with these addresses, `IP/BITS`. */
export function network(
  name: string,
  ...addresses: readonly string[]
): LocalNetwork {
  return {
    name,
    addresses: addresses.map((text) => {
      const [address = "", bits] = text.split("/");
      return { address, prefix: Number(bits) };
    }),
  };
}
