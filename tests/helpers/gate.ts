/** Makes dials meet: a transport whose dials wait until all of them are under way. */
import type { Transport } from "../../src/transport/transport.ts";

/** Lets everybody through once `count` have come, and everybody after that. */
export class Gate {
  readonly #open = Promise.withResolvers<void>();
  #missing: number;

  constructor(count: number) {
    this.#missing = count;
  }

  /** Waits for the others. */
  async pass(signal?: AbortSignal): Promise<void> {
    if (--this.#missing === 0) this.#open.resolve();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#open.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

/** `transport`, its dials held at the gate. */
export function gated(transport: Transport, gate: Gate): Transport {
  return {
    secure: transport.secure,
    async dial(address, options) {
      await gate.pass(options.signal);
      return await transport.dial(address, options);
    },
    fetchCertificate: (address, options) =>
      transport.fetchCertificate(address, options),
    listen: (address, options) => transport.listen(address, options),
  };
}
