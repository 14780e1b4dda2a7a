/**
 * Child processes of the benchmark: one request a line of JSON on their stdin, one
 * answer a line on their stdout, as `serve.ts` gives it.
 */

import { fileURLToPath } from "node:url";

/** Environment of every process: no public roots, as the command line runs. */
const CHILD_ENV = { DENO_TLS_CA_STORE: "", NO_COLOR: "1" };
const DENO_FLAGS = ["--no-prompt", "--quiet", "--cached-only"];
/** What all processes need. */
export const PERMISSIONS: readonly string[] = [
  "--allow-net=127.0.0.1",
  "--allow-env=VERACK_LOG,VERACK_TLS_ENGINE,DENO_TLS_CA_STORE,DENO_CERT,NODE_EXTRA_CA_CERTS",
];

/** Node runs TypeScript by leaving out its types; that is not worth a warning. */
const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
];

/** A child that has not answered by then has failed, milliseconds. */
const ANSWER_MS = 60_000;

/** How a child is run. */
export interface RunOptions {
  /** What errors call it, if not by its file and arguments. */
  readonly name?: string;
  /** V8 flags. */
  readonly flags?: string;
  /** Instead of what all need. */
  readonly permissions?: readonly string[];
  /** Path or name of a Node that runs it instead of Deno. */
  readonly node?: string | undefined;
  /** Instead of {@linkcode ANSWER_MS}. */
  readonly answerMs?: number;
}

/** Plain JSON. */
type Json = unknown;

/** One child process. */
export class Remote implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: AsyncIterator<string>;
  readonly #name: string;
  readonly #answerMs: number;

  /** @param file Module in `peers/`, without its ending. */
  constructor(
    file: string,
    args: readonly string[],
    {
      name = [file, ...args].join(" "),
      flags = "",
      permissions = PERMISSIONS,
      node,
      answerMs = ANSWER_MS,
    }: RunOptions = {},
  ) {
    this.#name = name;
    this.#answerMs = answerMs;
    const path = fileURLToPath(new URL(`./peers/${file}.ts`, import.meta.url));
    const runtime = node === undefined
      ? [
        "run",
        ...DENO_FLAGS,
        ...permissions,
        ...(flags === "" ? [] : [`--v8-flags=${flags}`]),
      ]
      : NODE_FLAGS;
    this.#child = new Deno.Command(node ?? Deno.execPath(), {
      args: [...runtime, path, ...args],
      env: CHILD_ENV,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = lines(this.#child.stdout);
  }

  /**
   * Asks and waits for the answer.
   *
   * @throws {Error} when the process ends, or does not answer in time.
   */
  async call<Answer>(command: string, ...args: Json[]): Promise<Answer> {
    const request = JSON.stringify([command, ...args]) + "\n";
    // It is chance whether a process that ends still takes it; its lines end too.
    this.#writer.write(new TextEncoder().encode(request)).catch(() => {});
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), this.#answerMs);
    const line = await Promise.race([this.#lines.next(), late.promise])
      .finally(() => clearTimeout(timer));
    if (line === undefined) {
      throw new Error(
        `Cannot measure: ${this.#name} did not answer ${command} in ${
          this.#answerMs / 1_000
        } s`,
      );
    }
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
