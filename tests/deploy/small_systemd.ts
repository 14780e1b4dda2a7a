/**
 * systemd as the first process of namespaces of its own: of processes, mounts, network, names
 * and control groups. It has only the units that it is given, and what it writes goes to disks
 * in memory. Needs root, a Linux with systemd, and control groups of version 2 somewhere.
 */
import { assert } from "@std/assert";
import { until } from "../helpers/until.ts";

const SYSTEMD = "/lib/systemd/systemd";
const CGROUPS = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/** Targets that units name, of which nothing is wanted here. */
const TARGETS = [
  ...["basic", "sysinit", "multi-user", "network-online", "nss-lookup"],
  "shutdown",
];

/**
 * `$1` is a folder with `units`, `etc` and what is at `/opt` and `/usr/local` there. It becomes
 * systemd.
 */
const BOOT = `set -e
folder=$1
mount --make-rprivate /
cp -a /etc/. "$folder/etc/" 2>/dev/null || true
cp -a "$folder/settings/." "$folder/etc/"
for name in /run /var/lib /var/cache; do mount -t tmpfs tmpfs "$name"; done
mount --bind "$folder/etc" /etc
mount --bind "$folder/opt" /opt
mount --bind "$folder/local" /usr/local
mkdir /run/units && mount --bind "$folder/units" /run/units
ip link set lo up
umount -R /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# As systemd does on a machine: units get their credentials by a mount.
mount --make-rshared /
export container=lxc SYSTEMD_UNIT_PATH=/run/units
exec ${SYSTEMD} --system --unit=default.target --show-status=no --log-target=null`;

/** What a small systemd has. */
export interface SmallSystemdOptions {
  /** Mounted at `/opt` and at `/usr/local`. */
  readonly opt: string;
  readonly local: string;
  /** Units and drop-ins by path. */
  readonly units: Readonly<Record<string, string>>;
  /** Files below `/etc`, by path. */
  readonly settings: Readonly<Record<string, string>>;
  /** Units that are started. */
  readonly wants: readonly string[];
}

/** What a command in there came to. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A running systemd; killed with all it started when disposed of. */
export class SmallSystemd implements AsyncDisposable {
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #unshare: Deno.ChildProcess;
  #pid = 0;

  private constructor(folder: string, cgroup: string) {
    this.#folder = folder;
    this.#cgroup = cgroup;
    const enter = `echo 0 > "${cgroup}/cgroup.procs" && exec "$@"`;
    this.#unshare = new Deno.Command("sh", {
      args: [
        ...["-c", enter, "enter", "unshare", "--fork", "--kill-child"],
        ...["--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup"],
        ...["--mount-proc", "sh", "-c", BOOT, "boot", folder],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** Boots it, which takes less than a second; the units may start for longer. */
  static async start(options: SmallSystemdOptions): Promise<SmallSystemd> {
    const folder = await Deno.makeTempDir({ prefix: "verack-systemd-" });
    await Deno.chmod(folder, 0o755);
    const wants = options.wants.join(" ");
    const bare = (name: string) =>
      `[Unit]\nDescription=${name}\nDefaultDependencies=no\n`;
    const units: Record<string, string> = {
      ...Object.fromEntries(TARGETS.map((it) => [`${it}.target`, bare(it)])),
      "default.target": `${bare("default")}Wants=${wants}\n`,
      ...options.units,
    };
    write(`${folder}/units`, units);
    write(`${folder}/settings`, options.settings);
    await Deno.mkdir(`${folder}/etc`);
    await Deno.symlink(options.opt, `${folder}/opt`);
    await Deno.symlink(options.local, `${folder}/local`);
    const cgroup = `${cgroups()}/verack-${Deno.pid}`;
    await Deno.mkdir(cgroup, { recursive: true });
    const systemd = new SmallSystemd(folder, cgroup);
    try {
      await systemd.#booted();
      return systemd;
    } catch (error) {
      await systemd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a command in there. */
  async run(...words: readonly string[]): Promise<CommandResult> {
    const { code, stdout, stderr } = await new Deno.Command("nsenter", {
      args: ["--target", `${this.#pid}`, "--all", "--", ...words],
      env: { NO_COLOR: "1", SYSTEMD_PAGER: "" },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout).trim(), err: text.decode(stderr) };
  }

  /** A property of a unit. */
  async show(unit: string, property: string): Promise<string> {
    const words = ["show", unit, "--value", `--property=${property}`];
    return (await this.run("systemctl", ...words)).out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The first process of a namespace takes all others with it.
    const pid = this.#pid === 0 ? this.#unshare.pid : this.#pid;
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#unshare.status;
    await Deno.remove(this.#folder, { recursive: true });
    await until("the control groups to be empty", () => {
      try {
        removeGroups(this.#cgroup);
        return true;
      } catch {
        return false;
      }
    });
  }

  async #booted(): Promise<void> {
    const path =
      `/proc/${this.#unshare.pid}/task/${this.#unshare.pid}/children`;
    await until("systemd to run", async () => {
      const [first = ""] = Deno.readTextFileSync(path).trim().split(" ");
      const pid = Number(first);
      if (pid === 0) return false;
      const name = Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
      if (name !== "systemd") return false;
      this.#pid = pid;
      return (await this.run("systemctl", "is-system-running")).out !== "";
    });
    await until("systemd to answer", async () => {
      const { code } = await this.run("systemctl", "list-units", "--no-legend");
      return code === 0;
    });
  }
}

/** Where control groups of version 2 are. */
function cgroups(): string {
  const found = CGROUPS.find((path) => exists(`${path}/cgroup.procs`));
  assert(found !== undefined, "no control groups of version 2");
  return found;
}

function removeGroups(path: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) removeGroups(`${path}/${name}`);
  }
  Deno.removeSync(path);
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Why it cannot run here; `undefined` if it can. */
export function whyNoSystemd(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  if (!exists(SYSTEMD)) return "needs systemd";
  // It is isolated, but a machine that a person uses is not the place for a second one.
  if (!Deno.env.has("CI") && !Deno.env.has("VERACK_SYSTEMD")) {
    return "runs with CI or VERACK_SYSTEMD set";
  }
  return CGROUPS.some((path) => exists(`${path}/cgroup.procs`))
    ? undefined
    : "needs control groups of version 2";
}
