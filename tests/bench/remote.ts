/**
 * Child processes of the benchmark: one request a line of JSON on their stdin, one
 * answer a line on their stdout.
 */

/** Environment of every process: no public roots, as the command line runs. */
const CHILD_ENV = { DENO_TLS_CA_STORE: "", NO_COLOR: "1" };
const PERMISSIONS = [
  "--no-prompt",
  "--quiet",
  "--cached-only",
  "--allow-net=127.0.0.1",
  "--allow-env=VERACK_LOG,DENO_TLS_CA_STORE,DENO_CERT,NODE_EXTRA_CA_CERTS",
];

/** Plain JSON. */
type Json = unknown;

/** One child process. */
export class Remote implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;

  /**
   * @param file Module in `peers/`, without its ending.
   * @param flags V8 flags.
   */
  constructor(file: string, args: readonly string[], flags = "") {
    this.#name = [file, ...args].join(" ");
    const url = new URL(`./peers/${file}.ts`, import.meta.url);
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...PERMISSIONS,
        ...(flags === "" ? [] : [`--v8-flags=${flags}`]),
        url.href,
        ...args,
      ],
      env: CHILD_ENV,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = lines(this.#child.stdout);
  }

  /** Asks and waits for the answer. */
  async call<Answer>(command: string, ...args: Json[]): Promise<Answer> {
    const request = JSON.stringify([command, ...args]) + "\n";
    await this.#writer.write(new TextEncoder().encode(request));
    const line = await this.#lines.next();
    if (line.done) {
      throw new Error(`Cannot measure: ${this.#name} ended during ${command}`);
    }
    return JSON.parse(line.value) as Answer;
  }

  /** Ends the process and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    // It ends by itself with its stdin; a child that hangs must not hold us up.
    await this.#writer.close().catch(() => {});
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 3_000);
    while (!(await this.#lines.next()).done);
    await this.#child.status;
    clearTimeout(timer);
  }
}

/** Answers requests until stdin ends, then exits. */
export async function serve(
  commands: Record<string, (...args: never[]) => Json>,
): Promise<never> {
  for await (const line of lines(Deno.stdin.readable)) {
    const [name, ...args] = JSON.parse(line) as [string, ...never[]];
    const command = commands[name];
    if (command === undefined) throw new TypeError(`No command ${name}`);
    const answer = await command(...args) ?? null;
    await writeAll(new TextEncoder().encode(JSON.stringify(answer) + "\n"));
  }
  Deno.exit(0);
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await Deno.stdout.write(bytes.subarray(at));
  }
}

async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
