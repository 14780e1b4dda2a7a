/** `verack demo`: a whole mesh on this machine. Its parts are in `demo/demo_script.ts`. */
import { systemClock } from "../core/clock.ts";
import { Identity } from "../identity/identity.ts";
import { ChildHost, type DemoHost, LocalHost } from "./demo/demo_host.ts";
import { planDemo } from "./demo/demo_script.ts";
import { jsonPrinter, type Printer, textPrinter } from "./demo/printer.ts";
import { playDemo } from "./demo/demo_script.ts";
import { EventBudget } from "./output_budget.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { SignalWatch } from "./signal_watch.ts";
import { loseLines, OUTPUT_FLAGS } from "./terminal.ts";

/** A larger mesh shows nothing more; as processes they take 80 MB each. */
const MAX_NODES = 100;

/** Long enough to see each step happen on the page. */
const WATCHED_PACE_S = 2;

const FLAGS = {
  nodes: {
    type: "integer",
    short: "n",
    min: 2,
    max: MAX_NODES,
    default: 5,
    help: "How many nodes",
  },
  inProcess: {
    type: "boolean",
    help: "All nodes in this process instead of one process each, for large N",
  },
  period: {
    type: "seconds",
    min: 0.1,
    max: 60,
    help:
      "Each node pings all others this often (default 1, with many nodes more)",
  },
  keep: {
    type: "boolean",
    help: "Stay up after the show until Ctrl-C, for others to join",
  },
  discover: {
    type: "boolean",
    help:
      "Announce all nodes on the local network, for others to join by --discover",
  },
  open: {
    type: "boolean",
    help: "Show it in a browser, slowly, and stay up as with --keep",
  },
  pace: {
    type: "seconds",
    min: 0,
    max: 60,
    help: `Pause before each step (default 0, with --open ${WATCHED_PACE_S})`,
  },
  ...LOG_FLAGS,
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const demoCommand: Command = command({
  description: [
    "Starts nodes as processes of their own on 127.0.0.1, the first alone and " +
    "the others through one another. The mesh completes, everybody shows " +
    "everybody's pings, one node is killed and recognised when it comes back, " +
    "and an impostor is refused. Ends by itself; succeeds only if all of it " +
    "happened.",
  ],
  flags: FLAGS,
  examples: [
    ["verack demo", "Five nodes, some seconds"],
    ["verack demo --nodes 50 --in-process", "Fifty nodes, 1225 links"],
    ["verack demo --open", "The mesh in a browser, to be watched"],
    ["verack demo --keep", "The same mesh, left running"],
  ],
  action: demo,
});

async function demo(invocation: Invocation<typeof FLAGS>): Promise<ExitCode> {
  const { flags, terminal, outputLost } = invocation;
  startLogging(flags, terminal);
  loseLines(terminal, flags);
  using signals = new SignalWatch();
  const signal = AbortSignal.any([signals.signal, outputLost]);
  const plan = planDemo(flags.nodes);
  const periodS = flags.period ?? defaultPeriodS(flags.nodes);
  const names = plan.nodes.map(({ name }) => name);
  const line = (text: string) => terminal.stdout.line(text);
  const clock = systemClock;
  const { out: colors, columns } = terminal;
  const print = flags.json
    ? jsonPrinter(line, clock)
    : textPrinter({ line, colors, columns, names, clock });
  // Only events of strangers are budgeted: those of the demo's nodes have types of their own.
  using budget = new EventBudget({
    clock,
    hasStanding: () => false,
    tell: ({ dropped, reason }) =>
      terminal.stderr.line(
        `verack demo: ${dropped} events not shown: ${reason}`,
      ),
  });
  const show: Printer = (event) => {
    if (event.type !== "other" || budget.admits(event.event)) print(event);
  };
  await using opener = flags.open ? await makeOpener() : undefined;
  const pace = flags.pace ?? (flags.open ? WATCHED_PACE_S : 0);
  await using host = await makeHost(invocation, periodS, signal);
  const ok = await playDemo({
    plan,
    identities: await makeKeys(names),
    host,
    inProcess: flags.inProcess,
    discover: flags.discover,
    periodS,
    keep: flags.keep || flags.open,
    paceMs: pace * 1_000,
    ...(opener !== undefined && { open: opener.open }),
    show,
    signal,
  });
  return signals.code ?? (ok ? EXIT.success : EXIT.failure);
}

/** Opens pages by a file in a directory of its own. */
async function makeOpener() {
  const { openBrowser } = await import("./open_browser.ts");
  const directory = await Deno.makeTempDir({ prefix: "verack-demo-" });
  const remove = () => Deno.removeSync(directory, { recursive: true });
  addEventListener("unload", remove);
  return {
    async open(url: string) {
      const outcome = await openBrowser(url, { directory });
      return outcome.opened ? outcome : { opened: false, reason: outcome.why };
    },
    [Symbol.asyncDispose]() {
      removeEventListener("unload", remove);
      remove();
      return Promise.resolve();
    },
  };
}

async function makeHost(
  { flags, terminal }: Invocation<typeof FLAGS>,
  periodS: number,
  interrupted: AbortSignal,
): Promise<DemoHost> {
  const { discover } = flags;
  if (flags.inProcess) return new LocalHost(periodS * 1_000, discover);
  // For the nodes standard error is never a terminal.
  const human = flags.logFormat === "auto" && Deno.stderr.isTerminal();
  const logFormat = human ? "human" : flags.logFormat;
  return await ChildHost.create({
    discover,
    flags: [
      `--period=${periodS}`,
      `--log-level=${flags.logLevel}`,
      `--log-format=${logFormat}`,
    ],
    onLog: (name, line) => {
      if (line !== "") terminal.stderr.line(`${name}: ${printable(line)}`);
    },
    interrupted,
  });
}

/** A second; from fifty nodes on more, as there are nodes × (nodes - 1) pings each time. */
function defaultPeriodS(nodes: number): number {
  return Math.max(1, Math.round(nodes * nodes / 2_500));
}

/** Keys that outlive their nodes, so that a node that returns is recognised. */
async function makeKeys(
  names: readonly string[],
): Promise<Map<string, Identity>> {
  return new Map(
    await Promise.all(names.map(async (name) => {
      const identity = await Identity.generate({ ephemeral: false });
      return [name, identity] as const;
    })),
  );
}

/** A line of our own program, without control characters. */
function printable(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, " ");
}
