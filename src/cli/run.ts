/** `verack run`: one node of a mesh, until it is stopped. */
import { systemClock } from "../core/clock.ts";
import { type AllowedUse, reportAllowedUses } from "../control/allowed_uses.ts";
import type { MessageEvent } from "../control/answers.ts";
import type { MessagesOptions } from "../delivery/consumer.ts";
import type { PeerId } from "../core/peer_id.ts";
import { MAX_DURATION_MS } from "../mesh/mesh_limits.ts";
import { logger } from "../core/log.ts";
import type { NodeEvent } from "../mesh/events.ts";
import { Node } from "../mesh/node.ts";
import { VERSION } from "../version.ts";
import { unexpectedArgument } from "./command.ts";
import { standingOf } from "./output_budget.ts";
import { labelsOf, type PrintedEvent } from "./event_lines.ts";
import { EventPrinter } from "./event_printer.ts";
import {
  EXEC_FLAGS,
  type ExecCommand,
  execCommand,
} from "./exec/exec_flags.ts";
import {
  admitted,
  type SenderRule,
  senderRule,
  warnOfNames,
} from "./exec/exec_flags.ts";
import type { Executor } from "./exec/executor.ts";
import type { RequestExecutor } from "./exec/request_executor.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type FlagValues, UsageError } from "./flags.ts";
import {
  RECEIVE_FLAGS,
  receiveAlways,
  type Receiving,
  receiving,
} from "./files/receive_always.ts";
import {
  checkHttpFlags,
  HTTP_FLAGS,
  METRICS_FLAG,
  openControl,
  pageNotice,
  startTelemetry,
} from "./http_flags.ts";
import {
  allowForwards,
  FORWARD_FLAGS,
  type ForwardPermission,
  forwardPermission,
  rulesForAll,
} from "./forward_flags.ts";
import type { LineWriter } from "./line_writer.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { greet } from "./greeting.ts";
import { pingEvery, takeMessages } from "./node_command.ts";
import { NODE_FLAGS, nodeStart, withKeptPlace } from "./node_command.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { SignalWatch } from "./signal_watch.ts";
import { loseLines, OUTPUT_FLAGS } from "./terminal.ts";

/** How often members are pinged by default. */
const DEFAULT_PERIOD_S = 5;

const FLAGS = {
  ...NODE_FLAGS,
  period: {
    type: "seconds",
    min: 0,
    max: MAX_DURATION_MS / 1_000,
    default: DEFAULT_PERIOD_S,
    help: "Ping all members this often; 0 never",
  },
  keepTopic: {
    type: "list",
    value: "TOPIC",
    help:
      "Store messages of this topic until receive-messages or --exec acks them; needs --data",
  },
  ...EXEC_FLAGS,
  ...RECEIVE_FLAGS,
  ...FORWARD_FLAGS,
  ...HTTP_FLAGS,
  ...METRICS_FLAG,
  ...LOG_FLAGS,
  ...OUTPUT_FLAGS,
} as const;

/** The command. */
export const runCommand: Command = command({
  usage: "[run] [OPTIONS] [-- ARG…]",
  description: [
    "The node learns of all members from the first one it reaches, and keeps a " +
    "session with each. A member is identified by the hash of its public key: " +
    "an address without one is trusted on first use. Ctrl-C sends bye to all " +
    "peers, a second one ends at once.",
    "--exec passes each message to a new process, never to a shell: the body by " +
    "standard input, the rest in VERACK_FROM (the sender's id), " +
    "VERACK_NAME, VERACK_TOPIC, VERACK_ID and VERACK_DELIVERY_COUNT. A message is " +
    "acknowledged when the process exits with 0. Else it comes again, with the " +
    "same id, and becomes a dead letter after 5 deliveries. Every peer may start the program " +
    "in a closed mesh, in an open one those that --exec-from names, or on this " +
    "machine alone.",
    "A message of a --keep-topic is acknowledged once it is stored in --data, which " +
    "remembers the topic. It waits there for a consumer, and is not printed here.",
    "With --exec-method it answers requests instead (verack request): the body by standard " +
    "input, the method in VERACK_METHOD, and what it writes to standard output is the answer " +
    "if the process exits with 0. Else the error is the last line of its standard error.",
    "--receive-dir takes the files that peers send by verack send-file, of the same " +
    "peers: all in a closed mesh, in an open one those that --receive-from names, " +
    "or of this machine alone. Nothing is overwritten.",
    "--allow-forward lets peers connect to an address through the node: the one whose id is " +
    "before an @, else the same peers, which --allow-forward-from names. Without it nothing " +
    "is reachable.",
  ],
  positionals: [{
    name: "ARG",
    help: "Arguments of the program of --exec",
    optional: true,
    variadic: true,
  }],
  flags: FLAGS,
  environment: {
    NO_COLOR: "No colours, unless --color is given",
    VERACK_TLS_ENGINE: "off runs TLS by public APIs alone, which is slower",
  },
  examples: [
    ["verack --port 8080", "The first node of a mesh"],
    [
      "verack --port 8081 --connect 127.0.0.1:8080",
      "Another node, which joins through the first",
    ],
    [
      "verack --data data/alice --connect ID@bob.example:8080",
      "The same node at every start, which accepts only ID at that address",
    ],
    [
      "verack --data data/jobs --exec ./job --exec-from ID -- --fast",
      "Runs ./job --fast for each message of that peer",
    ],
    [
      "verack --data data/pictures --exec ./resize --exec-method resize",
      "Answers requests for resize, on this machine or in a closed mesh",
    ],
  ],
  action: run,
});

