/** One assertion for errors with a code. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorCode, VerackError } from "../../src/core/errors.ts";

/** Asserts that `run` throws or rejects with this code, and these words in the message. */
export async function assertFails(
  run: () => unknown,
  code: ErrorCode,
  ...words: string[]
): Promise<VerackError> {
  const error = await assertRejects(async () => await run(), VerackError);
  assertEquals(error.code, code, error.message);
  for (const word of words) assertStringIncludes(error.message, word);
  return error;
}
