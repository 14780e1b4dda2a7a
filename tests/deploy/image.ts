/**
 * The image of `deploy/Dockerfile` without Docker: the steps of its last stage are carried out
 * below a temporary directory, and its program is started there as a container is: in a mount
 * namespace whose root is read-only, as its user, without a capability. What the base image has
 * is taken from this machine, read-only. Needs root on a Linux with the tools of Debian.
 */
import { assert } from "@std/assert";
import { basename, dirname, join } from "node:path";
import { runs } from "../helpers/test_if.ts";
import { readDeploy } from "./documents.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** What a container gets of its machine. */
export interface ContainerOptions {
  /** The directory on this machine that is mounted as the volume. */
  readonly volume: string;
  /** Words before the program, such as `ip netns exec NAME`. */
  readonly launcher?: readonly string[];
}

/** An instruction of a Dockerfile. */
interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/**
 * Enters the root: `$1` is its path, `$2` what is at `/usr/local`, `$3` the file of Deno, `$4`
 * the volume or nothing, `$5` is `ro` or `rw`; the rest is run there. It becomes the program.
 */
const ENTER = `set -e
root=$1 own=$2 deno=$3 volume=$4 mode=$5
shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
for name in usr proc dev; do mount --rbind "/$name" "$root/$name"; done
mount --bind "$own" "$root/usr/local"
if [ -e "$own/bin/deno" ]; then mount --bind "$deno" "$root/usr/local/bin/deno"; fi
if [ -n "$volume" ]; then mount --bind "$volume" "$root/data"; fi
if [ "$mode" = ro ]; then
  for name in "" /usr /usr/local; do mount -o remount,bind,ro "$root$name"; done
fi
exec chroot "$root" "$@"`;

/** What a base image has; `usr`, `proc` and `dev` are mounted. */
const FOLDERS = ["usr", "proc", "dev", "etc", "opt", "run/secrets", "data"];
const LINKS = ["bin", "sbin", "lib", "lib64"];
const SETTINGS = ["passwd", "group", "login.defs", "ld.so.cache", "ld.so.conf"];

/** The instructions of a Dockerfile, in order. */
function instructionsOf(text: string): Instruction[] {
  return text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n/g, " ").split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { name, rest: rest.replaceAll(/\s+/g, " ") };
    });
}

/** The last stage. */
export function lastStage(): Instruction[] {
  const all = instructionsOf(readDeploy("Dockerfile"));
  return all.slice(all.findLastIndex(({ name }) => name === "FROM"));
}

/** The words of `CMD`, `ENTRYPOINT` and the like in JSON. */
export function wordsOf(name: string): string[] {
  const found = lastStage().find((it) => it.name === name)?.rest ?? "[]";
  return JSON.parse(found.slice(found.indexOf("[")));
}

/** Paths that the build may copy: those that `Dockerfile.dockerignore` lets through. */
export function buildContext(): string[] {
  const lines = readDeploy("Dockerfile.dockerignore").split("\n")
    .filter((line) => line !== "" && line[0] !== "#");
  assert(lines[0] === "*", "everything is left out at first");
  return lines.slice(1).map((line) => {
    assert(line.startsWith("!"), line);
    return line.slice(1);
  });
}

/** An image that was built. */
export class Image implements AsyncDisposable {
  readonly #folder: string;
  readonly #root: string;
  readonly #own: string;
  readonly #env = new Map([["PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin"]]);
  #workdir = "/";
  #user = "0:0";

  private constructor(folder: string) {
    this.#folder = folder;
    this.#root = `${folder}/root`;
    this.#own = `${folder}/local`;
  }

