/** A control server that lies: what each command makes of answers that its schema accepts. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { API, OPERATIONS } from "../../src/control/api.ts";
import { EVENTS } from "../../src/control/api/event_endpoints.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { LineWriter } from "../../src/cli/line_writer.ts";
import { systemClock } from "../../src/core/clock.ts";
import { VerackError } from "../../src/core/errors.ts";
import { TOKEN } from "../helpers/control.ts";
import { type Bricks, valueOfSchema } from "../helpers/schema_values.ts";

const ID = "ab".repeat(32);

/** A title of the window, a bidi override, more lines, and a tag character. */
const HOSTILE = "\x1b]0;x\x07\x1b[2J\u202eevil\r\nverack: done\u{e0041}\x9b1m";

/** Strings that a schema may insist on. */
const USUAL = [ID, "2026-05-01T12:00:00Z", "aGVsbG8=", "http://127.0.0.1:1/#x"];

/** Stands for a number in JSON that is infinite when it is read. */
const INFINITE = 8_765_432_109;

const LIES: readonly Bricks[] = [
  { strings: [HOSTILE, ...USUAL], numbers: [-1] },
  { strings: ["", ...USUAL], numbers: [0.1] },
  { strings: ["W".repeat(100_000), ...USUAL], numbers: [1e300] },
  { strings: ["9".repeat(20), ...USUAL], numbers: [INFINITE, 1] },
];

/** Commands to a running node. */
const CALLS: readonly (readonly string[])[] = [
  ["status"],
  ["health"],
  ["peers"],
  ["peers", "--watch"],
  ["links"],
  ["links", "--watch"],
  ["find", "bob"],
  ["ping", "bob", "--count=2", "--interval=0.01"],
  ["open", "--print"],
  ["open", "--sign-out"],
  ["send", "bob", "hi"],
  ["broadcast", "hi"],
  ["request", "bob", "time"],
  ["requests"],
  ["invite"],
  ["invite", "--qr"],
  ["invites"],
  ["invites", "revoke", ID],
  ["allow", ID],
  ["deny", ID],
  ["forget", ID],
  ["kept-topics"],
  ["kept-topics", "add", "jobs"],
  ["kept-topics", "drop", "jobs"],
  ["ack", ID],
  ["nack", ID],
  ["dead-letters"],
  ["dead-letters", "show", ID],
  ["dead-letters", "retry", ID],
  ["dead-letters", "discard", ID],
  ["receive-messages", "--topic=jobs", "--no-ack"],
  ["receive-messages", "--topic=jobs", "--peek"],
  ["receive-messages", "--topic=jobs", "--follow"],
  ["tail", "--all"],
  ["send-file", "/a", "bob"],
  ["receive", "/a", "--yes"],
  ["forward", "1234", "bob:5432"],
];

/** Answers every request with a lie. */
function liar(bricks: Bricks): Deno.HttpServer<Deno.NetAddr> {
  const json = (value: unknown) =>
    JSON.stringify(value).replaceAll(`${INFINITE}`, "1e999");
  const stream = (values: readonly unknown[], end: string) =>
    new Response(
      [...values.map((it) => `data: ${json(it)}\n\n`), end].join(""),
      { headers: { "content-type": "text/event-stream" } },
    );
  const valueOf = (schema: unknown) => valueOfSchema(schema, bricks);
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (it) => {
    const { pathname } = new URL(it.url);
    if (pathname === "/v1/events") {
      const { stopped, ...others } = EVENTS;
      const all = [...Object.values(others), stopped].map(valueOf);
      return stream(all, "");
    }
    const named = ({ path, method }: { path: string; method: string }) =>
      path === pathname && method === it.method;
    const operation = Object.values(OPERATIONS).find(named);
    if (operation !== undefined) {
      const records = Object.values(operation.records).map(valueOf);
      return stream([...records, ...records], "event: end\ndata: {}\n\n");
    }
    const endpoint = Object.values(API).find(named);
    return new Response(json(valueOf(endpoint?.answer)), {
      status: "status" in endpoint! ? endpoint.status as number : 200,
    });
  });
}

/** Runs a command; all that it printed, and the error that it ended with. */
async function outcome(
  argv: readonly string[],
): Promise<{ text: string; error: unknown }> {
  let text = "";
  const decoder = new TextDecoder();
  const sink = () => ({
    write(bytes: Uint8Array) {
      text += decoder.decode(bytes, { stream: true });
      return Promise.resolve(bytes.length);
    },
  });
  const stdout = new LineWriter(sink(), { clock: systemClock });
  const stderr = new LineWriter(sink(), { clock: systemClock });
  const [first = "", second = "", ...rest] = argv;
  const pair = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  const entry = pair ?? COMMANDS.find(({ name }) => name === first);
  assert(entry !== undefined, argv.join(" "));
  const command = await entry.load();
  let error: unknown;
  try {
    const words = pair === undefined ? argv.slice(1) : rest;
    await command.run(words, { stdout, stderr });
  } catch (caught) {
    error = caught;
  }
  await stdout.flushed();
  await stderr.flushed();
  return { text, error };
}

const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

Deno.test("no answer of a lying node crashes a command, or reaches the terminal unescaped", async (t) => {
  const directory = await Deno.makeTempDir();
  const token = `${directory}/token`;
  await Deno.writeTextFile(token, TOKEN, { mode: 0o600 });
  const calls = CALLS.flatMap((call) => [call, [...call, "--json"]]);
  for (const [at, bricks] of LIES.entries()) {
    await using server = liar(bricks);
    for (const call of calls) {
      await t.step(`${call.join(" ")}, lie ${at + 1}`, async () => {
        const { text, error } = await outcome([
          ...call,
          `--url=http://127.0.0.1:${server.addr.port}`,
          `--token-file=${token}`,
        ]);
        const isExpected = error === undefined ||
          error instanceof VerackError || error instanceof UsageError;
        if (!isExpected) throw error;
        const message = error instanceof Error ? error.message : "";
        assertEquals(CONTROLS.exec(text + message), null);
        assertFalse(/NaN|undefined|Invalid Date/.test(text + message), text);
        for (const line of text.split("\n").filter((it) => it !== "")) {
          const isJson = call.includes("--json") && line.startsWith("{");
          if (isJson) JSON.parse(line);
        }
      });
    }
  }
  await Deno.remove(directory, { recursive: true });
});
