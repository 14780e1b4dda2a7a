/** `verack health`: whether a running node does its work, for people and for probes. */
import type { HealthAnswer } from "../control/api/health_endpoint.ts";
import { deadline, sleep, systemClock } from "../core/clock.ts";
import { VerackError } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { answerCommand, labelled, utcMinute } from "./answer_command.ts";
import {
  CLIENT_FLAGS,
  type ClientFlagValues,
  withNode,
} from "./client_flags.ts";
import { HEALTH_POLL_MS } from "./cli_limits.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./exit.ts";
import { hintOf } from "./hints.ts";
import type { Palette } from "./terminal.ts";

type Reason = HealthAnswer["reasons"][number];

/** Shows whether a node is healthy. */
export const healthCommand: Command = answerCommand({
  description: [
    "Exits with 0 if no reason is failing, and with 1 if one is or no node runs there. A warning does not fail the check: neither a restart nor a load balancer would mend it.",
    "With --live it exits with 0 whenever the node answers, for a probe that restarts it.",
  ],
  flags: {
    ...CLIENT_FLAGS,
    live: {
      type: "boolean",
      help: "Succeed if the node answers, whatever is wrong with it",
    },
    wait: {
      type: "seconds",
      value: "SECONDS",
      default: 0,
      max: 86_400,
      help: "How long to wait until it is healthy",
    },
  },
  examples: [
    ["verack health --data data/alice", "Whether alice does its work"],
    [
      "verack health --data data/alice --wait 30",
      "Wait until a node that was just started does",
    ],
  ],
  ask: ({ live, wait = 0, ...flags }) => ask(flags, live, wait * 1_000),
  lines: ({ answer }, colors) => lines(answer, colors),
  json: ({ answer }) => answer,
  exit: ({ passed }) => passed ? EXIT.success : EXIT.failure,
});

/** The answer, and whether it is the wanted one. */
interface Checked {
  readonly answer: HealthAnswer;
  readonly passed: boolean;
}

/** Asks until the answer is the wanted one, or the time is over. */
async function ask(
  flags: ClientFlagValues,
  live: boolean,
  waitMs: number,
): Promise<Checked> {
  using limit = deadline(systemClock, waitMs);
  const { signal } = limit;
  while (true) {
    let failure: unknown;
    let checked: Checked | undefined;
    try {
      const answer = await withNode(flags, (node) => node.health());
      checked = { answer, passed: live || answer.healthy };
    } catch (error) {
      if (!(error instanceof VerackError) || !mayStart(error)) throw error;
      failure = error;
    }
    if (checked?.passed) return checked;
    if (waitMs > 0) {
      await sleep(systemClock, HEALTH_POLL_MS, signal).catch(() => {});
    }
    if (waitMs > 0 && !signal.aborted) continue;
    if (checked === undefined) throw failure;
    return checked;
  }
}

/** Whether a node may answer there soon. */
function mayStart({ code }: VerackError): boolean {
  return code === "connection-refused" || code === "closed" ||
    code === "timeout" || code === "stopped";
}

function lines({ reasons }: HealthAnswer, colors: Palette): string[] {
  if (reasons.length === 0) return ["healthy"];
  return labelled(reasons.map(reasonRow), colors);
}

/** A reason as a row: its severity, and what it is. */
export function reasonRow(
  { code, severity, message, since }: Reason,
): [severity: string, text: string] {
  const text = escapeText(message, { max: 512 });
  return [
    severity,
    `${escapeText(code)} since ${utcMinute(since)}: ${text}${hintOf(code)}`,
  ];
}
