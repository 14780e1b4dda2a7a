/** What a node's command says first: who the node is, and how others join it. */
import { shownName } from "../identity/peer_name.ts";
import type { Node } from "../mesh/node.ts";
import { parseAddress } from "../transport/address.ts";
import type { NodeFlagValues } from "./node_flags.ts";
import type { Terminal } from "./terminal.ts";

/** Who this is and how others join, for a person; programs have `listening`. */
export function greet(
  { flags, terminal, command }: {
    readonly flags: NodeFlagValues;
    readonly terminal: Terminal;
    /** What others are to type before the flag. */
    readonly command: string;
  },
  node: Node,
): void {
  const { out, stdout } = terminal;
  const { id, ephemeral } = node.identity;
  const name = node.name === "" ? "" : ` ${out.bold(shownName(node.name))}`;
  const lines = [`${out.bold("verack")} ${id}${name}`];
  if (ephemeral) {
    lines.push(out.dim("a new key, in memory only; --data DIR keeps one"));
  }
  if (flags.connect.length === 0 && node.status().trust !== "known") {
    lines.push(
      out.dim(`others join with ${command}--connect ${joinAddress(node)}`),
    );
  }
  for (const line of lines) stdout.line(line);
}

/** What others type to join here, as far as this node can know. */
function joinAddress(node: Node): string {
  const { host, port } = parseAddress(node.address);
  const everywhere = host === "0.0.0.0" || host === "::";
  return everywhere
    ? `HOST:${port} (127.0.0.1:${port} on this machine)`
    : node.address;
}
