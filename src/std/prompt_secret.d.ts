// Types of what is used of `@std/cli/prompt-secret`; the npm build ships none.

/** How a secret is asked for. */
export interface PromptSecretOptions {
  /** Shown for each character typed; empty shows none. Default `*`. */
  mask?: string;
  /** Removes the line afterwards. */
  clear?: boolean;
}
/** Asks for a line without showing it; `null` when stdin is not a terminal. */
export declare function promptSecret(
  message?: string,
  options?: PromptSecretOptions,
): string | null;
