/** Plays one end of a recorded session against a real node at the other. */
import { assertEquals } from "@std/assert";
import type { Node } from "../../../src/mesh/node.ts";
import type { Connection } from "../../../src/transport/transport.ts";
import { serverNameOf } from "../../../src/core/peer_id.ts";
import type { Session, Vectors } from "./record.ts";
import {
  optionsOf,
  perform,
  REST_MS,
  type Setup,
  startThird,
  takeAll,
} from "./sessions.ts";
import { Tape, unpackHex } from "./tape.ts";
import {
  derOf,
  HOSTS,
  identityOf,
  PORT,
  type Role,
  type World,
} from "./world.ts";

/**
 * Sends what the other end of `role` said, frame by frame, and asserts that the
 * node in `role` says what it said, byte for byte.
 */
export async function replay(
  world: World,
  vectors: Vectors,
  session: Session,
  setup: Setup,
  role: Role,
): Promise<void> {
  const { keys } = vectors;
  const { id } = keys.listener;
  const place = { id, address: `${HOSTS.listener}:${PORT}` };
  const line = session.invite?.line;
  const options = optionsOf(setup, role, place, line);
  const other = await Peer.listen(world, vectors, role);
  const node = await world.start(session.name, role, options);
  if (role === "listener" && setup.invited) {
    assertEquals(node.admission.invite(), line);
  }
  const third = role === "listener" && setup.third
    ? await startThird(world, setup, node)
    : undefined;
  const taking = takeAll(node);
  await other.connect(!setup.continues);
  const tape = other.tape!;
  let said = 0;
  for (const [at, frame] of session.frames.entries()) {
    for (const action of session.actions) {
      if (action.before !== at || action.by !== role) continue;
      await world.clock.advance(REST_MS);
      perform(node, action, keys);
    }
    if (frame.from !== role) {
      await other.write(unpackHex(frame.bytes));
      continue;
    }
    await world.clock.runUntil(() => tape.frames.length > said, {
      limitMs: REST_MS,
    });
    assertEquals(tape.frames[said++], frame, `frame ${at} of ${session.name}`);
  }
  await world.clock.advance(REST_MS);
  assertEquals(tape.frames.slice(said), [], "the node says more");
  await end(world, node, third, other);
  await taking;
}

async function end(
  world: World,
  node: Node,
  third: Node | undefined,
  other: Peer,
): Promise<void> {
  other.close();
  const closing = [node.close(), third?.close()];
  await world.clock.advance(3_000);
  await Promise.all(closing);
}

/** The end that is played: it reads and keeps all, and says what it is told. */
class Peer {
  readonly #world: World;
  readonly #vectors: Vectors;
  readonly #role: Role;
  #stopListening = () => {};
  #accepted: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  tape: Tape | undefined;

  private constructor(world: World, vectors: Vectors, role: Role) {
    this.#world = world;
    this.#vectors = vectors;
    this.#role = role;
  }

  /** Is there before the node starts, if the node is to dial it. */
  static async listen(
    world: World,
    vectors: Vectors,
    role: Role,
  ): Promise<Peer> {
    const peer = new Peer(world, vectors, role);
    if (role === "listener") return peer;
    const { certificate, privateKeyPem } = await identityOf(
      vectors.keys.listener,
    );
    const listener = await world.network.transport(HOSTS.listener).listen(
      { host: HOSTS.listener, port: PORT },
      { credentials: { certificate, privateKeyPem } },
    );
    peer.#stopListening = () => listener.close();
    peer.#accepted = (async () => {
      for (;;) {
        const incoming = await listener.accept();
        if (incoming === null) throw new TypeError("Nothing was dialed");
        const connection = await incoming.open();
        const buffer = new Uint8Array(65_536);
        const count = await connection.read(buffer).catch(() => null);
        // The first only looked at the certificate.
        if (count === null) continue;
        peer.#begin(connection, buffer.subarray(0, count));
        return connection;
      }
    })();
    return peer;
  }

  /** @param looksFirst Whether the dialer does not know the certificate yet. */
  async connect(looksFirst: boolean): Promise<void> {
    const { clock, network } = this.#world;
    if (this.#accepted !== undefined) {
      await clock.runUntil(() => this.#connection !== undefined, {
        limitMs: REST_MS,
      });
      return;
    }
    const { id, certificate } = this.#vectors.keys.listener;
    const transport = network.transport(HOSTS.dialer);
    const address = { host: HOSTS.listener, port: PORT };
    // As the recorded dialer did: chance is drawn for this connection, too.
    if (looksFirst) await transport.fetchCertificate(address, {});
    const connection = await transport.dial(
      address,
      {
        pin: {
          certificate: derOf(certificate),
          serverName: serverNameOf(id),
        },
      },
    );
    this.#begin(connection);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection!.write(bytes.subarray(at));
    }
  }

  close(): void {
    this.#connection?.close();
    this.#stopListening();
  }

  #begin(connection: Connection, first = new Uint8Array(0)): void {
    const tape = new Tape(Uint8Array.fromHex(this.#vectors.magic));
    this.tape = tape;
    this.#connection = connection;
    tape.add(this.#role, first);
    (async () => {
      const buffer = new Uint8Array(65_536);
      for (;;) {
        const count = await connection.read(buffer).catch(() => null);
        if (count === null) return;
        tape.add(this.#role, buffer.subarray(0, count));
      }
    })();
  }
}
