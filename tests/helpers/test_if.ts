/** Tests that not every machine can run. */

/** `Deno.test` where `holds`; elsewhere the tests are ignored. */
export function testIf(
  holds: boolean,
): (name: string, fn: () => void | Promise<void>) => void {
  return (name, fn) => Deno.test({ name, ignore: !holds, fn });
}

/** Whether a program is there and succeeds with these arguments. */
export function runs(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
