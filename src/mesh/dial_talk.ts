/**
 * What is said about addresses that a person gave: what is wrong with each, once,
 * until something else is wrong or it answers.
 */
import type { VerackError } from "../errors.ts";
import type { IdentityId } from "../identity/identity.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { MeshContext } from "./context.ts";
import { isRefusal, WrongIdentityError } from "./dial_failure.ts";

/** The talk of one node about its dials. */
export class DialTalk {
  readonly #context: Pick<MeshContext, "emit" | "joining" | "log">;
  readonly #said = new Map<string, string>();

  constructor(context: Pick<MeshContext, "emit" | "joining" | "log">) {
    this.#context = context;
  }

  /** The address answered: what is wrong next is news. */
  clear(address: Address): void {
    this.#said.delete(formatAddress(address));
    this.#context.joining.reached(address);
  }

  /** Dialing the address failed; `expected` is who should have been there, if that is known. */
  failed(address: Address, error: VerackError, expected?: IdentityId): void {
    const shown = formatAddress(address);
    const actual = error instanceof WrongIdentityError
      ? error.actual
      : undefined;
    const wanted = error instanceof WrongIdentityError
      ? error.expected
      : expected;
    const what = `${error.code} ${actual ?? ""}`;
    const { message: reason } = error;
    this.#context.log.debug("dial failed", { address: shown, reason });
    this.#context.joining.failed(address, error);
    if (this.#said.get(shown) === what) return;
    this.#said.set(shown, what);
    this.#context.emit(
      isRefusal(error)
        ? {
          type: "refused",
          address: shown,
          reason,
          ...(wanted && { expected: wanted }),
          ...(actual && { actual }),
        }
        : { type: "unreachable", address: shown, reason },
    );
  }
}