const log = logger("cli");

async function run(invocation: Invocation<typeof FLAGS>): Promise<ExitCode> {
  const { positionals, terminal, outputLost } = invocation;
  const flags = withKeptPlace(invocation.flags);
  startLogging(flags, terminal);
  loseLines(terminal, flags);
  checkHttpFlags(flags);
  const [surplus] = positionals;
  if (surplus !== undefined && flags.exec === undefined) {
    throw unexpectedArgument(surplus);
  }
  if (flags.keepTopic.length > 0 && flags.data === undefined) {
    throw new UsageError("--keep-topic needs --data or --keep");
  }
  const command = await execCommand(flags, positionals);
  using start = await nodeStart(flags);
  const options = {
    ...start.options,
    ...(flags.listen !== false && { port: flags.port }),
    ...(flags.keepTopic.length > 0 && { keepTopics: flags.keepTopic }),
  };
  const rule = command && senderRule(options, command.from);
  const files = receiving(flags, options);
  const forwarded = forwardPermission(flags, options);
  warnOfNames(options, {
    "--exec-from": flags.execFrom,
    "--receive-from": flags.receiveFrom,
    "--allow-forward-from": forwarded?.rule === undefined
      ? []
      : flags.allowForwardFrom,
  });
  using signals = new SignalWatch({
    talk: Deno.stderr.isTerminal() ? terminal.stderr : undefined,
  });
  const node = await Node.start(options);
  using _logging = startLogging(flags, terminal, {
    hasStanding: standingOf(node),
  });
  using _allowed = forwarded && await allowForwards(node, forwarded);
  reportAllowedUses(
    node,
    allowedBy(flags, { command, rule, files, forwarded }),
  );
  const { address, identity } = node;
  log.info("started", { id: identity.id, address, version: VERSION });
  const events = node.events();
  let executor: Executor | undefined;
  let requestExecutor: RequestExecutor | undefined;
  const stopPrograms = () =>
    Promise.all([executor?.stop(), requestExecutor?.stop()]);
  let fatal: unknown;
  const leave = async () => {
    log.info("leaving", { exitCode: signals.code ?? EXIT.success });
    // Messages that a program has finished with are still acknowledged, and requests answered.
    await stopPrograms();
    await node.close();
  };
  const failWith = (error: unknown) => {
    fatal ??= error;
    void leave();
  };
  const ends = AbortSignal.any([signals.signal, outputLost]);
  ends.addEventListener("abort", leave, { once: true });
  if (ends.aborted) void leave();
  const closed = new AbortController();
  const stopPinging = pingEvery(node, flags.period * 1_000);
  try {
    await using control = await openControl(flags, node, leave);
    const { url, metricsUrl } = control ?? {};
    if (url !== undefined) log.info("control", { url });
    if (metricsUrl !== undefined) log.info("metrics", { url: metricsUrl });
    using _telemetry = await startTelemetry(node, control);
    if (!flags.json) greet({ flags, terminal, command: "run" }, node);
    if (!flags.json && url !== undefined) {
      terminal.stderr.line(`verack: control API at ${url}`);
      const isTerminal = Deno.stderr.isTerminal();
      const { data } = flags;
      for (const line of await pageNotice(control!, { isTerminal, data })) {
        terminal.stderr.line(line);
      }
    }
    if (!flags.json && metricsUrl !== undefined) {
      terminal.stderr.line(`verack: metrics at ${metricsUrl}`);
    }
    const withControl = (event: NodeEvent): PrintedEvent =>
      event.type === "listening"
        ? {
          ...event,
          ...(url !== undefined && { control: url }),
          ...(metricsUrl !== undefined && { metrics: metricsUrl }),
        }
        : event;
    using printer = new EventPrinter({
      output: terminal.stdout,
      json: flags.json,
      colors: terminal.out,
      clock: systemClock,
      hasStanding: standingOf(node),
      mayDecide: flags.data !== undefined,
      labelOf: labelsOf(node),
    });
    const show = (event: MessageEvent, keep: boolean) => {
      printer.print(event, { keep });
      control?.server.publish(event);
    };
    const fateOf = rule?.(node);
    const settings = command && {
      ...command,
      ...(fateOf !== undefined && {
        accepts: (peer: PeerId) => fateOf(peer) === "run",
      }),
      clock: systemClock,
      say: (line: string) => sayOfProgram(terminal.stderr, line),
    };
    if (settings !== undefined && settings.methods.length > 0) {
      const { RequestExecutor } = await import("./exec/request_executor.ts");
      requestExecutor = new RequestExecutor(node, settings);
    }
    if (settings?.takesMessages) {
      const { Executor } = await import("./exec/executor.ts");
      executor = new Executor(node, {
        ...settings,
        onTaken: (event) => show(event, false),
        onFatal: failWith,
      });
    }
    const received = files && await receiveAlways(node, files, {
      show(event) {
        printer.print(event);
        control?.server.publish(event);
      },
      signal: closed.signal,
    });
    received?.ended.catch(failWith);
    // Messages that are not for the program are printed only.
    const messages = Promise.all(
      restOf(command, fateOf).map((rest) =>
        takeMessages(node, rest, {
          output: terminal.stdout,
          show: (event) => show(event, true),
          signal: closed.signal,
        })
      ),
    );
    for await (const event of events) printer.print(withControl(event));
    closed.abort();
    await messages;
    await received?.ended.catch(() => {});
  } finally {
    stopPinging();
    await stopPrograms();
    await node.close();
  }
  if (fatal !== undefined) throw fatal;
  return signals.code ?? EXIT.success;
}

