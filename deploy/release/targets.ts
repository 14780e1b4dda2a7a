/** What a release is built for, and how one target is built: a binary in an archive. */
import { pack } from "./archive.ts";

/** Targets of `deno compile`. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

/** One of {@linkcode TARGETS}. */
export type Target = typeof TARGETS[number];

/** The name of everything of a target: `verack-0.1.0-aarch64-apple-darwin`. */
export function releaseName(version: string, target: Target): string {
  return `verack-${version}-${target}`;
}

/** Input of {@linkcode buildTarget}. */
export interface BuildInput {
  readonly target: Target;
  readonly version: string;
  /** The command of the task `compile` in `deno.json`. */
  readonly compile: string;
  /** Files beside the binary, from the root of the repository. */
  readonly files: readonly string[];
  /** Where the archive goes. */
  readonly folder: string;
  /** The time of the files in the archive. */
  readonly date: Date;
}

/** What became of a target. */
export type BuildResult =
  | { readonly target: Target; readonly archive: string }
  /** Why there is none: what Deno said. */
  | { readonly target: Target; readonly failure: string };

/** Compiles the program for a target, and packs it. Resolves with the failure if there is one. */
export async function buildTarget(input: BuildInput): Promise<BuildResult> {
  const { target, version, files, folder, date } = input;
  const name = releaseName(version, target);
  const isWindows = target.includes("windows");
  const binary = isWindows ? "verack.exe" : "verack";
  const work = `${folder}/.${name}`;
  await Deno.mkdir(work, { recursive: true });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: compileArguments(input.compile, target, `${work}/${binary}`),
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
    }).output();
    if (code !== 0) {
      return { target, failure: reasonOf(new TextDecoder().decode(stderr)) };
    }
    const contents = [
      { path: `${work}/${binary}`, name: binary, executable: true },
      ...files.map((path) => ({
        path,
        name: path.split("/").at(-1) ?? path,
        executable: false,
      })),
    ];
    const archive = `${name}.${isWindows ? "zip" : "tar.gz"}`;
    const bytes = await pack(isWindows ? "zip" : "tar.gz", {
      root: name,
      contents,
      date,
    });
    await Deno.writeFile(`${folder}/${archive}`, bytes);
    return { target, archive };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Arguments of Deno: those of the task, for another target and output. */
function compileArguments(
  command: string,
  target: Target,
  output: string,
): string[] {
  const [program, verb, ...rest] = command.split(" ");
  const at = rest.indexOf("--output");
  if (program !== "deno" || verb !== "compile" || at < 0) {
    throw new Error(
      `The task compile is "${command}", must be deno compile with --output`,
    );
  }
  return [verb, "--target", target, ...rest.with(at + 1, output)];
}

/** What went wrong: of several causes the one that has details, which Deno gives second. */
function reasonOf(stderr: string): string {
  const [, error = "no reason given", chain = ""] =
    /^error: (.*)$(?:\s+Caused by:\n((?: +\d+: .*\n)*))?/m.exec(stderr) ?? [];
  const causes = chain.split("\n").map((line) => line.replace(/^ *\d+: /, ""))
    .filter((line) => line !== "");
  return causes[1] ?? causes[0] ?? error;
}
