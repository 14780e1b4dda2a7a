// Types of what is used of `@std/crypto/timing-safe-equal`; the npm build ships none.

/** Compares bytes in time that depends on their length alone. */
export declare function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike,
  b: ArrayBufferView | ArrayBufferLike,
): boolean;
