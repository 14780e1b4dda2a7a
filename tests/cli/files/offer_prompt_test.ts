import { assertEquals, assertStringIncludes } from "@std/assert";
import { OfferPrompt } from "../../../src/cli/files/offer_prompt.ts";
import { VirtualClock } from "../../../src/testing/virtual_clock.ts";
import { until } from "../../helpers/until.ts";

/** A prompt, a keyboard, and what is on the screen. */
function scene() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const keyboard = writable.getWriter();
  const clock = new VirtualClock();
  const screen = { text: "" };
  const prompt = new OfferPrompt({
    input: readable,
    put: (text) => screen.text += text,
    clock,
  });
  return {
    prompt,
    clock,
    screen,
    type: (text: string) => keyboard.write(new TextEncoder().encode(text)),
    hangUp: () => keyboard.close(),
    asked: (question: string) =>
      until(question, () => screen.text.endsWith(`${question} [y/N] `)),
  };
}

const NEVER = new AbortController().signal;

Deno.test("an offer is accepted by y alone, and a word that is neither is asked again", async () => {
  const { prompt, type, asked, hangUp, screen } = scene();
  const cases = [["y\n", true], ["YES\n", true], ["n\n", false], [
    "\n",
    false,
  ]] as const;
  for (const [typed, expected] of cases) {
    const answer = prompt.ask("accept?", NEVER);
    await asked("accept?");
    await type(typed);
    assertEquals(await answer, expected, typed);
    screen.text = "";
  }
  const answer = prompt.ask("accept?", NEVER);
  await asked("accept?");
  await type("yess\n");
  await asked("accept? [y/N] accept?");
  await type("y\n");
  assertEquals(await answer, true);
  await hangUp();
});

Deno.test("offers are asked one after the other, and what was typed before a question does not answer it", async () => {
  const { prompt, type, asked, hangUp } = scene();
  const first = prompt.ask("first?", NEVER);
  const second = prompt.ask("second?", NEVER);
  await asked("first?");
  await type("y\ny\ny\n");
  assertEquals(await first, true);
  await asked("second?");
  await type("n\n");
  assertEquals(await second, false);
  await hangUp();
});

Deno.test("an answer to an offer that was withdrawn does not accept the next one", async () => {
  const { prompt, type, asked, hangUp, clock, screen } = scene();
  const abort = new AbortController();
  const first = prompt.ask("first?", abort.signal);
  const second = prompt.ask("second?", NEVER);
  await asked("first?");
  abort.abort();
  assertEquals(await first, undefined);
  await type("y\n");
  assertEquals(screen.text.includes("second?"), false);
  await clock.advance(1_500);
  await asked("second?");
  await type("\n");
  assertEquals(await second, false);
  await hangUp();
});

Deno.test("a keyboard that is gone accepts nothing", async () => {
  const { prompt, hangUp, asked, screen } = scene();
  const answer = prompt.ask("accept?", NEVER);
  await asked("accept?");
  await hangUp();
  assertEquals(await answer, undefined);
  assertEquals(await prompt.ask("again?", NEVER), undefined);
  assertStringIncludes(screen.text, "accept?");
});
