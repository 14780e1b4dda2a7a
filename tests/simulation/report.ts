/** What one seed came to, in a form that can be handed from thread to thread. */
import { type Kind, SCHEDULES } from "./kinds.ts";
import { FailedSeed, type Outcome, simulate } from "./simulate.ts";

/** What one seed came to. */
export type Report =
  | { readonly held: true; readonly outcome: Outcome }
  | {
    readonly held: false;
    readonly kind: Kind;
    readonly seed: number;
    readonly message: string;
    readonly lines: readonly string[];
  };

/** Runs one seed; never rejects for a seed that does not hold. */
export async function runSeed(
  kind: Kind,
  seed: number,
  write?: (line: string) => void,
): Promise<Report> {
  try {
    const outcome = await simulate(
      SCHEDULES[kind](seed),
      write === undefined ? {} : { write },
    );
    return { held: true, outcome };
  } catch (error) {
    if (!(error instanceof FailedSeed)) throw error;
    const { message, lines } = error;
    return { held: false, kind, seed, message, lines };
  }
}
