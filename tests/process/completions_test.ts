/** Completion in the shells themselves, with the peers of a running node. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { Node } from "../../src/mesh/node.ts";
import { verack, verackProgram } from "../helpers/child.ts";
import { Place } from "../helpers/place.ts";
import { HAS_PTY, Pty } from "../helpers/pty.ts";
import { testIf } from "../helpers/test_if.ts";

/** Whether there is such a shell; says so when there is none. */
function has(shell: string): boolean {
  try {
    const args = ["-c", "exit 0"];
    if (new Deno.Command(shell, { args }).outputSync().success) return true;
  } catch {
    // Not installed.
  }
  console.log(`skipped: no ${shell} here`);
  return false;
}

/** A running node with the peers bob and one without a name, and a program `verack`. */
class Completing implements AsyncDisposable {
  readonly place: Place;
  readonly #stack: AsyncDisposableStack;

  private constructor(place: Place, stack: AsyncDisposableStack) {
    this.place = place;
    this.#stack = stack;
  }

  static async start(): Promise<Completing> {
    await using stack = new AsyncDisposableStack();
    const place = stack.use(new Place());
    // The second topic would be run by a shell that takes it for a word.
    const topics = ["news", "$(touch pwned)"];
    const alice = stack.use(
      await place.node(
        "alice",
        "--name=alice",
        ...topics.map((topic) => `--keep-topic=${topic}`),
      ),
    );
    for (const name of ["bob", undefined]) {
      const connect = [alice.address];
      const options = { connect, ...(name !== undefined && { name }) };
      stack.use(await Node.start(options));
    }
    await alice.meshOf(3);
    const words = verackProgram([], place.permissions);
    const program = words.map((word) => `'${word}'`).join(" ");
    const files = {
      verack: `#!/bin/sh\nexec ${program} "$@"\n`,
      ...Object.fromEntries(
        await Promise.all(
          ["bash", "zsh", "fish"].map(async (shell) => [
            `completions.${shell}`,
            await script(shell),
          ]),
        ),
      ),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${place.path}/${name}`, `${text}\n`, {
        mode: 0o700,
      });
    }
    return new Completing(place, stack.move());
  }

  get env(): Record<string, string> {
    const { path } = this.place;
    return {
      PATH: `${path}:${Deno.env.get("PATH") ?? ""}`,
      // For the files that fish makes.
      ...{ XDG_CONFIG_HOME: path, XDG_DATA_HOME: path },
    };
  }

  get isAttacked(): boolean {
    return [...Deno.readDirSync(this.place.path)]
      .some(({ name }) => name === "pwned");
  }

  /** What a shell prints. */
  async output(shell: string, source: string): Promise<string> {
    const { stdout, stderr } = await new Deno.Command(shell, {
      args: ["-c", source],
      cwd: this.place.path,
      env: this.env,
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function script(shell: string): Promise<string> {
  await using child = verack(["completions", shell]);
  assertEquals([await child.code(), child.err], [0, []]);
  return child.out.join("\n");
}

testIf(has("bash"))(
  "bash completes commands, flags, values, paths, and peers of the node",
  async () => {
    await using scene = await Completing.start();
    const completed = (...words: string[]) => {
      const list = words.map((it) => `'${it}'`).join(" ");
      return scene.output(
        "bash",
        `compopt() { :; }; source completions.bash
       COMP_WORDS=(verack ${list}); COMP_CWORD=${words.length}
       _verack; printf '%s\\n' "\${COMPREPLY[@]}"`,
      );
    };
    assertEquals(await completed("hand"), "handshake");
    assertEquals(await completed("run", "--log-level", "=", "d"), "debug");
    assertEquals(await completed("run", "--data", "ali"), "alice");
    await Deno.mkdir(`${scene.place.path}/my data`);
    for (const typed of ["my\\ d", '"my d']) {
      assertEquals(await completed("run", "--data", typed), "my data", typed);
    }
    assertEquals(await completed("ping", "-d", "alice", "bo"), "bob");
    assertEquals(await completed("tail", "-d", "alice", "-t", ""), "news");
    assertEquals(await completed("ping", "-d", "nowhere", ""), "");
    const peers = (await completed("ping", "-d", "alice", "")).split("\n");
    assertEquals(peers.length, 2);
    assert(peers.some((it) => /^[0-9a-f]{8}$/.test(it)), peers.join());
    assertFalse(scene.isAttacked);
  },
);

testIf(has("fish"))(
  "fish completes commands, flags, values, paths, and peers of the node",
  async () => {
    await using scene = await Completing.start();
    const completed = async (line: string) => {
      const source = `source completions.fish; complete -C '${line}'`;
      const shown = await scene.output("fish", source);
      return shown.split("\n").map((it) => it.split("\t")[0]);
    };
    assertEquals(await completed("verack hand"), ["handshake"]);
    assertEquals(await completed("verack run --log-level=d"), [
      "--log-level=debug",
    ]);
    assertEquals(await completed("verack run --data ali"), ["alice/"]);
    assertEquals(await completed("verack run --data=ali"), ["--data=alice/"]);
    assertEquals(await completed("verack ping -d alice bo"), ["bob"]);
    assertEquals(await completed("verack tail -d alice --topic "), ["news"]);
    const peers = await completed("verack ping -d alice ");
    assertEquals(peers.length, 2);
    assertFalse(scene.isAttacked);
  },
);

testIf(has("zsh") && HAS_PTY)(
  "zsh completes commands, flags, values, paths, and peers of the node",
  async () => {
    await using scene = await Completing.start();
    const { path } = scene.place;
    await using zsh = new Pty(["zsh", "-f", "-i"], {
      ...scene.env,
      PS1: "READY ",
      TERM: "dumb",
    });
    await zsh.type(
      `cd '${path}'; autoload -U compinit; compinit -u -D; source completions.zsh; print DO''NE\r`,
    );
    await zsh.shows(/DONE/);
    const cases = [
      ["hand", "shake "],
      ["run --log-level=de", "bug "],
      ["run --data ali", "ce/"],
      ["run --data=ali", "ce/"],
      ["ping -d alice bo", "b "],
      ["tail -d alice --topic ne", "ws "],
    ] as const;
    for (const [typed, rest] of cases) {
      zsh.text = "";
      await zsh.type(`verack ${typed}\t`);
      await until(zsh, `verack ${typed}${rest}`);
      await zsh.type("\x15");
    }
    await zsh.type("exit\r");
    assertFalse(scene.isAttacked);
  },
);

/** Waits until the terminal shows a line, whatever moves its cursor. */
async function until(pty: Pty, line: string): Promise<void> {
  const letters = [...line].map((it) => it.replace(/[^\w ]/, "\\$&"));
  // deno-lint-ignore no-control-regex -- escape sequences, bells and backspaces
  const between = /(\x1b\[[\d;?]*[A-Za-z]|[\x07\b\r]|.\x08)*/.source;
  await pty.shows(new RegExp(letters.join(between)));
}

Deno.test("completions refuses other shells", async () => {
  await using child = verack(["completions", "tcsh"]);
  assertEquals([await child.code(), child.err], [2, [
    'verack completions: SHELL is "tcsh", must be one of bash, zsh, fish (see verack completions --help)',
  ]]);
});
