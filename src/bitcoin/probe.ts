/**
 * `probe()` and `probeAll()`: do the handshake with one Bitcoin node, or with many,
 * and say what came of it. The connection itself is `attempt.ts`.
 */
import type { Clock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import {
  BITCOIN_PROBE_CONCURRENCY,
  BITCOIN_TICK_MS,
  MAX_BITCOIN_CONCURRENCY,
  MAX_HANDSHAKE_PAYLOAD_BYTES,
} from "../limits.ts";
import type { Session } from "../session/session.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { attempt } from "./attempt.ts";
import { withEnd } from "./make_result.ts";
import { type Inputs, pool } from "./pool.ts";
import { plainError } from "./probe_error.ts";
import type { ProbeAllOptions, ProbeOptions } from "./probe_options.ts";
import type { ProbeResult } from "./probe_result.ts";
import {
  checkCount,
  type ProbeSettings,
  probeSettings,
  targetOf,
} from "./probe_settings.ts";

/**
 * Does the handshake with the node at `address` by Bitcoin Core's rules and
 * resolves with what came of it, whatever the peer or the network did. With
 * `stay` it resolves when the session is over. Needs `--allow-net`.
 *
 * @param address `host:port` or a host alone, which means the network's port.
 * @throws {TypeError} when `address` is no address, {RangeError} when an option
 * is out of its range.
 * @throws {VerackError} for what is wrong with us: `permission`, and `full` when
 * we have no descriptor left.
 * @throws the signal's reason when it aborts before the handshake is complete,
 * and what a callback throws.
 *
 * @example
 * ```ts
 * import { probe } from "./probe.ts";
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * const result = await probe(node.address, { network: "regtest" });
 * console.assert(result.ok && result.protocolVersion === 70016);
 * ```
 */
export async function probe(
  address: string | Address,
  options: ProbeOptions = {},
): Promise<ProbeResult> {
  const settings = probeSettings(options);
  const target = targetOf(address, settings.network.port);
  return await probeTarget(target, settings, options);
}

/**
 * Probes each of `addresses` as {@linkcode probe} does, at most `concurrency` at
 * once, each with its own deadline, and gives the results in order of completion.
 *
 * Addresses are pulled one by one, only when there is room for another probe;
 * results that nobody takes take room. `break` aborts what is under way and waits
 * for it.
 *
 * @throws {TypeError} {RangeError} at once for misuse, and from the iteration for
 * an address that is none.
 * @throws from the iteration: as {@linkcode probe}, and what `addresses` throws.
 *
 * @example
 * ```ts
 * import { probeAll } from "./probe.ts";
 * import { respond } from "./respond.ts";
 *
 * await using node = await respond({ network: "regtest", port: 0 });
 * for await (const result of probeAll([node.address], { network: "regtest" })) {
 *   console.assert(result.ok);
 * }
 * ```
 */
export function probeAll(
  addresses: Inputs<string | Address>,
  options: ProbeAllOptions = {},
): AsyncGenerator<ProbeResult, void, void> {
  if (typeof addresses === "string") {
    throw new TypeError(
      "Cannot probe: addresses is a string, must be an iterable of addresses",
    );
  }
  const { signal, onOpen, onMessage } = options;
  const settings = probeSettings(options);
  const concurrency = checkCount(
    "concurrency",
    options.concurrency ?? BITCOIN_PROBE_CONCURRENCY,
    MAX_BITCOIN_CONCURRENCY,
  );
  const work = (address: string | Address, stop: AbortSignal) => {
    const target = targetOf(address, settings.network.port);
    const name = formatAddress(target);
    return probeTarget(target, settings, {
      signal: stop,
      ...(onOpen && { onOpen }),
      ...(onMessage && {
        onMessage: (message) => onMessage(message, name),
      }),
    });
  };
  return pool(addresses, work, { concurrency, signal });
}

/** {@linkcode probe} with its options checked. */
async function probeTarget(
  target: Address,
  settings: ProbeSettings,
  options: Pick<ProbeOptions, "signal" | "onOpen" | "onMessage">,
): Promise<ProbeResult> {
  const { signal, onOpen, onMessage } = options;
  const { result, ended } = await attempt(target, settings, {
    signal,
    keepPayload: MAX_HANDSHAKE_PAYLOAD_BYTES,
    onMessage,
    whileOpen: async (session, result, recorder) => {
      recorder.guard(() => onOpen?.(result));
      if (settings.stay && recorder.thrown === undefined) {
        await untilOver(session, settings.clock, signal);
      }
    },
  });
  const error = settings.stay && ended ? plainError(ended) : undefined;
  return error === undefined ? result : withEnd(result, error);
}

/**
 * Resolves when the session has ended, by itself or by the signal. A silent peer
 * is pinged and in the end given up, as by Core.
 */
async function untilOver(
  session: Session,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  let cancel = () => {};
  const tick = () => {
    session.tick(0);
    cancel = clock.after(BITCOIN_TICK_MS, tick);
  };
  tick();
  const onAbort = () =>
    session.close(new VerackError("stopped", "The probe is over"));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  await session.closed;
  cancel();
  signal?.removeEventListener("abort", onAbort);
}
