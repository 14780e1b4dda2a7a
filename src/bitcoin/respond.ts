/** Answers like a Bitcoin node. */
import type { Responder, RespondOptions } from "./respond_options.ts";

export type {
  Responder,
  ResponderEvent,
  RespondOptions,
} from "./respond_options.ts";

/** Listens and answers. */
export function respond(_options: RespondOptions = {}): Promise<Responder> {
  return Promise.reject(new TypeError("Cannot respond yet"));
}
