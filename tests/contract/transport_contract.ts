/**
 * What every transport must do, whatever is under it. Each implementation's test
 * file calls {@linkcode transportContract}.
 */
import { connectionContract } from "./connection_contract.ts";
import { dialingContract } from "./dialing_contract.ts";
import type { ContractSetup, ContractTest } from "./pair.ts";

/** Runs the suite for the transport called `name`. */
export function transportContract(
  name: string,
  setUp: () => Promise<ContractSetup>,
): void {
  const test: ContractTest = (does, run) =>
    Deno.test(`${name} ${does}`, async () => {
      const setup = await setUp();
      try {
        await run(setup);
      } finally {
        setup.finish?.();
      }
    });
  connectionContract(test);
  dialingContract(test);
}
