// Types of what is used of `@std/assert`; the npm build ships none.

/** Error thrown by a failed assertion. */
export declare class AssertionError extends Error {}
/** Throws {@linkcode AssertionError} unless `expr` is truthy. */
export declare function assert(expr: unknown, msg?: string): asserts expr;
/** Deep equality. */
export declare function assertEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
/** Deep inequality. */
export declare function assertNotEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
/** Identity by `Object.is`. */
export declare function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T;
/** Neither `null` nor `undefined`. */
export declare function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T>;
/** `actual` contains `expected`. */
export declare function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void;
/** `actual` matches `expected`. */
export declare function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void;
/** `actual` is an instance of `type`. */
// deno-lint-ignore no-explicit-any
export declare function assertInstanceOf<
  T extends abstract new (...a: any[]) => any,
>(
  actual: unknown,
  type: T,
  msg?: string,
): asserts actual is InstanceType<T>;
/** `fn` throws; the error is returned. */
export declare function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any
  errorClass?: abstract new (...args: any[]) => E,
  messageIncludes?: string,
  msg?: string,
): E;
/** The promise of `fn` rejects; the error is returned. */
export declare function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any
  errorClass?: abstract new (...args: any[]) => E,
  messageIncludes?: string,
  msg?: string,
): Promise<E>;
/** Always throws. */
export declare function fail(msg?: string): never;
