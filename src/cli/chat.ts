/** `verack chat`: a node that sends lines of its input to all peers. */
import { systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { CHAT_TIMEOUT_MS } from "./cli_limits.ts";
import type { NodeEvent } from "../mesh/events.ts";
import { Node } from "../mesh/node.ts";
import type { NodeOptions } from "../mesh/options.ts";
import { CHAT_INDENT, ChatLines, Names } from "./chat/chat_lines.ts";
import { Conversation } from "./chat/conversation.ts";
import { sayLines } from "./chat/piped.ts";
import { Screen } from "./chat/screen.ts";
import { EventBudget, standingOf } from "./output_budget.ts";
import { eventLine, labelsOf } from "./event_lines.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type OpenControl, openControl } from "./http_flags.ts";
import { LOG_FLAGS, startLogging } from "./log_flags.ts";
import { greet } from "./greeting.ts";
import { takeMessages } from "./node_command.ts";
import {
  DEFAULT_PORT,
  DURATION,
  NODE_FLAGS,
  nodeStart,
  withKeptPlace,
} from "./node_command.ts";
import { type Command, command, type Invocation } from "./command.ts";
import { SignalWatch } from "./signal_watch.ts";
import type { LineOutput } from "./line_writer.ts";
import { COLOR_FLAG, loseLines } from "./terminal.ts";

const FLAGS = {
  ...NODE_FLAGS,
  port: {
    type: "port",
    short: "p",
    min: 0,
    help:
      `Port to listen on (default: ${DEFAULT_PORT}, or a free one if that is in use)`,
  },
  timeout: {
    ...DURATION,
    short: "t",
    default: CHAT_TIMEOUT_MS / 1_000,
    help: "Of a pipe: time to join, and time to be acknowledged at the end",
  },
  ...LOG_FLAGS,
  color: COLOR_FLAG,
} as const;

/** The command. */
export const chatCommand: Command = command({
  description: [
    "Each line goes to all connected peers, and is kept for those that are " +
    "away; with --data also across restarts. /help lists the rest, such as " +
    "/msg for one peer. Tab completes names; Ctrl-D or Ctrl-C leaves.",
    "A name is not verified: it is shown alone while only one peer has used it, " +
    "and with the first digits of the id otherwise.",
    "When standard input is no terminal, each line of it is sent once the mesh " +
    "is joined. It ends when all connected peers have acknowledged all of them; " +
    "the exit code is 1 if a peer will not get them.",
  ],
  flags: FLAGS,
  environment: {
    NO_COLOR: "No colours, unless --color is given",
    VERACK_TLS_ENGINE: "off runs TLS by public APIs alone, which is slower",
  },
  examples: [
    ["verack chat --name alice", "The first one; it shows how others join"],
    [
      "verack chat --name bob --connect 127.0.0.1:8080",
      "The second one, in another terminal",
    ],
    [
      "echo 'build passed' | verack chat --name ci --connect host:8080",
      "A script that sends a line and leaves",
    ],
  ],
  action: chat,
});

type EventType = NodeEvent["type"];

/** Events that a chat does not show; nodes of `verack run` ping all the time. */
const UNTOLD: ReadonlySet<EventType> = new Set<EventType>([
  "listening",
  "network",
  "mesh",
  "stopped",
  "ping",
]);

/** Events that a piped chat shows. */
const TROUBLE: ReadonlySet<EventType> = new Set<EventType>([
  "refused",
  "unreachable",
  "join-request",
  "name-conflict",
  "dead-letter",
  "overflow",
]);

/** What chats on a terminal and from a pipe have in common. */
interface Chat {
  readonly invocation: Invocation<typeof FLAGS>;
  readonly node: Node;
  readonly lines: ChatLines;
  readonly control: OpenControl | undefined;
  readonly signals: SignalWatch;
  readonly leaving: Promise<void>;
  readonly leave: () => void;
}

async function chat(given: Invocation<typeof FLAGS>): Promise<ExitCode> {
  const { terminal, outputLost } = given;
  const flags = withKeptPlace(given.flags);
  const invocation = { ...given, flags };
  startLogging(flags, terminal);
  loseLines(terminal, { json: false });
  using start = await nodeStart(flags);
  using signals = new SignalWatch({
    talk: Deno.stderr.isTerminal() ? terminal.stderr : undefined,
  });
  await using node = await startNode(start.options, flags.port);
  using _logging = startLogging(flags, terminal, {
    hasStanding: standingOf(node),
  });
  const { promise: leaving, resolve: leave } = Promise.withResolvers<void>();
  const ends = AbortSignal.any([signals.signal, outputLost]);
  ends.addEventListener("abort", () => leave(), { once: true });
  if (ends.aborted) leave();
  // No port of its own: `flags` has none of HTTP_FLAGS.
  await using control = await openControl(flags, node, leave);
  const lines = new ChatLines(new Names(node), terminal.out, {
    mayDecide: flags.data !== undefined,
    labelOf: labelsOf(node),
  });
  const parts = { invocation, node, lines, control, signals, leaving, leave };
  const interactive = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const ok = await (interactive ? converse(parts) : pipe(parts));
  return signals.code ?? (ok ? EXIT.success : EXIT.failure);
}

async function converse(chat: Chat): Promise<boolean> {
  const { invocation, node, lines, signals, leaving, leave } = chat;
  const { flags, terminal } = invocation;
  greet({ flags, terminal, command: "chat" }, node);
  terminal.stdout.line(terminal.out.dim("/help lists what can be done here"));
  const conversation = new Conversation({
    node,
    lines,
    colors: terminal.out,
    clock: systemClock,
    keeps: flags.data !== undefined,
    show: (text) => screen.line(text),
    onLeave: leave,
    onInterrupt: () => signals.interrupt(),
  });
  using screen = new Screen(conversation, terminal.stdout);
  using _logging = Deno.stderr.isTerminal()
    ? startLogging(flags, terminal, {
      output: screen,
      hasStanding: standingOf(node),
    })
    : undefined;
  const listening = listen(
    chat,
    screen,
    ({ type }) => !UNTOLD.has(type),
    (event) => screen.line(lines.event(event, now()), false, CHAT_INDENT),
  );
  await leaving;
  // From here on Ctrl-C is a signal again, which ends the program at once.
  screen[Symbol.dispose]();
  await conversation.farewell();
  await node.close();
  await listening;
  return true;
}

async function pipe(chat: Chat): Promise<boolean> {
  const { invocation, node, lines, leaving } = chat;
  const { flags, terminal } = invocation;
  const { stdout, stderr } = terminal;
  const mayDecide = flags.data !== undefined;
  const listening = listen(
    chat,
    stdout,
    ({ type }) => TROUBLE.has(type),
    (event) => {
      const line = eventLine(event, now(), terminal.err, { mayDecide });
      stderr.line(line, false, CHAT_INDENT);
    },
  );
  const stop = new AbortController();
  const left = leaving.then(() => {
    stop.abort();
    return false;
  });
  const said = sayLines({
    node,
    lines,
    clock: systemClock,
    input: Deno.stdin.readable,
    timeoutMs: flags.timeout * 1_000,
    keeps: flags.data !== undefined,
    show: (text) => stderr.line(`verack chat: ${text}`),
    signal: stop.signal,
  });
  // After a signal the rest of the input is not waited for.
  const ok = await Promise.race([said, left]);
  await node.close();
  await listening;
  return ok;
}

/** Shows messages, and by `tell` the events for which `tells` is true, until the node closes. */
async function listen(
  { invocation, node, lines, control }: Chat,
  output: LineOutput,
  tells: (event: NodeEvent) => boolean,
  tell: (event: NodeEvent) => void,
): Promise<void> {
  const closed = new AbortController();
  const messages = takeMessages(node, {}, {
    output: invocation.terminal.stdout,
    show(event) {
      output.line(lines.message(event, now()), true, CHAT_INDENT);
      control?.server.publish(event);
    },
    signal: closed.signal,
  });
  using budget = new EventBudget({
    clock: systemClock,
    hasStanding: standingOf(node),
    tell: (event) => tells(event) && tell(event),
  });
  for await (const event of node.events()) {
    // Also for peers that are not shown: a name that two peers use is ambiguous everywhere.
    if (event.type === "peer:up") lines.names.claim(event.id, event.name);
    if (tells(event) && budget.admits(event)) tell(event);
  }
  closed.abort();
  await messages;
}

/** Without `--port`, a default port that is in use is replaced by a free one. */
async function startNode(
  options: NodeOptions,
  port: number | undefined,
): Promise<Node> {
  if (options.listen === false) return await Node.start(options);
  try {
    return await Node.start({ ...options, port: port ?? DEFAULT_PORT });
  } catch (error) {
    const taken = error instanceof VerackError &&
      error.code === "address-in-use";
    if (port !== undefined || !taken) throw error;
    return await Node.start({ ...options, port: 0 });
  }
}

function now(): Date {
  return new Date(systemClock.now());
}