  /** Carries out the steps of the last stage. */
  static async build(): Promise<Image> {
    const image = new Image(
      await Deno.makeTempDir({ prefix: "verack-image-" }),
    );
    try {
      image.#layBase();
      for (const step of lastStage()) await image.#step(step);
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
    return image;
  }

  get user(): string {
    return this.#user;
  }

  /** Writes a file that a container finds, as a mounted secret or its hosts. */
  write(path: string, text: string, options: Deno.WriteFileOptions = {}): void {
    Deno.mkdirSync(dirname(this.#root + path), { recursive: true });
    Deno.writeTextFileSync(this.#root + path, text, options);
  }

  /** Where a folder of the image is on this machine; only `/usr/local` of what is in `/usr`. */
  path(path: string): string {
    return path === "/usr/local" ? this.#own : this.#root + path;
  }

  /** Puts another program in the place of the command, and Deno itself beside it. */
  program(text: string): void {
    const place = `${this.#own}/bin`;
    Deno.writeTextFileSync(`${place}/verack`, text, { mode: 0o755 });
    Deno.copyFileSync(Deno.execPath(), `${place}/deno`);
    Deno.chmodSync(`${place}/deno`, 0o755);
  }

  /** A directory for a volume, with the owner and mode that Docker takes from the image. */
  async volume(name: string): Promise<string> {
    const path = `${this.#folder}/${name}`;
    await run("cp", ["-a", `${this.#root}/data`, path]);
    return path;
  }

  /** The words that run a program as a container does; they become it. */
  words(
    args: readonly string[],
    { volume, launcher = [] }: ContainerOptions,
  ): string[] {
    const [uid = "", gid = ""] = this.#user.split(":");
    return [
      ...launcher,
      ...this.#enter("ro", volume),
      ...["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"],
      ...["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"],
      ...this.#environment(),
      ...args,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  #layBase(): void {
    for (const name of [...FOLDERS, "tmp"]) {
      Deno.mkdirSync(`${this.#root}/${name}`, { recursive: true });
    }
    Deno.removeSync(`${this.#root}/data`);
    for (const name of LINKS) {
      Deno.symlinkSync(`usr/${name}`, join(this.#root, name));
    }
    for (const name of SETTINGS) {
      Deno.copyFileSync(`/etc/${name}`, `${this.#root}/etc/${name}`);
    }
    this.write("/etc/nsswitch.conf", "hosts: files\n");
    this.write("/etc/hosts", "127.0.0.1 localhost\n");
    Deno.mkdirSync(`${this.#own}/bin`, { recursive: true });
    Deno.chmodSync(this.#folder, 0o755);
  }

  async #step({ name, rest }: Instruction): Promise<void> {
    if (name === "RUN") await this.#run(rest);
    else if (name === "COPY") await this.#copy(rest.split(" "));
    else if (name === "WORKDIR") {
      this.#workdir = rest;
      Deno.mkdirSync(this.#root + rest, { recursive: true });
    } else if (name === "USER") this.#user = rest;
    else if (name === "ENV") {
      for (const pair of rest.split(" ")) {
        const [key = "", value = ""] = pair.split("=");
        this.#env.set(key, value);
        if (key === "DENO_DIR") await this.#fillCache(value);
      }
    }
  }

  /** Packages are copied from the cache of this machine, not downloaded once more. */
  async #fillCache(path: string): Promise<void> {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json"],
    }).output();
    const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
    const cache = this.#root + path;
    await Deno.mkdir(cache, { recursive: true });
    const words = [npmCache, `${cache}/npm`];
    // By links where both are on one disk.
    await run("cp", ["-Rl", ...words]).catch(() => run("cp", ["-R", ...words]));
  }

  async #copy(words: readonly string[]): Promise<void> {
    const flags = words.filter((it) => it.startsWith("--"));
    const paths = words.filter((it) => !it.startsWith("--"));
    const target = this.#place(paths.at(-1) ?? "");
    if (flags.some((it) => it.startsWith("--from="))) {
      // Deno's file; that of this machine is mounted in its place.
      await Deno.writeTextFile(target, "");
      return;
    }
    const mode = flags.find((it) => it.startsWith("--chmod="))?.slice(8);
    for (const path of paths.slice(0, -1)) {
      assert(buildContext().includes(path), `${path} is left out of the build`);
      const isFolder = Deno.statSync(REPOSITORY + path).isDirectory;
      const to = target.endsWith("/") ? `${target}${basename(path)}` : target;
      await run("cp", ["-R", REPOSITORY + path, to]);
      assert(!isFolder || paths.length === 2, "folders are copied alone");
      if (mode !== undefined) await Deno.chmod(to, parseInt(mode, 8));
    }
  }

  /** Where a path of the image is on this machine. */
  #place(path: string): string {
    const full = path.startsWith("/") ? path : `${this.#workdir}/${path}`;
    const own = /^\/usr\/local(\/.*)$/.exec(full)?.[1];
    return own === undefined
      ? this.#root + full.replace(/\/\.\/$/, "/")
      : this.#own + own;
  }

  async #run(script: string): Promise<void> {
    const line = `cd ${this.#workdir} && ${script}`;
    const words = [...this.#enter("rw", ""), ...this.#environment()];
    const [program = "", ...args] = [...words, "sh", "-e", "-c", line];
    await run(program, args);
  }

  #enter(mode: "ro" | "rw", volume: string): string[] {
    return [
      ...["unshare", "-m", "sh", "-c", ENTER, "enter"],
      ...[this.#root, this.#own, Deno.execPath(), volume, mode],
    ];
  }

  #environment(): string[] {
    const pairs = [...this.#env].map(([key, value]) => `${key}=${value}`);
    return ["env", "-i", "NO_COLOR=1", ...pairs];
  }
}

/** Runs a program to its end, which must succeed. */
async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert(
    success,
    `${args.slice(-1)}: ${text.decode(stdout)}${text.decode(stderr)}`,
  );
}

/** Why no image can be built here; `undefined` if one can. */
export function whyNoImage(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  const tools =
    "mount --make-rprivate / && setpriv --version && groupadd --help";
  return runs("unshare", "-m", "sh", "-c", tools)
    ? undefined
    : "needs mount namespaces, setpriv and groupadd";
}
