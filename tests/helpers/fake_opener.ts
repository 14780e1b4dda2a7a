/** A program in the place of the one that opens a browser, on Linux. */

/** What it needs, and what it was called with. */
export class FakeOpener implements AsyncDisposable {
  readonly #bin: string = Deno.makeTempDirSync({ prefix: "verack-opener-" });
  /** The program; its permission is that to run it. */
  readonly path: string = `${this.#bin}/xdg-open`;
  /** Of a process that is to find it, with a screen. */
  readonly env: Readonly<Record<string, string>> = {
    PATH: `${this.#bin}:${Deno.env.get("PATH")}`,
    DISPLAY: ":0",
  };
  readonly permissions: readonly string[] = [
    "--allow-run=xdg-open",
    "--allow-env=DISPLAY,WAYLAND_DISPLAY,SSH_CONNECTION",
  ];

  /** @param exitCode With which it ends. */
  constructor(exitCode = 0) {
    const script = [
      "#!/bin/sh",
      `printf '%s\\n' "$@" > ${this.#bin}/called`,
      `cp "\${1#file://}" ${this.#bin}/shown.html`,
      `exit ${exitCode}`,
    ];
    Deno.writeTextFileSync(this.path, `${script.join("\n")}\n`, {
      mode: 0o755,
    });
  }

  /** The arguments with which it was called; `undefined` if it was not. */
  get called(): string[] | undefined {
    try {
      const text = Deno.readTextFileSync(`${this.#bin}/called`);
      return text.trim().split("\n");
    } catch {
      return undefined;
    }
  }

  /** The path of a copy of the file that it was to show. */
  get shown(): string {
    return `${this.#bin}/shown.html`;
  }

  /** Forgets that it was called. */
  reset(): void {
    Deno.removeSync(`${this.#bin}/called`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#bin, { recursive: true });
  }
}
