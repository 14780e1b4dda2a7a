/** `cat FILE | nc` to `nc -l > FILE`, as the netcat of OpenBSD has it. */

/** Attempts until the listening end is up. */
const ATTEMPTS = 200;
const PAUSE_MS = 10;

/** Whether there is such a netcat. */
export async function hasNetcat(): Promise<boolean> {
  try {
    const { stderr } = await new Deno.Command("nc", { args: ["-h"] }).output();
    return new TextDecoder().decode(stderr).includes("OpenBSD");
  } catch {
    return false;
  }
}

/** Copies a file over loopback; milliseconds from start to end. */
export async function netcat(source: string, copy: string): Promise<number> {
  const port = freePort();
  const listening = shell(`nc -l 127.0.0.1 ${port} > "$1"`, copy).spawn();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const started = performance.now();
    const sending = shell(`cat "$1" | nc -N 127.0.0.1 ${port}`, source);
    if ((await sending.output()).success) {
      await listening.status;
      return performance.now() - started;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  listening.kill();
  await listening.status;
  throw new Error(`Cannot measure: nc does not listen on port ${port}`);
}

function shell(command: string, path: string): Deno.Command {
  return new Deno.Command("sh", {
    args: ["-c", command, "sh", path],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
