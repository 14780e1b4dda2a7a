/**
 * Secrets that a flag takes from an environment variable: read once and dropped, so
 * that no program which is started later inherits them. The system may go on showing
 * the environment with which this process was started to its own user.
 */
import { escapeText } from "../core/escape.ts";
import { type ErrorCode, VerackError } from "../core/errors.ts";

/** Two flags may name one variable, and the second finds nothing in it. */
const taken = new Map<string, string>();

/**
 * The value of a variable, which is not set any more afterwards; `undefined` if it
 * was not.
 *
 * @param what What is in it, for the message.
 * @throws {VerackError} `permission` when Deno does not permit it.
 */
export function takeVariable(name: string, what: string): string | undefined {
  try {
    const value = Deno.env.get(name);
    if (value === undefined) return taken.get(name);
    Deno.env.delete(name);
    taken.set(name, value);
    return value;
  } catch (error) {
    const shown = escapeText(name, { max: 80 });
    if (error instanceof Deno.errors.NotCapable) {
      throw new VerackError(
        "permission",
        `Cannot read ${what} from ${shown}: permission denied by Deno, add --allow-env=${shown}`,
        { cause: error },
      );
    }
    // An empty name, or one with "=".
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** For a variable that is needed and not set. */
export function variableMissing(
  code: ErrorCode,
  name: string,
  what: string,
): VerackError {
  return new VerackError(
    code,
    `Cannot read ${what} from ${
      escapeText(name, { max: 80 })
    }: the variable is not set`,
  );
}
