/** `verack peers`: whom a node remembers. What is done about them is `verdicts.ts`. */
import { escapeText, jsonLine } from "../escape.ts";
import type { IdentityId } from "../identity/identity.ts";
import { shownName } from "../identity/peer_name.ts";
import { MIN_IDENTITY_DIGITS } from "../limits.ts";
import type { RecordedPeer } from "../store/records.ts";
import { formatAddress } from "../transport/address.ts";
import { defineCommand } from "./args.ts";
import { withRecords } from "./data_commands.ts";
import { DATA_FLAG } from "./data_flag.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type Invocation, type Program, program } from "./program.ts";
import { COLOR_FLAG, type Palette } from "./terminal.ts";

const FLAGS = {
  data: DATA_FLAG,
  json: { type: "boolean", help: "Print one JSON object a line" },
  color: COLOR_FLAG,
} as const;

/** Lists peers. */
export const peersProgram: Program = program(
  defineCommand({
    name: "peers",
    summary: "List the peers that a node remembers",
    description: [
      "Each line has the first digits of an identity, enough to tell the peers " +
      "apart, the name the peer gives itself, where it was reached last, when it " +
      "was first and last seen, and how it came to be trusted.",
    ],
    flags: FLAGS,
    examples: [
      ["verack peers --data data/alice", "Whom alice knows, seen last first"],
    ],
  }),
  list,
);

function list(
  { flags, terminal }: Invocation<typeof FLAGS>,
): Promise<ExitCode> {
  const [peers, strangers] = withRecords(
    flags.data,
    (records) => [records.peers(), records.strangers()],
  );
  const { stdout, out } = terminal;
  const ids = [...peers, ...strangers].map(({ identity }) => identity);
  const digits = distinctDigits(ids);
  if (!flags.json && ids.length === 0) {
    terminal.stderr.line("No peers are on record.");
  }
  for (const peer of peers) {
    stdout.line(flags.json ? peerJson(peer) : peerLine(peer, digits, out));
  }
  for (const { identity, verdict } of strangers) {
    stdout.line(
      flags.json
        ? jsonLine({ identity, verdict })
        : `${out.bold(identity.slice(0, digits))}  ${verdict}`,
    );
  }
  return Promise.resolve(EXIT.success);
}

/** A peer for programs; as `PeerInfo`, and what is known of it besides. */
function peerJson(peer: RecordedPeer): string {
  const { identity, name, addresses, trust, ephemeral } = peer;
  return jsonLine({
    identity,
    ...(name !== "" && { name }),
    connected: false,
    addresses: addresses.map(({ address }) => formatAddress(address)),
    trust,
    ephemeral,
    firstSeen: new Date(peer.firstSeen).toISOString(),
    lastSeen: new Date(peer.lastSeen).toISOString(),
    ...(peer.admittedBy !== undefined && { admittedBy: peer.admittedBy }),
    ...(peer.verdict !== undefined && { verdict: peer.verdict }),
  });
}

function peerLine(peer: RecordedPeer, digits: number, out: Palette): string {
  const { identity, name, addresses, admittedBy, verdict } = peer;
  const [best] = addresses;
  const words = [
    out.bold(identity.slice(0, digits)),
    ...(name === "" ? [] : [shownName(name)]),
    best === undefined ? "nowhere" : escapeText(formatAddress(best.address)),
    `first ${time(peer.firstSeen)}`,
    `last ${time(peer.lastSeen)}`,
    peer.trust === "first-use" ? "unverified, first use" : peer.trust,
    ...(peer.ephemeral ? ["key in memory"] : []),
    ...(admittedBy === undefined
      ? []
      : [`admitted by ${admittedBy.slice(0, digits)}`]),
    ...(verdict === undefined ? [] : [out.yellow(verdict)]),
  ];
  return words.join("  ");
}

/** To the minute, in UTC, as it sorts. */
function time(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

/** As many digits as tell all of these apart, and no fewer than people are used to. */
function distinctDigits(identities: readonly IdentityId[]): number {
  let digits: number = MIN_IDENTITY_DIGITS;
  const distinct = () =>
    new Set(identities.map((id) => id.slice(0, digits))).size;
  while (distinct() < new Set(identities).size) digits++;
  return digits;
}
