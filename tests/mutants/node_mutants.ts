/** Checks of messages, of the control API, of files, and of what is shown. */
import { type Mutant, NEVER } from "./mutant.ts";

const FLOW = ["tests/delivery/flow_test.ts", "tests/delivery/ack_test.ts"];
const REPLAY = ["tests/attacks/message_replay_test.ts"];
const CONTROL = [
  "tests/control/control_server_test.ts",
  "tests/attacks/control_test.ts",
];
const DATA = ["tests/store/data_directory_test.ts"];
const EXEC = ["tests/process/exec_test.ts"];
const EXEC_SENDERS = ["tests/cli/exec_senders_test.ts"];
const ESCAPE = ["tests/escape_test.ts"];

/** Checks of what a node takes, serves, keeps and prints. */
export const NODE_MUTANTS: readonly Mutant[] = [
  {
    name: "messages of peers with standing take turns with those of strangers",
    snippet: "return hasStanding ? this.#standing : this.#others;",
    mutated: "return this.#others;",
    tests: ["tests/delivery/fair_queue_test.ts"],
  },
  {
    name: "strangers may have all credit for large bodies",
    snippet:
      "Math.min( STRANGERS_CREDIT_BYTES, RECEIVE_BUDGET_BYTES - this.#standing.bytes, )",
    mutated: "RECEIVE_BUDGET_BYTES - this.#standing.bytes",
    tests: ["tests/delivery/receive_budget_test.ts"],
  },
  {
    name: "messages of strangers push dead letters of others out",
    snippet: "if (message.from === sender) return key;",
    mutated: "return key;",
    tests: ["tests/delivery/dead_letters_test.ts"],
  },
  {
    name: "a chunk of a body may be empty",
    snippet: "held < 1 || held > MAX_CHUNK_BYTES",
    mutated: "held < 0 || held > MAX_CHUNK_BYTES",
    tests: FLOW,
  },
  {
    name: "a peer may send more than it was granted",
    snippet: "if (this.#used <= this.#limit) return;",
    mutated: "return;",
    tests: [...FLOW, "tests/attacks/message_flood_test.ts"],
  },
  {
    name: "a grant may be taken back",
    snippet: "if (ack.limit < this.#limit) {",
    mutated: NEVER,
    tests: FLOW,
  },
  {
    name: "a message may be acknowledged that was never sent",
    snippet: "if (start + count > this.#sent.length) {",
    mutated: NEVER,
    tests: FLOW,
  },
  {
    name: "a message may be acknowledged twice",
    snippet:
      'if (outgoing === undefined) refuse("a message is settled twice");',
    mutated: "if (outgoing === undefined) continue;",
    tests: FLOW,
  },
  {
    name: "a message may be acknowledged before all of it was sent",
    snippet: "} else if (outgoing.sent < outgoing.content.bodyBytes) {",
    mutated: "} else if (false) {",
    tests: FLOW,
  },
  {
    name: "credit may be given that was not requested",
    snippet:
      'if (outgoing.offer !== "requested") refuse("credit was not requested");',
    mutated: "",
    tests: FLOW,
  },
  {
    name: "a body may be longer than announced",
    snippet:
      "if (it === undefined || it.isOffer || it.filled + size > it.total) {",
    mutated: "if (it === undefined || it.isOffer) {",
    tests: [...FLOW, "tests/attacks/message_flood_test.ts"],
  },
  {
    name: "a message may begin before the one before it is complete",
    snippet: "if (this.#partial.size > 0) this.#checkOrder(stream);",
    mutated: "",
    tests: [...FLOW, "tests/attacks/message_flood_test.ts"],
  },
  {
    name: "a message that comes again is handed out again",
    snippet:
      "if (this.#knows(stream, id)) return this.#again(stream, id, arrival);",
    mutated: "",
    tests: [...REPLAY, "tests/delivery/consumers_test.ts"],
  },
  {
    name: "settled messages may come again without end",
    snippet: "if (++this.#repeated <= MAX_REPEATED_FRAMES) return;",
    mutated: "return;",
    tests: [...REPLAY, ...FLOW, "tests/attacks/message_flood_test.ts"],
  },
  {
    name: "strangers, absent or connected, may have what friends need",
    snippet: "const shares = peer.hasStanding ? [] : [strangers];",
    mutated: "const shares: Share[] = [];",
    tests: ["tests/delivery/outbox_shares_test.ts"],
  },
  {
    name: "what waits for a friend makes room before what waits for a stranger",
    snippet: "(peer.hasStanding ? 0 : 8)",
    mutated: "0",
    tests: ["tests/delivery/outbox_shares_test.ts"],
  },
  {
    name: "each message that does not fit has all queues looked through",
    snippet:
      'if (!need.hasStanding || need.absent !== "all") this.#barren.add(key);',
    mutated: "",
    tests: ["tests/delivery/outbox_shares_test.ts"],
  },
  {
    name:
      "what waits for a connected stranger gives no way to a friend's message",
    snippet:
      "if (need.hasStanding && need.isTotal && !hasStanding) return true;",
    mutated: "",
    tests: ["tests/delivery/outbox_shares_test.ts"],
  },
  {
    name: "a stranger that acknowledges nothing makes broadcasts slow",
    snippet: "if (isEnough) this.#onEnough();",
    mutated: "",
    tests: ["tests/delivery/consumers_test.ts"],
  },
  {
    name: "a broadcast does not wait for peers with standing",
    snippet: "? this.#standing.size === 0 : isAcknowledged;",
    mutated: "? true : true;",
    tests: ["tests/delivery/consumers_test.ts"],
  },
  {
    name: "a stranger that does not get a broadcast makes it fail",
    snippet: "const isLost = failed.some(({ standing }) => standing) ||",
    mutated: "const isLost = failed.length > 0 ||",
    tests: ["tests/cli/broadcast_test.ts"],
  },
  {
    name: "a stranger that takes nothing makes a piped chat fail",
    snippet: "isLost ||= said.waiting.some(counts);",
    mutated: "isLost ||= said.waiting.length > 0;",
    tests: ["tests/cli/chat/piped_test.ts"],
  },
  {
    name: "what waits for a friend gives way to a stranger's message",
    snippet:
      "if (sender !== undefined || (hasStanding && !need.hasStanding)) return false;",
    mutated: "if (sender !== undefined) return false;",
    tests: ["tests/delivery/outbox_shares_test.ts"],
  },
  {
    name: "a page may use the API under a name of its own",
    snippet: "if (!named.every((it) => options.isOwnHost(it.toLowerCase()))) {",
    mutated: NEVER,
    tests: CONTROL,
  },
  {
    name: "a page of another site may use the API",
    snippet: "!OWN_SITES.has(site) ||",
    mutated: "",
    tests: CONTROL,
  },
  {
    name: "a page of another origin may use the API",
    snippet: "(origin !== null && origin !== `http://${host}` &&",
    mutated: "(false && origin !== `http://${host}` &&",
    tests: CONTROL,
  },
  {
    name: "any token opens the API",
    snippet: "if (isToken(authorization, token)) return;",
    mutated: "return;",
    tests: CONTROL,
  },
  {
    name: "the port of the API needs no token",
    snippet:
      "if (options.token !== undefined) requireToken(headers, options.token);",
    mutated: "",
    tests: CONTROL,
  },
  {
    name: "the first digits are enough to allow somebody",
    snippet: "const identity = parsePeerId(text); admission.allow(",
    mutated: "const identity = memberOf(node, text); admission.allow(",
    tests: CONTROL,
  },
  {
    name: "connections to the API are not bounded in number",
    snippet: "if (this.#clients.size < MAX_CONTROL_CONNECTIONS) return true;",
    mutated: "return true;",
    tests: CONTROL,
  },
  {
    name: "a connection that asks nothing of the API stays",
    snippet: "client.limit(CONTROL_STRANGER_MS);",
    mutated: "",
    tests: CONTROL,
  },
  {
    name: "a connection to the API that has asked stays for ever",
    snippet:
      "if (client.busy === 0 && client.isAllowed) client.limit(CONTROL_IDLE_MS);",
    mutated: "if (client.isAllowed) client.unlimited();",
    tests: CONTROL,
  },
  {
    name: "the API is served off loopback without TLS",
    snippet:
      "if (certificate === undefined && !isLoopbackHost(address.host)) {",
    mutated: NEVER,
    tests: [...CONTROL, "tests/process/control_test.ts"],
  },
  {
    name: "the socket of the API may be in a directory that others enter",
    snippet:
      'if (isOpenToOthers(info)) { throw new VerackError( "unsafe", `${action}: others may enter it',
    mutated:
      'if (false) { throw new VerackError( "unsafe", `${action}: others may enter it',
    tests: CONTROL,
  },
  {
    name: "the token may be in a file that others read",
    snippet:
      'if (isOpenToOthers(info)) { throw new VerackError( "unsafe", `${action}: others may read it',
    mutated:
      'if (false) { throw new VerackError( "unsafe", `${action}: others may read it',
    tests: CONTROL,
  },
  {
    name: "a body of the API may be of any length",
    snippet: "if (length > maxBytes) throw tooLarge(maxBytes);",
    mutated: "",
    tests: CONTROL,
  },
  {
    name: "a body of the API may announce any length",
    snippet: "if (!(announced <= maxBytes)) throw tooLarge(maxBytes);",
    mutated: "",
    tests: CONTROL,
  },
  {
    name: "what others may enter is taken for private",
    snippet: "return !ON_WINDOWS && mode !== null && (mode & OTHERS) !== 0;",
    mutated: "return false;",
    tests: DATA,
  },
  {
    name: "a private file follows what stands in its place",
    snippet:
      "removeIfThere(fresh); { using file = Deno.openSync(fresh, { write: true, createNew: true,",
    mutated:
      "{ using file = Deno.openSync(fresh, { write: true, create: true, truncate: true,",
    tests: DATA,
  },
  {
    name: "a key file is overwritten",
    snippet: "Deno.open(path, { write: true, createNew: true, mode });",
    mutated: "Deno.open(path, { write: true, create: true, mode });",
    tests: ["tests/identity/files_test.ts"],
  },
  {
    name: "strangers of an open mesh start programs",
    snippet: "if (isLoopbackHost(host)) return localSenders;",
    mutated: "return undefined;",
    tests: EXEC_SENDERS,
  },
  {
    name: "an invite is taken for a closed mesh",
    snippet:
      "if (identity === undefined || invite !== undefined) return false;",
    mutated: "if (identity === undefined || invite !== undefined) return true;",
    tests: EXEC_SENDERS,
  },
  {
    name: "peers of other machines start programs of a node on loopback",
    snippet:
      "identity === sender && isLoopbackHost(parseAddress(remoteAddress).host)",
    mutated: "identity === sender",
    tests: EXEC_SENDERS,
  },
  {
    name: "another peer that uses a name of --exec-from starts the program",
    snippet: 'if (holder === sender) return "run";',
    mutated: 'if (holder !== undefined) return "run";',
    tests: [...EXEC_SENDERS, ...EXEC],
  },
  {
    name: "messages of those that contest a name are lost to the program",
    snippet: 'fate = "wait";',
    mutated: "",
    tests: EXEC_SENDERS,
  },
  {
    name: "each message of a contested name is logged",
    snippet: "if (told.has(name)) continue;",
    mutated: "",
    tests: EXEC_SENDERS,
  },
  {
    name: "a name that was bound by itself is taken for a person's word",
    snippet: ".some((it) => it.confirmed && it.name === name)",
    mutated: ".some((it) => it.name === name)",
    tests: EXEC_SENDERS,
  },
  {
    name: "a chat shows a peer by a name of one that is away",
    snippet: "called === undefined || isHeld ||",
    mutated: "called === undefined ||",
    tests: ["tests/cli/chat/names_test.ts"],
  },
  {
    name: "what a program repeats stands where lines of the node do",
    snippet: "stderr.line(`  | ${line}`);",
    mutated: "stderr.line(line);",
    tests: EXEC,
  },
  {
    name: "peers that --exec-from does not name start programs",
    snippet: "...(accepts !== undefined && { from: accepts }),",
    mutated: "",
    tests: EXEC,
  },
  {
    name: "a program has the node's environment",
    snippet: "clearEnv: true,",
    mutated: "",
    tests: EXEC,
  },
  {
    name: "a secret stays in the environment",
    snippet: "Deno.env.delete(name); taken.set(name, value);",
    mutated: "taken.set(name, value);",
    tests: ["tests/cli/secret_variable_test.ts"],
  },
  {
    name: "nothing is said of a secret that everybody may read",
    snippet: "(mode & WORLD) !== 0;",
    mutated: "false;",
    tests: ["tests/process/secret_files_test.ts"],
  },
  {
    name: "terminal control passes into what is shown",
    snippet: "const UNSAFE = /(?! )[\\p{Cc}\\p{Cf}",
    mutated: "const UNSAFE = /(?! )[\\p{Cf}",
    tests: ESCAPE,
  },
  {
    name: "text that turns its direction passes into what is shown",
    snippet: "const UNSAFE = /(?! )[\\p{Cc}\\p{Cf}",
    mutated: "const UNSAFE = /(?! )[\\p{Cc}",
    tests: ESCAPE,
  },
  {
    name: "what is shown may be of any length",
    snippet: "if (out.length > max) {",
    mutated: NEVER,
    tests: ESCAPE,
  },
  {
    name: "what a stranger does is always printed",
    snippet: "if (this.#budget.admits(event)) this.#write(event, options);",
    mutated: "this.#write(event, options);",
    tests: [
      "tests/cli/event_printer_test.ts",
      "tests/process/flooded_output_test.ts",
    ],
  },
  {
    name: "strangers together may have any number of lines printed",
    snippet:
      "this.#strangers.of(cause, now).has(now) && this.#all.take(now) &&",
    mutated: "this.#strangers.of(cause, now).has(now) &&",
    tests: ["tests/cli/output_budget_test.ts"],
  },
  {
    name: "a stranger alone may use up the lines of all",
    snippet:
      "this.#strangers.of(cause, now).has(now) && this.#all.take(now) &&",
    mutated: "this.#all.take(now) &&",
    tests: ["tests/cli/output_budget_test.ts"],
  },
  {
    name: "what strangers cause is always logged",
    snippet: "return cause === undefined || budget.admits(cause);",
    mutated: "return true;",
    tests: ["tests/cli/log_flags_test.ts"],
  },
  {
    name: "a long text goes on in column 0",
    snippet: "return rows.join(`\\n${pad}`);",
    mutated: 'return rows.join("\\n");',
    tests: ["tests/cli/wrap_test.ts"],
  },
  {
    name: "the terminal breaks long texts itself",
    snippet: "return this.columns === undefined || indent === false",
    mutated: "return true",
    tests: ["tests/process/flooded_output_test.ts"],
  },
];
