// Types of what is used of `@std/assert`; the npm build ships none. No wider than
// the original's, so that what type checks here does so with JSR too.

// deno-lint-ignore no-explicit-any
type AnyConstructor = abstract new (...args: any[]) => any;
// deno-lint-ignore no-explicit-any
type ErrorConstructorOf<E> = abstract new (...args: any[]) => E;

/** Error thrown by a failed assertion. */
export declare class AssertionError extends Error {}
/** Throws {@linkcode AssertionError} unless `expr` is truthy. */
export declare function assert(expr: unknown, msg?: string): asserts expr;
/** Throws {@linkcode AssertionError} unless `expr` is falsy. */
export declare function assertFalse(
  expr: unknown,
  msg?: string,
): asserts expr is false | 0 | "" | null | undefined;
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
/** `actual` > `expected`. */
export declare function assertGreater<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
/** `actual` >= `expected`. */
export declare function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
/** `actual` < `expected`. */
export declare function assertLess<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
/** `actual` <= `expected`. */
export declare function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void;
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
export declare function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  type: T,
  msg?: string,
): asserts actual is InstanceType<T>;
/** `fn` throws; what it threw is returned. */
export declare function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` throws an instance of `errorClass`, which is returned. */
export declare function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorConstructorOf<E>,
  messageIncludes?: string,
  msg?: string,
): E;
/** The promise of `fn` rejects; what it rejected with is returned. */
export declare function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** The promise of `fn` rejects with an instance of `errorClass`, which is returned. */
export declare function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorConstructorOf<E>,
  messageIncludes?: string,
  msg?: string,
): Promise<E>;
/** Always throws. */
export declare function fail(msg?: string): never;
