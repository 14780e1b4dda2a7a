/** Members of a memory mesh that are in session through others. */
import { assertEquals } from "@std/assert";
import type { PeerId } from "../../src/core/peer_id.ts";
import type { Member, MemoryMesh } from "./memory_mesh.ts";

/** The identity of a member. */
export function idOf({ node }: Member): PeerId {
  return node.identity.id;
}

/** The relay of the session with a peer; `direct` if there is none, absent without a session. */
export function viaOf(from: Member, to: Member): PeerId | "direct" | undefined {
  const session = from.node.sessions().find(({ id }) => id === idOf(to));
  return session && (session.via ?? "direct");
}

/** Lets time pass until two members are in session through `relay`, as both say. */
export async function relayedBy(
  mesh: MemoryMesh,
  a: Member,
  b: Member,
  relay: Member,
  limitMs = 10_000,
): Promise<void> {
  const id = idOf(relay);
  await mesh.clock.runUntil(
    () => viaOf(a, b) === id && viaOf(b, a) === id,
    { limitMs },
  );
}

/** What two members send each other: numbers, of which none may be lost or doubled. */
export class Conversation {
  readonly #mesh: MemoryMesh;
  readonly #members: readonly [Member, Member];
  readonly #received = new Map<Member, string[]>();
  readonly #sent = new Map<Member, string[]>();
  #acked = 0;
  #failed: unknown;

  constructor(mesh: MemoryMesh, a: Member, b: Member) {
    this.#mesh = mesh;
    this.#members = [a, b];
    for (const member of this.#members) {
      const texts: string[] = [];
      this.#received.set(member, texts);
      this.#sent.set(member, []);
      void member.node.consume((message) => void texts.push(message.text()));
    }
  }

  /** One message each way. */
  say(): void {
    const [a, b] = this.#members;
    for (const [from, to] of [[a, b], [b, a]] as const) {
      const sent = this.#sent.get(from)!;
      const text = `${sent.length}`;
      sent.push(text);
      from.node.send(idOf(to), text).then(
        () => this.#acked++,
        (error) => this.#failed ??= error,
      );
    }
  }

  /** One message each way each `everyMs`, for so long. */
  async flow(durationMs: number, everyMs = 50): Promise<void> {
    for (let at = 0; at < durationMs; at += everyMs) {
      this.say();
      await this.#mesh.clock.advance(everyMs);
    }
  }

  /** Lets time pass until all is acked, and asserts that each came once, in order. */
  async settle(limitMs = 30_000): Promise<void> {
    const [a, b] = this.#members;
    const all = this.#sent.get(a)!.length + this.#sent.get(b)!.length;
    await this.#mesh.clock.runUntil(
      () => this.#acked === all || this.#failed !== undefined,
      { limitMs },
    );
    assertEquals(this.#failed, undefined);
    await this.#mesh.clock.advance(2_000);
    assertEquals(this.#received.get(b), this.#sent.get(a));
    assertEquals(this.#received.get(a), this.#sent.get(b));
  }
}
