/** What `run` and `chat` say first: what the node is, how another joins it, and how open it is. */
import { grantedEnv } from "./command.ts";
import { shownName } from "../identity/peer_name.ts";
import type { Node } from "../mesh/node.ts";
import { formatAddress, parseAddress } from "../transport/address.ts";
import { isIpv6 } from "../transport/ip.ts";
import { EVERY_IPV4, isEveryHost } from "../transport/listen_all.ts";
import { classifyIp, isLoopbackHost } from "../transport/scope.ts";
import { dataPlace } from "./data_place.ts";
import type { NodeFlagValues } from "./node_command.ts";
import type { Terminal } from "./terminal.ts";

/** Network interfaces that other machines do not reach: of containers and virtual machines. */
const INNER_INTERFACES =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|lo)/;

/** Commands of one greeting by which nodes elsewhere join. */
const MAX_JOIN_ROWS = 4;

/** Prints the greeting; programs have the event `listening`. */
export function greet(
  { flags, terminal, command }: {
    readonly flags: NodeFlagValues;
    readonly terminal: Terminal;
    readonly command: "run" | "chat";
  },
  node: Node,
): void {
  const { out, stdout } = terminal;
  const name = node.name === "" ? "" : ` ${out.bold(shownName(node.name))}`;
  stdout.line(`${out.bold("verack")} ${node.identity.id}${name}`);
  const joins = flags.connect.length > 0 || flags.listen === false ||
      node.status().admission === "closed"
    ? []
    : joinRows(node, joinCommand(flags, command));
  const rows = [...joins, opennessRow(flags, node), ...announcedRows(node)];
  if (isAlone(flags, node)) {
    rows.push([
      "alone",
      "it neither listens nor has a member to dial: give it --connect or --discover",
    ]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, text] of rows) {
    // A command is not broken into rows, which would be copied with their indentation.
    const indent = label.startsWith("join") ? false : width + "  ".length;
    const shown = out.dim(label.padEnd(width));
    stdout.line(`${shown}  ${text}`, false, indent);
  }
}

type Row = readonly [label: string, text: string];

/** Commands that join, from this machine and from others; `at` makes one of an address. */
function joinRows(
  node: Node,
  at: (address: string, isHere: boolean) => string,
): Row[] {
  const { advertise } = node.status();
  const listens = node.addresses.map((text) => parseAddress(text));
  const here = listens.find(({ host }) => isLoopbackHost(host)) ??
    listens.filter(({ host }) => isEveryHost(host))
      .map(({ port }) => ({ host: "127.0.0.1", port }))[0];
  const reached = listens.flatMap(({ host, port }) =>
    isLoopbackHost(host)
      ? []
      : !isEveryHost(host)
      ? formatAddress({ host, port })
      : ownHosts().map((own) =>
        own === "HOST" ? `HOST:${port}` : formatAddress({ host: own, port })
      )
  );
  const elsewhere = new Set(advertise ?? reached);
  return [
    ...(here === undefined
      ? []
      : [["join from here", at(formatAddress(here), true)] as const]),
    ...[...elsewhere].slice(0, MAX_JOIN_ROWS).map((address) =>
      ["join from elsewhere", at(address, false)] as const
    ),
  ];
}

/** The command by which another node joins; what both must have is in it. */
function joinCommand(
  { network, secretFile }: NodeFlagValues,
  command: "run" | "chat",
): (address: string, isHere: boolean) => string {
  const both = [
    ...(network === "main" ? [] : [`--network ${network}`]),
    ...(secretFile === undefined || secretFile === "none"
      ? []
      : [`--secret-file ${shellWord(secretFile)}`]),
  ];
  return (address, isHere) =>
    [
      `${programName()} ${command}`,
      // The default port is probably that of this node; chat takes a free one by itself.
      ...(isHere && command === "run" ? ["--port 0"] : []),
      `--connect ${address}`,
      ...both,
    ].join(" ");
}

