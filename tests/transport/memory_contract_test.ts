import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { clockThatEnds, type ContractSetup } from "../contract/pair.ts";
import { transportContract } from "../contract/transport_contract.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";

const NAME = "listener.verack.invalid";
const credentials = {
  certificate: new Uint8Array([1, 2, 3]),
  privateKeyPem: "no key is needed in memory",
};

function setUp(
  options: { secure: boolean; latencyMs: number; jitterMs: number },
): Promise<ContractSetup> {
  const { clock, cancel } = clockThatEnds();
  const network = new MemoryNetwork({
    clock,
    random: new SeededRandom(1),
    ...options,
  });
  const transport = network.transport("10.0.0.1");
  return Promise.resolve({
    dialer: transport,
    listener: transport,
    host: "10.0.0.1",
    finish: cancel,
    ...(options.secure
      ? {
        credentials,
        pin: { certificate: new Uint8Array([1, 2, 3]), serverName: NAME },
        wrongPin: { certificate: new Uint8Array([1, 2, 4]), serverName: NAME },
      }
      : {}),
  });
}

transportContract(
  "MemoryNetwork without latency",
  () => setUp({ secure: true, latencyMs: 0, jitterMs: 0 }),
);

transportContract(
  "MemoryNetwork with latency and jitter",
  () => setUp({ secure: true, latencyMs: 1, jitterMs: 2 }),
);

transportContract(
  "MemoryNetwork without security",
  () => setUp({ secure: false, latencyMs: 0, jitterMs: 0 }),
);
