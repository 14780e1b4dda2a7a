/** Tests that not every machine can run. */

/** `Deno.test` where `holds`; elsewhere the tests are ignored. */
export function testIf(
  holds: boolean,
): (name: string, fn: () => void | Promise<void>) => void {
  return (name, fn) => Deno.test({ name, ignore: !holds, fn });
}
