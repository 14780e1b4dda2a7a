import { assertRejects } from "@std/assert";
import { remoteOf } from "./lines/line.ts";
import { Remote } from "./remote.ts";

const SETTINGS = { opening: [1, 1, 1, 1], networks: undefined } as const;

Deno.test("a call fails that a process does not answer in time", async () => {
  // No process is up in a millisecond.
  const options = { name: "mesh of bare", answerMs: 1 };
  await using remote = new Remote("mesh", ["bare", "[99,99,99,99]"], options);
  await assertRejects(
    () => remote.call("complete", 2),
    Error,
    "mesh of bare did not answer complete in 0.001 s",
  );
});

Deno.test("a call fails during which the process ends, and so do later ones", async () => {
  const entrant = { kind: "bare", acknowledged: true } as const;
  await using remote = remoteOf("no_such_module", entrant, SETTINGS);
  for (const command of ["first", "second"]) {
    await assertRejects(
      () => remote.call(command),
      Error,
      `no_such_module of bare, acknowledged, ended during ${command}`,
    );
  }
});
