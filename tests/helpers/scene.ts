/**
 * A node under attack, a member that it is connected to, and all it said: the
 * stage on which a refusal is shown to leave no trace.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import { Identity } from "../../src/identity/identity.ts";
import { Node } from "../../src/mesh/node.ts";
import type { NodeOptions } from "../../src/mesh/options.ts";
import type { Resolver } from "../../src/transport/resolve.ts";
import type { PeerInfo } from "../../src/mesh/peers/peer_info.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { encodeGetPeers } from "../../src/wire/messages/peer_request.ts";
import type { ReasonName } from "../../src/wire/messages/reason.ts";
import { type AttackerOptions, RawPeer } from "./attacker.ts";
import { EventLog } from "./nodes.ts";
import { until } from "./until.ts";

/**
 * Of all names only that of this machine leads anywhere. The operating system is not asked: its
 * look-ups cannot be cancelled, and outlast a test in which a peer names hosts.
 */
const onlyLocalhost: Resolver = (host) =>
  host === "localhost"
    ? Promise.resolve(["127.0.0.1"])
    : Promise.reject(new Error(`${host} is no name of tests`));

/** A node under attack and a member of its mesh. */
export class Scene implements AsyncDisposable {
  readonly victim: Node;
  readonly member: Node;
  readonly log: EventLog;
  /** Refusals that a test has seen. */
  readonly #counted = new Set<number>();

  private constructor(victim: Node, log: EventLog, member: Node) {
    this.victim = victim;
    this.log = log;
    this.member = member;
  }

  /** Both nodes run and have a session; `options` are the victim's. */
  static async start(options: NodeOptions = {}): Promise<Scene> {
    const { network, resolve = onlyLocalhost } = options;
    const victim = await Node.start({ ...options, resolve });
    // At once, so that nothing it says is missed.
    const log = new EventLog(victim);
    const member = await Node.start({
      connect: [victim.address],
      resolve,
      ...(network !== undefined && { network }),
    });
    await until("the member to join", () => log.of("peer:up").length > 0);
    return new Scene(victim, log, member);
  }

  /** A scripted peer that has a session with the victim. */
  async join(options: AttackerOptions = {}): Promise<RawPeer> {
    const peer = await RawPeer.open(this.victim, options);
    const { id } = peer.identity;
    await until(
      "the peer to be up",
      () => this.victim.sessions().some((session) => session.id === id),
    );
    return peer;
  }

  /**
   * Does `attack`, and asserts that nothing the victim knows about peers has
   * changed: none is up or gone, none more is remembered, and none is told to
   * others than before. The one who asks comes through the front door, so that
   * this shows at the same time that honest peers are still let in.
   */
  async leavesNoTrace(attack: () => Promise<void>): Promise<void> {
    const before = knowledge(this.victim);
    const events = this.#peerEvents();
    await attack();
    assertEquals(knowledge(this.victim), before, "the victim's peers changed");
    assertEquals(this.#peerEvents(), events, "the victim announced a peer");
    const told = await this.whomVictimTells();
    assert(
      told.includes(this.member.identity.id),
      "the victim forgot a member",
    );
    assertEquals(told.length, 1, `the victim tells of ${told}`);
    assertEquals(knowledge(this.victim), before, "the victim's peers changed");
  }

  /** An honest peer joins, asks the victim whom it knows, and leaves. */
  async whomVictimTells(): Promise<PeerId[]> {
    const identity = await Identity.generate();
    using honest = await RawPeer.open(this.victim, { identity });
    const already = honest.count(COMMAND.peers);
    await honest.say(
      COMMAND.getpeers,
      encodeGetPeers({
        digest: "00".repeat(32),
        fingerprints: ["00".repeat(8)],
      }),
    );
    await until(
      "the victim's list",
      () => honest.count(COMMAND.peers) > already,
    );
    const told = honest.told().map((entry) => entry.id)
      .filter((it) => it !== this.victim.identity.id);
    await honest.say(COMMAND.bye, Uint8Array.of(0x40, 0));
    await until(
      "the honest peer to be gone",
      () => !this.victim.peers().some((peer) => peer.id === identity.id),
    );
    return told;
  }

  /**
   * Waits until the victim says that it refused for a reason that contains `text`,
   * and asserts that whoever was refused was told `name` on the wire. The victim
   * says so only once it has closed the connection.
   */
  async refused(
    attacker: RawPeer,
    name: ReasonName,
    text: string,
  ): Promise<void> {
    const told = await attacker.refusal();
    assertEquals(told?.name, name, `the attacker was told ${told?.text}`);
    assertStringIncludes(told?.text ?? "", text);
    // Else the victim would wait a second for us to have read its reason.
    attacker.close();
    await this.said(text);
  }

  /**
   * Waits until the victim says that it refused for a reason that contains `text`;
   * each refusal counts once.
   */
  async said(text: string): Promise<string> {
    const find = () =>
      this.refusals().findIndex((reason, index) =>
        reason.includes(text) && !this.#counted.has(index)
      );
    await until(
      `a refusal with "${text}" among ${JSON.stringify(this.refusals())}`,
      () => find() >= 0,
    );
    const index = find();
    this.#counted.add(index);
    return this.refusals()[index] ?? "";
  }

  /** Why the victim refused, oldest first. */
  refusals(): string[] {
    return this.log.of("refused").map(({ reason }) => reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.victim.close(), this.member.close()]);
    await this.log.ended;
  }

  /** Comings and goings, but for the honest ones who only look. */
  #peerEvents(): number {
    return this.log.of("peer:up").length + this.log.of("peer:down").length;
  }
}

/** All that a node knows about its peers, comparable. */
export function knowledge(node: Node): PeerInfo[] {
  return node.peers().sort((a, b) => a.id < b.id ? -1 : 1);
}
