/** A wall clock that is set, for real processes: the `libfaketime` of Debian. */

/**
 * The environment of a process whose wall clock is set.
 *
 * @param time `@1970-01-01 00:01:00`, or `+2d` and `-1h` from the real time.
 * @returns `undefined`, which is said, where there is no such library.
 */
export function fakeTime(time: string): Record<string, string> | undefined {
  const { arch } = Deno.build;
  const path = `/usr/lib/${arch}-linux-gnu/faketime/libfaketime.so.1`;
  try {
    Deno.statSync(path);
  } catch {
    console.log("not tried: needs the package libfaketime");
    return undefined;
  }
  return {
    LD_PRELOAD: path,
    FAKETIME: time,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    TZ: "UTC",
  };
}
