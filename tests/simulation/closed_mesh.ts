/**
 * A closed mesh: how its members come in, the decisions about them, and the strangers that try
 * to. Keeps the truth about which identities were ever admitted, and which node keeps which
 * other out; what nodes do is compared with it.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import {
  formatInvite,
  INVITE_CODE_BYTES,
  inviteSecret,
  parseInvite,
} from "../../src/identity/invite.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import type { Peer } from "../../src/mesh/peers/peer.ts";
import type { MemoryPacket } from "../../src/testing/memory_end.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { decodePeers } from "../../src/wire/messages/peers.ts";
import type { ClosedPlan, Intrusion, Rule } from "./closed_schedule.ts";
import type { Disk } from "./disk.ts";
import { BrokenInvariant, isSettled } from "./invariants.ts";
import { PORT } from "./liar.ts";
import type { Life, Member, Running } from "./member.ts";
import { framesOf } from "./trace.ts";

/** In the store of a node that was started with the secret. */
const SECRET_SETTING = "protection.secret main";

/** What is said in gossip about a peer that was denied may be on its way for so long. */
const SAID_BEFORE_MS = 10_000;

/** How one came in, and what it has decided; lost with its disk. */
interface Book {
  readonly options: Pick<NodeOptions, "admission" | "invite" | "connect">;
  /** The member that let it in, where that was, and what it kept that on. */
  readonly host?: {
    readonly member: Member;
    readonly at: string;
    readonly disk: Disk;
  };
  /** Peers that it admits whatever others say. */
  readonly admits: Set<PeerId>;
  /** Guests that may not have used their invite, which expires. */
  readonly invited: Set<PeerId>;
  readonly keepsOut: Map<PeerId, { rule: Rule; sinceMs: number }>;
  /** The clock by which invites expire was wrong. */
  wasClockSet: boolean;
}

/** What a closed mesh is made of. */
export interface ClosedScene {
  readonly plan: ClosedPlan;
  readonly members: readonly Member[];
  readonly running: () => readonly Running[];
  readonly random: SeededRandom;
  readonly nowMs: () => number;
  /** Derived from the secret. */
  readonly networkKey: Uint8Array<ArrayBuffer> | undefined;
  readonly fail: (error: BrokenInvariant) => void;
  /** Whether a member has another in its configuration with its identity, which admits it. */
  readonly isPinned: (member: Member, other: Member) => boolean;
}

/** The admissions of one simulation. */
export class ClosedMesh {
  readonly #scene: ClosedScene;
  readonly #books = new WeakMap<Disk, Book>();
  /** Identities that a member was ever told to admit. */
  readonly #admitted = new Set<PeerId>();
  readonly #lines: { readonly line: string; readonly host: Member }[] = [];

  constructor(scene: ClosedScene) {
    this.#scene = scene;
    const { isPinned, members } = scene;
    for (const other of members) {
      if (members.some((member) => isPinned(member, other))) {
        this.#admitted.add(other.identity.id);
      }
    }
  }

  // --- Coming in -----------------------------------------------------------------

  /**
   * Whether a member has what it needs to start: a disk on which it came in, or a member that
   * lets it in; the first needs none.
   */
  mayStart(member: Member): boolean {
    return this.#books.has(member.disk) || this.#isExtinct() ||
      this.#hosts(member).length > 0;
  }

