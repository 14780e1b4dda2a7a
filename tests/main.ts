/**
 * `deno task test`: every test and every example in the documents, each file in a
 * process of `deno test` of its own, a few at a time. With the name of a file or
 * folder it runs just that, in one process. Options such as `--filter TEXT` go to
 * `deno test` as they are. Ends with one line as that of `deno test`.
 */
const ROOT = new URL("../", import.meta.url);

/** Tests wait now and then, so that one more than there are cores keeps all busy. */
const AT_ONCE = Math.max(2, navigator.hardwareConcurrency) + 1;

/** What a fast machine with two cores takes; told at the start. */
const USUAL_MINUTES = "5 to 6";

const FILE_TIMEOUT_MS = 600_000;

/** Their files take longest: they go first, so that the last ones are short. */
const LONG = [
  "simulation",
  "attacks",
  "process",
  "page",
  "deploy",
  "mesh",
  "cli",
];

/** They compare real time with what a line takes: they run last, one by one. */
const ALONE: ReadonlySet<string> = new Set(["tests/process/slow_link_test.ts"]);

/**
 * What attacks connections: runs again with TLS over streams, which is used where the TLS engine
 * does not work (`src/transport/tls_engine.ts`).
 */
const ALSO_OVER_STREAMS =
  /^tests\/(transport\/(tls_(abort|attacks|garbage|version)|accept_exhaustion|foreign_protocol)|attacks\/(stall|frames|handshake_flood|impersonation|session_room|memory))_test\.ts$/;

/** What is neither source nor document. */
const SKIPPED: ReadonlySet<string> = new Set([
  "node_modules",
  "dist",
  "coverage",
  "data",
]);

/** Options that say how modules are found: all commands get them. */
const MODULE_OPTION = /^--(no-lock|lock|import-map|config|no-config)\b/;

/** What `deno test` says at its end. */
interface Counts {
  passed: number;
  failed: number;
  ignored: number;
}

/** What a process printed, and how long it took. */
interface Ended {
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: number;
}

/** Files below a folder, from the root of the repository. */
function* walk(folder: string): Generator<string> {
  const entries = [...Deno.readDirSync(new URL(folder, ROOT))]
    .sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (name.startsWith(".") || SKIPPED.has(name)) continue;
    if (isDirectory) yield* walk(`${folder}${name}/`);
    else yield folder + name;
  }
}

/** Files of tests, those of long folders first. */
function testFiles(): string[] {
  const place = (path: string) => {
    const at = LONG.indexOf(path.split("/")[1] ?? "");
    return at < 0 ? LONG.length : at;
  };
  return [...walk("tests/")].filter((path) => path.endsWith("_test.ts"))
    .sort((a, b) => place(a) - place(b));
}

async function deno(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const began = performance.now();
  const late = AbortSignal.timeout(FILE_TIMEOUT_MS);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: late,
  }).output();
  const seconds = (performance.now() - began) / 1_000;
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  if (!late.aborted) return { ok: success, output, seconds };
  const why = `No end within ${FILE_TIMEOUT_MS / 1_000} s: ${args.join(" ")}`;
  return { ok: false, output: `${output}\n${why}\n`, seconds };
}

/** From the last line, `ok | 12 passed (3 steps) | 0 failed | 1 ignored (3s)`. */
function countsOf(output: string): Counts {
  const line = output.match(/^(ok|FAILED) \| \d+ passed.*$/gm)?.at(-1) ?? "";
  const count = (what: string) =>
    Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
  return {
    passed: count("passed"),
    failed: count("failed"),
    ignored: count("ignored"),
  };
}

/** Runs all files and examples; whether none failed. */
async function runAll(options: readonly string[]): Promise<boolean> {
  const began = performance.now();
  const total: Counts = { passed: 0, failed: 0, ignored: 0 };
  const failures: string[] = [];
  const times: [number, string][] = [];

  const run = async (
    what: string,
    args: readonly string[],
    env?: Record<string, string>,
  ) => {
    const { ok, output, seconds } = await deno(args, env);
    times.push([seconds, what]);
    if (!ok || args[0] === "test") console.log(output.trim());
    const counts = countsOf(output);
    // A process that ended without counting a failure has failed all the same.
    if (!ok && counts.failed === 0) counts.failed = 1;
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.ignored += counts.ignored;
    if (!ok) failures.push(output.slice(output.indexOf("\n ERRORS") + 1));
  };
  const modules = options.filter((it) => MODULE_OPTION.test(it));
  const test = (file: string, env?: Record<string, string>) =>
    run(file, ["test", "--no-check", "--allow-all", ...options, file], env);

  const files = testFiles();
  console.log(
    `${files.length} files of tests, ${AT_ONCE} at a time; ` +
      `${USUAL_MINUTES} minutes on two cores`,
  );
  // Tests start processes that may load only what is in the cache.
  const cached = await deno(["cache", ...modules, "mod.ts", ...files]);
  if (!cached.ok) {
    console.error(cached.output);
    return false;
  }
  const documents = [...walk("")].filter((path) =>
    path.endsWith(".md") && !path.startsWith("tests/")
  );
  const examples = ["--doc", "mod.ts", "src", ...documents];
  const queue = files.filter((path) => !ALONE.has(path)).map((file) => () =>
    test(file)
  );
  const overStreams = files.filter((file) => ALSO_OVER_STREAMS.test(file));
  queue.push(
    ...overStreams.map((file) => () =>
      test(file, { VERACK_TLS_ENGINE: "off" })
    ),
    () => run("types", ["check", "--quiet", ...modules]),
    () => run("examples", ["test", "--allow-all", ...options, ...examples]),
  );
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await next();
    }),
  );
  for (const file of files.filter((path) => ALONE.has(path))) await test(file);

  const slowest = times.sort(([a], [b]) => b - a).slice(0, 10)
    .map(([seconds, what]) => `${seconds.toFixed(0)} s ${what}`);
  console.log(`\nSlowest: ${slowest.join(", ")}`);
  if (failures.length > 0) console.log(["", ...failures].join("\n"));
  const seconds = Math.round((performance.now() - began) / 1_000);
  const time = `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  console.log(
    `\n${total.failed > 0 ? "FAILED" : "ok"} | ${total.passed} passed | ` +
      `${total.failed} failed | ${total.ignored} ignored (${time})`,
  );
  return total.failed === 0;
}

/** What is neither an option nor the value of one. */
const named = Deno.args.filter((arg, at) =>
  !arg.startsWith("-") && Deno.args[at - 1] !== "--filter"
);
if (named.length > 0) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", "--allow-all", ...Deno.args],
  }).spawn().status;
  Deno.exit(code);
}
Deno.exit(await runAll(Deno.args) ? 0 : 1);
