/**
 * Leaves file descriptors to the rest of a node: without a bound, forwarded connections would take
 * those of sessions, of the control API and of the database.
 */
import type { Clock } from "../../core/clock.ts";
import { RESERVED_DESCRIPTORS } from "../../mesh/sessions/connection_limits.ts";
import type { Descriptors } from "../../transport/descriptors.ts";
import {
  MAX_PROBED_DESCRIPTORS,
  RECOUNT_DESCRIPTORS_MS,
  UNCOUNTED_FORWARDED,
} from "../services_limits.ts";

/** Dependencies of {@linkcode SpareDescriptors}. */
export interface SpareDescriptorsParts {
  readonly clock: Pick<Clock, "monotonic">;
  readonly descriptors: Pick<Descriptors, "free">;
  /** Descriptors that forwarding has, about. */
  readonly held: () => number;
  /** Those of them, about, that are taken and not in use yet, so that they still count as free. */
  readonly pending: () => number;
}

/** The descriptors that forwarding may take. */
export class SpareDescriptors {
  readonly #parts: SpareDescriptorsParts;
  /** As many may be taken before they are counted again. */
  #left = 0;
  #refusedAt = -Infinity;

  constructor(parts: SpareDescriptorsParts) {
    this.#parts = parts;
  }

  /** Whether one more may be taken. Where they cannot be counted, it may. */
  take(): boolean {
    const { clock, held } = this.#parts;
    if (held() < UNCOUNTED_FORWARDED) return true;
    if (this.#left === 0) {
      const now = clock.monotonic();
      if (now - this.#refusedAt < RECOUNT_DESCRIPTORS_MS) return false;
      this.#left = this.#count();
      if (this.#left === 0) {
        this.#refusedAt = now;
        return false;
      }
    }
    this.#left--;
    return true;
  }

  #count(): number {
    const { descriptors, held, pending } = this.#parts;
    const waiting = pending();
    const most = MAX_PROBED_DESCRIPTORS + waiting;
    const counted = Math.min(descriptors.free(most) ?? most, most);
    const free = Math.max(0, counted - waiting);
    const reserved = Math.min(
      RESERVED_DESCRIPTORS,
      Math.ceil((free + held()) / 2),
    );
    // Half of them, as others take some as well until they are counted again.
    return Math.max(0, Math.ceil((free - reserved) / 2));
  }
}
