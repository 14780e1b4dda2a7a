/** Checks of a mesh: who comes in, what others say, whom to dial, and how often. */
import { type Mutant, NEVER } from "./mutant.ts";

const ADMISSION = ["tests/mesh/admission_rule_test.ts"];
const INVITES = ["tests/attacks/invite_test.ts"];
const OPENING = ["tests/attacks/opening_test.ts"];
const RESERVED = [
  "tests/attacks/introduction_test.ts",
  "tests/attacks/eclipse_test.ts",
  "tests/mesh/peer_memory_test.ts",
];
const SESSIONS = ["tests/attacks/session_room_test.ts"];
const STORM = ["tests/attacks/handshake_storm_test.ts"];
const TURNS = ["tests/mesh/handshake_turns_test.ts"];
const GOSSIP = [
  "tests/attacks/gossip_test.ts",
  "tests/attacks/gossip_limits_test.ts",
];
const FLOOD = ["tests/attacks/gossip_flood_test.ts"];
const WORK = ["tests/mesh/work_queue_test.ts"];
const SCOPE = ["tests/transport/scope_test.ts"];
const CLAIMS = ["tests/attacks/claimed_addresses_test.ts"];
const PENDING = ["tests/mesh/pending_test.ts"];
const WAITING = ["tests/attacks/waiting_test.ts"];
const NAMES = ["tests/attacks/names_test.ts"];
const BINDINGS = ["tests/mesh/name_bindings_test.ts"];
const TABLE = ["tests/mesh/peer_table_test.ts"];
const SYBILS = ["tests/attacks/sybil_test.ts"];
const FORMER = ["tests/mesh/former_members_test.ts"];
const MANY_PEERS = ["tests/store/many_peers_test.ts"];
const DESCRIPTORS = ["tests/mesh/connection_room_test.ts"];