/** Which nodes may come in, and whether the node keeps its key. */
function opennessRow(flags: NodeFlagValues, node: Node): Row {
  const { admission, secret } = node.status();
  // A node that does not listen meets what it and its members dial.
  const listens = node.addresses.length > 0;
  const isLocal = listens &&
    node.addresses.every((address) =>
      isLoopbackHost(parseAddress(address).host)
    );
  if (admission === "closed") {
    const { data } = flags;
    return [
      "closed",
      data === undefined
        ? "to all but those that it knows; invites need --data or --keep"
        : `to strangers: ${programName()} invite${
          placeFlag(data)
        } lets one in, and requests lists those that asked`,
    ];
  }
  const which = secret
    ? "every node that has the secret"
    : isLocal
    ? "every node on this machine"
    : !listens
    ? "every member of the mesh that it joins; it does not listen"
    : "every node that reaches it";
  const choice = secret || isLocal
    ? ""
    : " (--admission closed lets you choose)";
  const kept = node.identity.ephemeral
    ? ", with a key in memory only (--keep keeps it)"
    : "";
  return ["open", `to ${which}${choice}${kept}`];
}

/** Whether the node can meet no other: it does not listen, and is told of none. */
function isAlone(
  { connect, discover, join, joinFile, joinEnv }: NodeFlagValues,
  node: Node,
): boolean {
  const isTold = connect.length > 0 || discover === true ||
    [join, joinFile, joinEnv].some((it) => it !== undefined);
  return node.addresses.length === 0 && !isTold && node.peers().length === 0;
}

/** What is announced on the local network, if anything is. */
function announcedRows(node: Node): Row[] {
  const { discovery, network, secret } = node.status();
  if (discovery === undefined) return [];
  const text = !discovery.announced
    ? `not on the local network, as ${
      whyNotAnnounced(node.addresses)
    }; only looks for others there`
    : discovery.open
    ? `on the local network, with its id and the network's name, ${network}`
    : `on the local network by its port alone; members${
      secret ? " prove the secret" : " are recognised by their keys"
    }`;
  return [["announced", text]];
}

/** Why a node with these addresses is not announced, to follow "as". */
export function whyNotAnnounced(addresses: readonly string[]): string {
  const hosts = addresses.map((text) => parseAddress(text).host);
  if (hosts.length === 0) return "it does not listen";
  if (hosts.every(isLoopbackHost)) return "it listens on loopback alone";
  const more = hosts.includes(EVERY_IPV4) && !hosts.some(isIpv6)
    ? " (with --host :: it listens on IPv6, too)"
    : "";
  return `no network has an address on which it listens${more}`;
}

/** `--data DIR`, unless commands find the directory without it. */
export function placeFlag(data: string): string {
  return dataPlace(data).source === "flag" ? ` --data ${shellWord(data)}` : "";
}

/** The words that start this program, as it was started: by a task, from a binary, or by name. */
export function programName(
  env: (name: string) => string | undefined = grantedEnv,
): string {
  if (Deno.build.standalone) return "verack";
  // Set by `deno task`, and by `npx` around it.
  if (env("INIT_CWD") === undefined) return "verack";
  const agent = env("npm_config_user_agent") ?? "";
  if (agent.startsWith("deno/")) return "deno task verack";
  return env("npm_command") === "exec"
    ? `npx -y deno@${Deno.version.deno} task verack`
    : "verack";
}

/** The address by which machines near this one reach it; `HOST` where Deno does not permit to look. */
function ownHosts(): string[] {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  const { state } = Deno.permissions.querySync(permission);
  if (state !== "granted") return ["HOST"];
  const found = Deno.networkInterfaces().filter(({ name, family }) =>
    family === "IPv4" && !INNER_INTERFACES.test(name)
  ).map(({ address }) => address);
  const ofScope = (scope: string) =>
    found.find((address) => classifyIp(address) === scope);
  const host = ofScope("private") ?? ofScope("public");
  return host === undefined ? [] : [host];
}

/** A word for a shell, quoted if it must be. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text)
    ? text
    : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