/** What the flags allow, for the status. */
function allowedBy(
  { receiveFrom, allowForwardFrom }: FlagValues<typeof FLAGS>,
  { command, rule, files, forwarded }: {
    readonly command: ExecCommand | undefined;
    readonly rule: ((node: Node) => SenderRule) | undefined;
    readonly files: Receiving | undefined;
    readonly forwarded: ForwardPermission | undefined;
  },
): AllowedUse[] {
  const allowed: AllowedUse[] = [];
  if (command !== undefined) {
    const { methods, topic } = command;
    const from = admitted(rule, command.from);
    if (methods.length > 0) allowed.push({ use: "request", of: methods, from });
    if (command.takesMessages) {
      const of = topic === undefined ? [] : [topic];
      allowed.push({ use: "message", of, from });
    }
  }
  if (files !== undefined) {
    const from = admitted(files.rule, receiveFrom);
    allowed.push({ use: "file", of: [files.dir], from });
  }
  const forAll = forwarded === undefined ? [] : rulesForAll(forwarded);
  if (forAll.length > 0) {
    const from = admitted(forwarded?.rule, allowForwardFrom);
    allowed.push({ use: "forward", of: forAll, from });
  }
  return allowed;
}

/** Which messages are only printed: those that neither go to the program nor wait. */
function restOf(
  command: ExecCommand | undefined,
  fateOf: SenderRule | undefined,
): MessagesOptions[] {
  if (!command?.takesMessages) return [{}];
  const { topic } = command;
  const ofOthers = fateOf &&
    ((sender: PeerId) => fateOf(sender) === "print");
  return [
    ...(topic === undefined ? [] : [{ exceptTopic: topic }]),
    ...(ofOthers === undefined
      ? []
      : [{ ...(topic !== undefined && { topic }), from: ofOthers }]),
  ];
}

/**
 * Text of a peer that a program repeats must pass neither for a line of the node nor, in a log
 * of JSON lines, for an entry.
 */
function sayOfProgram(stderr: LineWriter, line: string): void {
  stderr.line(`  | ${line}`);
}