/** Checks of what strangers and members may do to a mesh. */
export const MESH_MUTANTS: readonly Mutant[] = [
  {
    name: "a denied peer may come in",
    snippet: 'if (verdict === "denied") return "denied";',
    mutated: "",
    tests: ADMISSION,
  },
  {
    name: "an invite of somebody else may be shown",
    snippet: 'if (invite === "invalid") return "bad-invite";',
    mutated: "",
    tests: ADMISSION,
  },
  {
    name: "others' word lifts a tombstone",
    snippet: 'if (verdict === "forgotten") return "pending";',
    mutated: "",
    tests: ADMISSION,
  },
  {
    name: "a closed mesh lets everybody in",
    snippet: 'return facts.onRecord || facts.attested ? "admit" : "pending";',
    mutated: 'return "admit";',
    tests: ADMISSION,
  },
  {
    name: "closing a mesh keeps every stranger that ever came",
    snippet: 'if (trust === "known" && !closedBefore) closeRecord(store);',
    mutated: "",
    tests: ["tests/attacks/closing_test.ts"],
  },
  {
    name: "an invite is good for many guests",
    snippet:
      "return invite !== undefined && (invite.usedBy ?? guest) === guest;",
    mutated: "return invite !== undefined;",
    tests: INVITES,
  },
  {
    name: "an invite does not expire",
    snippet:
      "if (this.#options.keptTime.latest() < invite.expiresAt) return invite;",
    mutated: "return invite;",
    tests: INVITES,
  },
  {
    name: "an invite that has expired is only known to memory",
    snippet: "for (const id of ids) store.deleteInvite(id); store.commit();",
    mutated: "for (const id of ids) store.deleteInvite(id);",
    tests: INVITES,
  },
  {
    name: "the end of an invite is seen only when it is shown",
    snippet: "tick(): void { this.invites.tick(); }",
    mutated: "tick(): void {}",
    tests: INVITES,
  },
  {
    name: "a guest that is denied or forgotten comes back by its invite",
    snippet: "this.#former.take(identity); this.invites.endOf(identity);",
    mutated: "this.#former.take(identity);",
    tests: INVITES,
  },
  {
    name: "a command that forgets a guest leaves its invite",
    snippet: 'if (verdict !== "allowed") this.#invites.endOf(identity);',
    mutated: "",
    tests: ["tests/store/records_test.ts"],
  },
  {
    name: "a demo key is accepted from everywhere",
    snippet:
      'isDemoIdentity(peer.identity) && classifyIp(remote.host) !== "loopback"',
    mutated: "false",
    tests: ["tests/attacks/demo_keys_test.ts"],
  },
  {
    name: "one peer may open any number of sessions",
    snippet: "sessions >= MAX_SESSIONS_PER_PEER ||",
    mutated: "",
    tests: OPENING,
  },
  {
    name: "strangers may take the room of peers with standing",
    snippet: "if (connected.length + kept < maxPeers) return {};",
    mutated: "if (connected.length < maxPeers) return {};",
    tests: RESERVED,
  },
  {
    name: "room is kept for every peer that was in once",
    snippet: "if (isAway && standing.has(record)) count++;",
    mutated: "if (isAway && record.isProven) count++;",
    tests: SESSIONS,
  },
  {
    name: "any number of peers may be connected",
    snippet: "if (connected.length < maxPeers - most) return {};",
    mutated: "return {};",
    tests: RESERVED,
  },
  {
    name: "handshakes that end at the same time are all let in",
    snippet:
      "if (refusal !== undefined) { return this.#run(link.session.leave(refusal)); }",
    mutated: "",
    tests: SESSIONS,
  },
  {
    name: "strangers keep their sessions when a peer with standing comes",
    snippet: "const evicts = newest(strangers.busiest());",
    mutated: "const evicts = undefined;",
    tests: SESSIONS,
  },
  {
    name: "the strangers of one source keep all sessions",
    snippet: "if (busiest.length > strangers.from(source) + 1) {",
    mutated: NEVER,
    tests: SESSIONS,
  },
  {
    name: "strangers of two sources evict each other for ever",
    snippet: "if (busiest.length > strangers.from(source) + 1) {",
    mutated: "if (busiest.length > strangers.from(source)) {",
    tests: SESSIONS,
  },
  {
    name: "strangers may have all second sessions",
    snippet: "(hasStanding || strangers <= MAX_STRANGER_EXTRA_SESSIONS)",
    mutated: "true",
    tests: SESSIONS,
  },
  {
    name: "a stranger's proof counts like that of a peer with standing",
    snippet: "if (it.hasStanding) this.#remember(source);",
    mutated: "this.#remember(source);",
    tests: STORM,
  },
  {
    name: "handshakes of peers with standing wait for those of strangers",
    snippet: "this.#proven.has(source) ? this.#friends : this.#strangers",
    mutated: "this.#strangers",
    tests: STORM,
  },
  {
    name: "any number of handshakes go on at once",
    snippet: "while (this.#count < MAX_HANDSHAKES_AT_ONCE) {",
    mutated: "while (true) {",
    tests: TURNS,
  },
  {
    name: "silent handshakes hold up all others",
    snippet: "const cancel = this.#clock.after(HANDSHAKE_TURN_MS, end);",
    mutated: "const cancel = () => {};",
    tests: TURNS,
  },
  {
    name: "a source with many handshakes is served like one with few",
    snippet: "if (taken >= fewest) continue;",
    mutated: "if (found !== undefined) continue;",
    tests: TURNS,
  },
  {
    name: "a handshake that has just begun is evicted first",
    snippet: "all.find((entry) => !entry.isInTurn()) ?? all[0]",
    mutated: "all[0]",
    tests: PENDING,
  },
  {
    name:
      "connections from where a peer with standing was are evicted like others",
    snippet: "const reserved = isKnown(source) ? MAX_PENDING_PER_ADDRESS : 0;",
    mutated: "const reserved = 0;",
    tests: STORM,
  },
  {
    name: "a restart forgets where peers with standing came from",
    snippet: 'if (record.source !== "") this.#remember(record.source);',
    mutated: "",
    tests: STORM,
  },
  {
    name: "a restart forgets where peers with standing answered",
    snippet: "this.#recall(); this.#unwatch",
    mutated: "this.#unwatch",
    tests: STORM,
  },
  {
    name: "each connection that finds no room is told",
    snippet: 'if (code === "full") return this.#full.add({ address, reason });',
    mutated: "",
    tests: SESSIONS,
  },
  {
    name: "an address given by a person waits like a stranger's",
    snippet: "hasStanding: invite !== undefined || isConfigured ||",
    mutated: "hasStanding: invite !== undefined ||",
    tests: SESSIONS,
  },
  {
    name: "a guest by invite waits like a stranger",
    snippet: "hasStanding: invite !== undefined || isConfigured ||",
    mutated: "hasStanding: isConfigured ||",
    tests: SESSIONS,
  },
  {
    name: "each address of an IPv6 network is a source of its own",
    snippet: "return `${(bits >> 64n).toString(16)}::/64`;",
    mutated: "return canonical;",
    tests: ["tests/transport/source_test.ts"],
  },
  {
    name: "a peer may be denied too late, while its session opens",
    snippet: "if (this.#context.membership.isDenied(peer.identity)) {",
    mutated: NEVER,
    tests: ["tests/attacks/revocation_test.ts"],
  },
  {
    name: "a peer may introduce itself as another",
    snippet: "own === undefined || own.identity !== link.peer.identity ||",
    mutated: "own === undefined ||",
    tests: ["tests/attacks/introduction_test.ts"],
  },
  {
    name: "a session may begin with any message",
    snippet: "for (const command of PEER_COMMANDS) {",
    mutated: "for (const command of [] as string[]) {",
    tests: [
      "tests/attacks/introduction_test.ts",
      "tests/attacks/frames_test.ts",
    ],
  },
  {
    name: "a member may tell about itself and about us",
    snippet:
      "if (identity === own.id || identity === link.peer.identity) return false;",
    mutated: "",
    tests: GOSSIP,
  },
  {
    name: "a member may tell of those who are denied or forgotten",
    snippet:
      "if (known?.up || membership.ignoresGossipAbout(identity)) return false;",
    mutated: "if (known?.up) return false;",
    tests: ["tests/attacks/revocation_test.ts"],
  },
  {
    name: "a member may tell of those who are connected",
    snippet:
      "if (known?.up || membership.ignoresGossipAbout(identity)) return false;",
    mutated: "if (membership.ignoresGossipAbout(identity)) return false;",
    tests: GOSSIP,
  },
  {
    name: "a member may introduce any number of peers",
    snippet: "(this.#rumours.get(source) ?? 0) < MAX_RUMOURS_PER_SOURCE",
    mutated: "true",
    tests: GOSSIP,
  },
  {
    name: "a member may have any number of certificates verified",
    snippet: "if (!link.judgements.take(clock.monotonic())) return false;",
    mutated: "",
    tests: GOSSIP,
  },
  {
    name: "a closed mesh hears of those that no member admits",
    snippet:
      "if (!membership.acceptsGossipAbout(identity, entry.statement)) return false;",
    mutated: "",
    tests: ["tests/attacks/statement_test.ts"],
  },
  {
    name: "a certificate in gossip may be another peer's",
    snippet: "return verifyCertificate(certificate, identity);",
    mutated: "return verifyCertificate(certificate);",
    tests: GOSSIP,
  },
  {
    name: "a member may make up any number of certificates",
    snippet: "link.session.closeWith(fault);",
    mutated: "",
    tests: FLOOD,
  },
  {
    name: "strangers may take all time there is",
    snippet: "return this.#total.has(now) && hasSlice;",
    mutated: "return hasSlice;",
    tests: WORK,
  },
  {
    name: "what peers cause may hold up the event loop",
    snippet: "return this.#total.has(now) && hasSlice;",
    mutated: "return this.#total.has(now);",
    tests: WORK,
  },
  {
    name: "peers with standing share their time with strangers",
    snippet: "(hasStanding(link) ? this.#standing : this.#others);",
    mutated: "this.#others;",
    tests: [...WORK, ...FLOOD],
  },
  {
    name: "an address with many sessions has more turns",
    snippet: "moveToEnd(this.#sources, source, queue);",
    mutated: "",
    tests: WORK,
  },
  {
    name: "any amount of work may wait",
    snippet:
      "if (held + job.bytes > MAX_WORK_BYTES - this.#bytes) return false;",
    mutated: "",
    tests: WORK,
  },
  {
    name: "what a session has told is worked off after its end",
    snippet: "this.#work.drop(link);",
    mutated: "",
    tests: FLOOD,
  },
  {
    name: "each list of peers walks the table",
    snippet: "if (!changed && this.#isAnswered) return;",
    mutated: "",
    tests: FLOOD,
  },
  {
    name: "news are acted on as often as they come",
    snippet: "if (waitMs <= 0) return this.#fire();",
    mutated: "return this.#fire();",
    tests: FLOOD,
  },
  {
    name: "each request for a list walks the table",
    snippet: "at - this.#list.at < GOSSIP_LIST_MS",
    mutated: "false",
    tests: FLOOD,
  },
  {
    name: "each request for a list makes each entry anew",
    snippet:
      "return this.#encoded.getOrInsertComputed( record, () => encodePeerEntry(this.entryOf(record)), );",
    mutated: "return encodePeerEntry(this.entryOf(record));",
    tests: FLOOD,
  },
  {
    name: "what peers say they miss is looked up without end",
    snippet: "record.primary?.missing.slice(0, share) ?? [];",
    mutated: "record.primary?.missing ?? [];",
    tests: FLOOD,
  },
  {
    name: "made-up pairs crowd out those of peers with standing",
    snippet: "[true, false].flatMap((it) => kinds.get(it) ?? [])",
    mutated: "[false, true].flatMap((it) => kinds.get(it) ?? [])",
    tests: FLOOD,
  },
  {
    name: "gossip replaces a certificate on record",
    snippet: "record.certificate ??= certificate;",
    mutated: "record.certificate = certificate;",
    tests: GOSSIP,
  },
  {
    name: "a peer may ask for lists without end",
    snippet: "if (link.requests.take(this.#context.clock.monotonic())) return;",
    mutated: "return;",
    tests: GOSSIP,
  },
  {
    name: "others' word outranks what a peer said itself",
    snippet: "ADDRESS_RANK[old.rank] < ADDRESS_RANK[rank]",
    mutated: "false",
    tests: ["tests/mesh/peer_addresses_test.ts", ...GOSSIP],
  },
  {
    name: "what was only heard is passed on",
    snippet: '.filter(({ rank }) => rank !== "rumoured");',
    mutated: ";",
    tests: ["tests/mesh/peer_addresses_test.ts", ...GOSSIP],
  },
  {
    name: "the internet may name private addresses",
    snippet: 'case "public": return target === "public";',
    mutated: 'case "public": return target !== "never";',
    tests: SCOPE,
  },
  {
    name: "a private network may name loopback",
    snippet:
      'case "private": return target === "private" || target === "public";',
    mutated: 'case "private": return target !== "never";',
    tests: SCOPE,
  },
  {
    name: "the metadata service of a cloud may be dialed",
    snippet: '["169.254.0.0", 16, "never"],',
    mutated: '["169.254.0.0", 16, "public"],',
    tests: SCOPE,
  },
  {
    name: "an IPv6 address may wrap a private one",
    snippet: 'return mapped || inner === "public" ? inner : "never";',
    mutated: "return inner;",
    tests: SCOPE,
  },
  {
    name: "the name is dialed and not the address that was judged",
    snippet:
      "if (allowed.length > 0) return allowed.slice(0, MAX_NAMED_ENDPOINTS);",
    mutated: "if (allowed.length > 0) return [address];",
    tests: GOSSIP,
  },
  {
    name: "a name may lead anywhere",
    snippet:
      "const allowed = found.filter(({ host }) => mayDial(namedFrom, classifyIp(host)) );",
    mutated: "const allowed = found;",
    tests: GOSSIP,
  },
  {
    name: "one name may have us dial any number of addresses",
    snippet:
      "if (allowed.length > 0) return allowed.slice(0, MAX_NAMED_ENDPOINTS);",
    mutated: "if (allowed.length > 0) return allowed;",
    tests: GOSSIP,
  },
  {
    name: "another identity may be at an address than the expected one",
    snippet:
      "if (target.expected !== undefined && target.expected !== judged.identity) {",
    mutated: NEVER,
    tests: [
      "tests/attacks/first_contact_test.ts",
      "tests/attacks/address_takeover_test.ts",
    ],
  },
  {
    name: "one source may have us dial in vain without end",
    snippet: "if (!state.credit.take(now)) return false;",
    mutated: "",
    tests: ["tests/mesh/dial_budget_test.ts"],
  },
  {
    name: "one source may take all dials at once",
    snippet: "if (state.active >= MAX_RUMOUR_DIALS_PER_SOURCE) return false;",
    mutated: "",
    tests: ["tests/mesh/dial_budget_test.ts"],
  },
  {
    name: "rumours may take any number of dials at once",
    snippet: "return this.#rumours >= MAX_RUMOUR_DIALS;",
    mutated: "return false;",
    tests: ["tests/mesh/dial_budget_test.ts"],
  },
  {
    name: "dials to peers we know are not bounded",
    snippet: "if (this.#known[share] >= MAX_CONCURRENT_DIALS) return false;",
    mutated: "",
    tests: ["tests/mesh/dial_budget_test.ts"],
  },
  {
    name: "one source has standing for any number of peers that wait",
    snippet: "ofSource >= MAX_UP_STANDING_PER_SOURCE",
    mutated: "ofSource < 0",
    tests: WAITING,
  },
  {
    name: "any number of peers has standing for having waited",
    snippet: "this.#count >= this.#most ||",
    mutated: "",
    tests: WAITING,
  },
  {
    name: "peers with standing wait for a dial behind others",
    snippet: 'if (this.#context.standing.isTrusted(record)) return "standing";',
    mutated: "",
    tests: CLAIMS,
  },
  {
    name: "a peer that only said where it is is dialed like one that answered",
    snippet:
      "return record.introducedBy === undefined && record.addresses.hasVerified",
    mutated: "return record.introducedBy === undefined",
    tests: CLAIMS,
  },
  {
    name: "peers are dialed by their place in the table",
    snippet: "due.sort((a, b) => a.since - b.since);",
    mutated: "",
    tests: CLAIMS,
  },
  {
    name: "claimed addresses that do not answer are kept",
    snippet: "if (!addresses.dropUnverified()) return;",
    mutated: "return;",
    tests: CLAIMS,
  },
  {
    name: "a peer that is lost is dialed at once where it says that it listens",
    snippet: "const isClaim = record.introducedBy === undefined &&",
    mutated: "const isClaim = false &&",
    tests: CLAIMS,
  },
  {
    name: "one address is dialed in vain without end",
    snippet: "if (!this.#targets.begin(dial, now)) {",
    mutated: NEVER,
    tests: CLAIMS,
  },
  {
    name:
      "a peer that answered somewhere may claim other addresses for nothing",
    snippet: "if (isExtra && !this.#budget.begin(OWN_CLAIMS, now)) {",
    mutated: NEVER,
    tests: CLAIMS,
  },
  {
    name: "the node's word for where a peer is is the peer's own",
    snippet:
      "const address = formatAddress(link.dialed ?? link.remoteAddress); const { direction } = link;",
    mutated:
      "const address = formatAddress(record.addresses.list()[0]?.address ?? link.remoteAddress); const { direction } = link;",
    tests: CLAIMS,
  },
  {
    name: "another key takes the place of a configured address unnoticed",
    snippet: 'emit({ type: "replaced", address, former, identity });',
    mutated: "",
    tests: ["tests/mesh/join_test.ts"],
  },
  {
    name: "any number of targets are remembered",
    snippet: "if (this.#targets.size > MAX_DIAL_TARGETS) {",
    mutated: NEVER,
    tests: ["tests/mesh/dial_targets_test.ts"],
  },
  {
    name: "what others claim takes dials from the peer that has answered there",
    snippet: "return verified ? `verified ${target}` : target;",
    mutated: "return target;",
    tests: ["tests/mesh/dial_targets_test.ts"],
  },
  {
    name: "an IPv4 address wrapped in IPv6 is another target",
    snippet: "const target = formatAddress({ host: innermostIp(host), port });",
    mutated: "const target = formatAddress({ host, port });",
    tests: ["tests/mesh/dial_targets_test.ts"],
  },
  {
    name: "one address may hold all unproven connections",
    snippet: "siblings.size >= MAX_PENDING_PER_ADDRESS &&",
    mutated: "false &&",
    tests: PENDING,
  },
  {
    name: "any number of unproven connections may wait",
    snippet: "} else if (this.#size >= most) {",
    mutated: "} else if (false) {",
    tests: PENDING,
  },
  {
    name: "strangers may take all of the record",
    snippet:
      "if (hasStanding || this.#strangers < MAX_STRANGER_PEERS) return true;",
    mutated: "return true;",
    tests: TABLE,
  },
  {
    name: "a peer with standing gives way on record",
    snippet: "if (hasStanding(record)) continue;",
    mutated: "",
    tests: TABLE,
  },
  {
    name: "a peer that is connected or dialed gives way on record",
    snippet: "return links.length === 0 && dialing === undefined;",
    mutated: "return true;",
    tests: TABLE,
  },
  {
    name: "a peer that a message waits for gives way on record",
    snippet:
      "const free = away.filter((it) => !awaited.has(it) || surplus.has(it));",
    mutated: "const free = away;",
    tests: TABLE,
  },
  {
    name: "what was chosen to give way does so though a message waits by now",
    snippet: "(this.#surplus.has(next) || !isAwaited(next));",
    mutated: "true;",
    tests: TABLE,
  },
  {
    name: "any number of strangers stay on record for a message",
    snippet:
      "first(awaited.size - MAX_AWAITED_STRANGERS, byTurns(awaited, counts)),",
    mutated: "[],",
    tests: TABLE,
  },
  {
    name: "what was chosen to give way does so though it came back",
    snippet: "if (mayGo) return next;",
    mutated: "return next;",
    tests: TABLE,
  },
  {
    name: "gossip of one source pushes out that of all others",
    snippet: "return count(next.source) > count(source) + 1;",
    mutated: "return true;",
    tests: TABLE,
  },
  {
    name: "each entry of gossip has a full table walked",
    snippet: "if (now < this.#nextLookAt) return false;",
    mutated: "",
    tests: TABLE,
  },
  {
    name: "a newcomer is let in for which there is no room on record",
    snippet: "if (!context.table.mayEnsure(peer.identity, candidate)) {",
    mutated: NEVER,
    tests: ["tests/attacks/full_record_test.ts"],
  },
  {
    name: "a start loads any number of peers",
    snippet: "if (count > kept.length) store.trimPeers(kept);",
    mutated: "",
    tests: MANY_PEERS,
  },
  {
    name: "a start drops peers with standing like others",
    snippet: "const kind = standing.ofStored(head) ? friends",
    mutated: "const kind = false ? friends",
    tests: MANY_PEERS,
  },
  {
    name: "a start drops peers that a message waits for like others",
    snippet: ": awaited.has(head.identity)",
    mutated: ": false",
    tests: MANY_PEERS,
  },
  {
    name: "what waits for a peer is given up with its record",
    snippet: "? now - lostAt >= IN_MEMORY_PEER_KEPT_MS",
    mutated: "? true",
    tests: ["tests/attacks/absent_peers_test.ts"],
  },
  {
    name: "strangers push out former members with standing",
    snippet: ".find(([, { hasStanding }]) => !hasStanding)?.[0] ??",
    mutated: ".find(() => true)?.[0] ??",
    tests: FORMER,
  },
  {
    name: "each address of one network waits to be admitted by itself",
    snippet: "({ address }) => sourceOf(address.host),",
    mutated: "({ address }) => address.host,",
    tests: SYBILS,
  },
  {
    name: "of those who wait the oldest gives way, wherever most come from",
    snippet: "some.length > most.length ? some : most, []);",
    mutated: "[...most, ...some], []);",
    tests: SYBILS,
  },
  {
    name: "unproven connections may take the last descriptors",
    snippet: "Math.max(least(most), free));",
    mutated: "MAX_PENDING_CONNECTIONS);",
    tests: DESCRIPTORS,
  },
  {
    name: "peers without standing may take the last descriptors",
    snippet: "(hasStanding ? least(most) : share(most));",
    mutated: "least(most);",
    tests: DESCRIPTORS,
  },
  {
    name: "sessions go on while there is no descriptor left",
    snippet: "this.#shed(this.#learned);",
    mutated: "",
    tests: DESCRIPTORS,
  },
  {
    name: "sessions stay that are found to be too many for the descriptors",
    snippet: "this.#shed(this.#counted);",
    mutated: "",
    tests: DESCRIPTORS,
  },
  {
    name: "a burst of connections takes descriptors of those that are ending",
    snippet:
      "while (this.#tasks.size - this.#pending.size > MAX_ENDING_CONNECTIONS) {",
    mutated: "while (false) {",
    tests: ["tests/process/descriptors_test.ts"],
  },
  {
    name: "peers with standing make room when there is no descriptor left",
    snippet: "[...table.values()].filter((it) => !standing.has(it))",
    mutated: "[...table.values()].filter(() => true)",
    tests: DESCRIPTORS,
  },
  {
    name: "unproven connections stay while there is no descriptor left",
    snippet: "this.#pending.trim(this.#isVerified, room.pending);",
    mutated: "",
    tests: ["tests/process/descriptors_test.ts"],
  },
  {
    name: "any number of peers may be listed as pending",
    snippet: "if (!crowded && this.#peers.size < MAX_PENDING_PEERS) return;",
    mutated: "return;",
    tests: ["tests/mesh/pending_test.ts"],
  },
  {
    name: "a name is taken from the first peer that had it",
    snippet: "if (bound !== undefined) return bound.identity;",
    mutated: "",
    tests: NAMES,
  },
  {
    name: "what is sent by a name goes to the first though another has it too",
    snippet:
      "if (rival !== undefined) throw contested(text, holder, rival, isOwn);",
    mutated: "",
    tests: NAMES,
  },
  {
    name: "a stranger comes between a name and a peer with standing",
    snippet: "if (!isStrong || this.#hasStanding(identity)) return identity;",
    mutated: "return identity;",
    tests: NAMES,
  },
  {
    name: "strangers that have a name first keep it unseen",
    snippet: "if (!isStrong || this.#hasStanding(identity)) return identity;",
    mutated: "if (this.#hasStanding(identity)) return identity;",
    tests: NAMES,
  },
  {
    name: "a person's word on a name does not count",
    snippet: "if (bound === undefined || bound.confirmed) return undefined;",
    mutated: "if (bound === undefined) return undefined;",
    tests: NAMES,
  },
  {
    name: "a name goes to a peer that only others call so",
    snippet:
      "isName ? self || lastSeen !== undefined : introducedBy === undefined",
    mutated: "true",
    tests: NAMES,
  },
  {
    name: "others name a peer of which a person gave the identity",
    snippet:
      "isName ? self || lastSeen !== undefined : introducedBy === undefined",
    mutated: "introducedBy === undefined",
    tests: NAMES,
  },
  {
    name: "a name that could be taken for another is bound",
    snippet: "if (!record.isVerified || !isPeerName(record.name)) return;",
    mutated: "",
    tests: NAMES,
  },
  {
    name: "this node's own name goes to a peer that has it too",
    snippet: 'return name === this.#own && name !== ""',
    mutated: "return false",
    tests: NAMES,
  },
  {
    name: "what a name means is forgotten at a restart",
    snippet:
      "for (const binding of options.store.nameBindings()) this.#load(binding);",
    mutated: "",
    tests: NAMES,
  },
  {
    name: "a name of a peer that is off the record is free",
    snippet: "if (!record.isVerified || !record.ephemeral) return;",
    mutated: "",
    tests: BINDINGS,
  },
  {
    name: "gossip that a key is in memory ends its names",
    snippet: "if (!record.isVerified || !record.ephemeral) return;",
    mutated: "if (!record.ephemeral) return;",
    tests: BINDINGS,
  },
  {
    name: "gossip says for a person that a key is in memory",
    snippet: "record?.isVerified === true && record.ephemeral;",
    mutated: "record?.ephemeral ?? false;",
    tests: BINDINGS,
  },
  {
    name: "a name that a person gave ends with a key in memory",
    snippet:
      "if (this.#bindings.get(name)?.confirmed !== true) this.#end(name);",
    mutated: "this.#end(name);",
    tests: [...BINDINGS, ...NAMES],
  },
  {
    name: "a name that a person gave to a key in memory ends at a restart",
    snippet: "if (isGone && !confirmed) {",
    mutated: "if (isGone) {",
    tests: BINDINGS,
  },
  {
    name: "gossip says of a peer that a person named that its key is in memory",
    snippet:
      "record.ephemeral = (entry.flags & PEER_FLAG.ephemeral) !== 0 && !standing.has(record);",
    mutated: "record.ephemeral = (entry.flags & PEER_FLAG.ephemeral) !== 0;",
    tests: NAMES,
  },
  {
    name: "what gossip said of a key stays when a person allows it",
    snippet: "if (!known.isVerified) known.ephemeral = false;",
    mutated: "",
    tests: NAMES,
  },
  {
    name: "an allowed peer is dropped when gossip sends this node to another",
    snippet: "record.isVerified ? record.ephemeral : !standing.has(record);",
    mutated: "record.ephemeral || !record.isVerified;",
    tests: NAMES,
  },
  {
    name: "an allowed peer that has not come yet is dropped like gossip",
    snippet: "(record.isVerified || !standing.has(record));",
    mutated: "true;",
    tests: ["tests/mesh/standing_test.ts"],
  },
  {
    name: "one source may have any number of name conflicts told",
    snippet: "return own.has(now) && this.#all.take(now) && own.take(now);",
    mutated: "return this.#all.take(now);",
    tests: BINDINGS,
  },
  {
    name: "all sources may have any number of name conflicts told",
    snippet: "return own.has(now) && this.#all.take(now) && own.take(now);",
    mutated: "return own.take(now);",
    tests: BINDINGS,
  },
  {
    name: "a flood of name conflicts hides one with a peer with standing",
    snippet: "const budget = isStrong ? this.#strong : this.#weak;",
    mutated: "const budget = this.#weak;",
    tests: BINDINGS,
  },
  {
    name: "a name that a person gave is contested unseen in a flood",
    snippet:
      "const isStrong = this.#bindings.get(folded)?.confirmed === true ||",
    mutated: "const isStrong =",
    tests: BINDINGS,
  },
  {
    name: "a name conflict that was not told at once is never told",
    snippet: "this.#wait(record, holder);",
    mutated: "this.#told.set(record, name);",
    tests: BINDINGS,
  },
  {
    name: "name conflicts of one holder are told before those of others",
    snippet: "this.#waiting.set(holder, others); }",
    mutated:
      "const all = [...this.#waiting]; this.#waiting.clear(); this.#waiting.set(holder, others); for (const [it, peers] of all) this.#waiting.set(it, peers); }",
    tests: BINDINGS,
  },
  {
    name: "a message goes to a name whose peer is not on record",
    snippet: "if (names.isKnown(holder)) return holder;",
    mutated: "return holder;",
    tests: NAMES,
  },
  {
    name: "a flood of names pushes out those that were there before",
    snippet: "for (const { name } of absent.slice(-excess)) this.#end(name);",
    mutated: "for (const { name } of absent.slice(0, excess)) this.#end(name);",
    tests: BINDINGS,
  },
  {
    name: "a flood of names is kept whole",
    snippet: "if (this.#bindings.size > this.#trimAt) this.#trim();",
    mutated: "",
    tests: BINDINGS,
  },
  {
    name: "a denied peer keeps its name",
    snippet: `membership.decide(identity, "denied");
      names.release(identity);`,
    mutated: 'membership.decide(identity, "denied");',
    tests: NAMES,
  },
  {
    name: "a name made of first digits comes between a peer and what is for it",
    snippet: `return isIdentityPrefix(text)
      ? identity.startsWith(text.toLowerCase())
      : name !== undefined && sameName(name, text);`,
    mutated:
      "return (isIdentityPrefix(text) && identity.startsWith(text)) || (name !== undefined && sameName(name, text));",
    tests: NAMES,
  },
];
