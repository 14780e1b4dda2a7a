import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as v from "npm:valibot@1.5.0";
import {
  checkValue,
  issuesText,
  requireSchema,
  type SchemaResult,
  type StandardSchema,
} from "../../src/streams/standard_schema.ts";

/** Written by hand, as a library without Standard Schema would be wrapped. */
const even: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "tests",
    validate: (value) =>
      typeof value === "number" && value % 2 === 0
        ? { value }
        : { issues: [{ message: "must be even" }] },
  },
};

const refuse = (issues: string): never => {
  throw new RangeError(issues);
};

Deno.test("a schema of Valibot gives its output, or the path of what is wrong", () => {
  const schema = v.object({
    tags: v.array(v.pipe(v.string(), v.transform((it) => it.length))),
    owner: v.object({ name: v.string() }),
  });
  const good = { tags: ["ab"], owner: { name: "alice" } };
  assertEquals(checkValue(schema, good, refuse), {
    tags: [2],
    owner: { name: "alice" },
  });
  assertThrows(
    () => checkValue(schema, { tags: ["a", 7], owner: {} }, refuse),
    RangeError,
    "tags[1]: Invalid type: Expected string but received 7; owner.name: ",
  );
});

Deno.test("a schema written by hand is as good, and so is an asynchronous one", async () => {
  assertEquals(checkValue(even, 4, refuse), 4);
  assertThrows(() => checkValue(even, 3, refuse), RangeError, "must be even");
  const later: StandardSchema<number> = {
    "~standard": {
      ...even["~standard"],
      validate: (value) => Promise.resolve(even["~standard"].validate(value)),
    },
  };
  assertEquals(await checkValue(later, 4, refuse), 4);
});

Deno.test("a schema that returns a promise of a class of its own refuses, too", async () => {
  const schema: StandardSchema<unknown, number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: () => ({
        then: (resolve: (result: unknown) => void) =>
          resolve({ issues: [{ message: "never" }] }),
      } as unknown as Promise<SchemaResult<number>>),
    },
  };
  await assertRejects(
    async () =>
      await checkValue(schema, 1, (issues) => {
        throw new Error(issues);
      }),
    Error,
    "never",
  );
});

Deno.test("of many issues the first four are told", () => {
  const issues = Array.from({ length: 9 }, (_, i) => ({
    message: `wrong ${i}`,
    path: [i, { key: "name" }],
  }));
  assertEquals(
    issuesText(issues),
    "[0].name: wrong 0; [1].name: wrong 1; [2].name: wrong 2; [3].name: wrong 3; and 5 more",
  );
});

Deno.test("what is no schema is a TypeError", () => {
  requireSchema("input", undefined);
  requireSchema("input", even);
  for (const wrong of [{}, null, 7, { "~standard": {} }]) {
    assertThrows(() => requireSchema("input", wrong), TypeError, "input");
  }
});