  /** How it starts; the first time with this disk another member lets it in now. */
  optionsFor(member: Member): Book["options"] {
    return this.#books.getOrInsertComputed(
      member.disk,
      () => this.#enter(member),
    ).options;
  }

  #enter(member: Member): Book {
    const { isPinned, random, plan: { waysIn } } = this.#scene;
    const hosts = this.#hosts(member);
    const host = hosts[random.below(hosts.length)];
    const { id } = member.identity;
    this.#admitted.add(id);
    if (host === undefined) {
      this.giveSecret(member.disk);
      return book({ admission: "closed" });
    }
    const { admission } = host.life.node!;
    const its = this.#bookOf(host);
    const at = `${host.host}:${PORT}`;
    const from = { member: host, at: host.host, disk: host.disk };
    // A host that dials its guest by itself never sees the invite, and never welcomes it.
    if (waysIn[member.index] === "invite" && !isPinned(host, member)) {
      const line = admission.invite({ address: at });
      its.invited.add(id);
      this.#lines.push({ line, host });
      return book({ invite: line }, host.identity.id, from);
    }
    this.giveSecret(member.disk);
    this.#allow(host, id);
    const target = `${host.identity.id}@${at}`;
    const options = { admission: "closed", connect: [target] } as const;
    return book(options, host.identity.id, from);
  }

  /** The disk is as after a start with the secret; to derive its key takes real time. */
  giveSecret(disk: Disk): void {
    const { networkKey } = this.#scene;
    if (networkKey !== undefined) disk.preset(SECRET_SETTING, networkKey);
  }

  /** Members that could let one in. */
  #hosts(member: Member): readonly Running[] {
    return this.#scene.running().filter((host) =>
      host.index !== member.index &&
      mayInvite(host) &&
      !this.#bookOf(host).keepsOut.has(member.identity.id)
    );
  }

  /** Nobody is left who could let anybody in, or ever was. */
  #isExtinct(): boolean {
    return this.#scene.members.every(({ disk }) => !this.#books.has(disk));
  }

  // --- Decisions ---------------------------------------------------------------------

  /** A member decides about another; returns whether it did. */
  rule(member: Running, other: Member, rule: Rule): boolean {
    const { id } = other.identity;
    const { admission } = member.life.node!;
    const its = this.#bookOf(member);
    if (rule === "allow") {
      this.#allow(member, id);
      return true;
    }
    // A pin and an unused invite are decisions of their own, which `forget` does not end.
    const isPinned = its.host?.member === other || its.invited.has(id) ||
      this.#scene.isPinned(member, other);
    if (rule === "forget" && isPinned) return false;
    if (rule === "deny") admission.deny(id);
    else admission.forget(id);
    its.admits.delete(id);
    its.keepsOut.set(id, { rule, sinceMs: this.#scene.nowMs() });
    return true;
  }

  /** A member admits an identity. */
  admit(member: Running, id: PeerId): void {
    this.#allow(member, id);
  }

  #allow(member: Running, id: PeerId): void {
    const its = this.#bookOf(member);
    member.life.node!.admission.allow(id);
    this.#admitted.add(id);
    its.keepsOut.delete(id);
    its.admits.add(id);
  }

  /** The wall clock of a member was set: invites may have ended. */
  clockSet({ disk }: Member): void {
    const its = this.#books.get(disk);
    if (its !== undefined) its.wasClockSet = true;
  }

  // --- The truth -----------------------------------------------------------------------

  /** Whether a member was told where the one is that let it in, and that is there still. */
  toldOf(member: Member, other: Member): boolean {
    const host = this.#books.get(member.disk)?.host;
    return host?.member === other && host.disk === other.disk &&
      host.at === other.life?.host;
  }

  /** Whether a guest has nothing but its invite yet: no secret to show to others than its host. */
  isGuestOnly(member: Member): boolean {
    const its = this.#books.get(member.disk);
    return this.#scene.plan.secret && its?.options.invite !== undefined;
  }

  /** Whether a node admits another by itself, not counting those it has met. */
  admits(member: Member, other: Member): boolean {
    const its = this.#books.get(member.disk);
    if (its === undefined) return false;
    const { id } = other.identity;
    return its.admits.has(id) || this.#scene.isPinned(member, other) ||
      // An invite is shown by the guest, which must find its host.
      (its.invited.has(id) && !its.wasClockSet && this.toldOf(other, member));
  }

  /** Whether one of two nodes keeps the other out. */
  isBarred(a: Life, b: Life): boolean {
    return this.keepsOut(a, b.identity.id) || this.keepsOut(b, a.identity.id);
  }

  /** Whether a node keeps an identity out. */
  keepsOut(life: Life, id: PeerId): boolean {
    return this.#books.get(life.disk)?.keepsOut.has(id) ?? false;
  }

  /** Why a record is wrong, if it is. */
  fault(life: Life, peer: Peer): string | undefined {
    const who = peer.id.slice(0, 8);
    if (!this.#admitted.has(peer.id)) {
      return `has ${who} on record, which no member has admitted`;
    }
    const ruled = this.#books.get(life.disk)?.keepsOut.get(peer.id);
    if (ruled === undefined) return undefined;
    return peer.up || peer.sessions.some(isSettled)
      ? `has a session with ${who} in spite of ${ruled.rule}`
      : undefined;
  }

  /** A packet of a member has arrived at another: it names nobody that must not be named. */
  onPacket(from: Life, { data }: MemoryPacket): void {
    if (data === undefined) return;
    for (const { command, payload, isWhole } of framesOf(data)) {
      if (command !== COMMAND.peers || !isWhole) continue;
      for (const { id } of decodePeers(payload).entries) {
        this.#checkNamed(from, id);
      }
    }
  }

  #checkNamed(from: Life, id: PeerId): void {
    const ruled = this.#books.get(from.disk)?.keepsOut.get(id);
    const isLate = ruled !== undefined &&
      this.#scene.nowMs() - ruled.sinceMs > this.#saidBeforeMs;
    if (this.#admitted.has(id) && !isLate) return;
    const why = ruled === undefined ? "no member has admitted" : "it keeps out";
    this.#scene.fail(
      new BrokenInvariant(
        `${from.label} gossips ${id.slice(0, 8)}, which ${why}`,
      ),
    );
  }

  /** While ways are cut, what was said before may arrive at any time. */
  #saidBeforeMs = Infinity;

  /** The faults have stopped. */
  calm(): void {
    this.#saidBeforeMs = SAID_BEFORE_MS;
    const now = this.#scene.nowMs();
    for (const { disk } of this.#scene.members) {
      for (const ruled of this.#books.get(disk)?.keepsOut.values() ?? []) {
        ruled.sinceMs = now;
      }
    }
  }

  // --- Strangers -----------------------------------------------------------------------

  /** How a stranger starts that tries to come in. */
  intrusion(intrusion: Intrusion): NodeOptions {
    const { members, random, running } = this.#scene;
    const hosts = running().filter(mayInvite);
    const host = hosts[random.below(hosts.length)];
    const at = (it: Member) => `${it.host}:${PORT}`;
    const everywhere = members.map(at);
    if (host === undefined || intrusion === "open") {
      return { connect: everywhere };
    }
    const pins = members.map((it) => `${it.identity.id}@${at(it)}`);
    if (intrusion === "pinned") return { admission: "closed", connect: pins };
    return { invite: this.#badInvite(host, intrusion), connect: pins };
  }

  #badInvite(host: Running, intrusion: Intrusion): string {
    const { random } = this.#scene;
    const address = { host: host.host, port: PORT };
    const forged = formatInvite({
      host: host.identity.id,
      address,
      code: random.bytes(INVITE_CODE_BYTES),
    });
    const { admission } = host.life.node!;
    const idOf = (line: string) => inviteSecret(parseInvite(line).code).id;
    if (intrusion === "revoked-invite") {
      const line = admission.invite({ address: `${host.host}:${PORT}` });
      admission.revoke(idOf(line));
      return line;
    }
    if (intrusion === "forged-invite") return forged;
    const used = new Set(
      admission.invites().filter(({ usedBy }) => usedBy !== undefined)
        .map(({ id }) => id),
    );
    const found = this.#lines.find(({ line }) => used.has(idOf(line)));
    return found === undefined
      ? forged
      : formatInvite({ ...parseInvite(found.line), address });
  }

  /** A stranger's node said something. */
  onStrangersEvent(stranger: Life, event: NodeEvent): void {
    if (event.type !== "peer:up") return;
    const member = this.#scene.members.find(({ identity }) =>
      identity.id === event.id
    );
    if (member === undefined) return;
    this.#scene.fail(
      new BrokenInvariant(
        `${stranger.label} has a session with ${member.label}, and no member has admitted it`,
      ),
    );
  }

  #bookOf({ disk, label }: Member): Book {
    const its = this.#books.get(disk);
    if (its === undefined) throw new TypeError(`${label} never came in`);
    return its;
  }
}

/** A guest lets nobody in before its host has answered. */
function mayInvite({ life }: Running): boolean {
  return life.context?.membership.credentials.awaitsWelcome === false;
}

function book(
  options: Book["options"],
  admits?: PeerId,
  host?: Book["host"],
): Book {
  return {
    options,
    admits: new Set(admits === undefined ? [] : [admits]),
    invited: new Set(),
    keepsOut: new Map(),
    wasClockSet: false,
    ...(host && { host }),
  };
}
