/**
 * A peer that knows the protocol and keeps to it, until what it says is changed on
 * its way out. It may be the one that dials or the one that is dialed, may prove
 * its key or another's, wait for answers or not. What it says is drawn by chance;
 * how it is changed is in `mutation.ts`.
 */
import type { Clock } from "../../src/core/clock.ts";
import type { Identity } from "../../src/identity/identity.ts";
import {
  SECRET_ID_BYTES,
  type SharedSecret,
} from "../../src/identity/shared_secret.ts";
import type { Connection } from "../../src/transport/transport.ts";
import { COMMAND } from "../../src/wire/commands.ts";
import { RawPeer } from "../helpers/attacker.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";
import { chunks, mutate } from "./mutation.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What all fuzzing peers share. */
export interface Workshop {
  readonly random: SeededRandom;
  readonly clock: Clock;
  readonly vocabulary: Vocabulary;
  /** The network's secret, if it has one; most peers know it. */
  readonly secret: SharedSecret | undefined;
  /** Right frames of earlier sessions. */
  readonly old: Uint8Array<ArrayBuffer>[];
  /** Frames that were sent. */
  frames: number;
  /** Sessions that the node took for open. */
  opened: number;
}

/** Frames kept for mixing in; more would be no more varied. */
const MAX_OLD = 256;

/** How long a peer waits for an answer before it goes on or gives up, milliseconds. */
const PATIENCE_MS = 300;

/** Bursts of messages in one open session, and messages in one of them. */
const MAX_BURSTS = 5;
const MAX_BURST = 24;

/** What one session does wrong. */
interface Plan {
  /** Changes of each group of frames, before and after the session is open. */
  readonly handshakeChanges: number;
  readonly sessionChanges: number;
  /** Goes on without the answers it needs. */
  readonly impatient: boolean;
  /** Ends without hanging up: the node must do it. */
  readonly lingers: boolean;
  readonly answersPings: boolean;
}

/** One connection with a node, from its first byte to its last. */
export class FuzzPeer extends RawPeer {
  readonly #shop: Workshop;
  readonly #plan: Plan;
  #staged: Uint8Array<ArrayBuffer>[] = [];
  readonly #heard = new Set<string>();
  #wake: () => void = () => {};

  /** @param signer Whose key signs: `identity`'s, or an impostor's. */
  constructor(
    shop: Workshop,
    connection: Connection,
    identity: Identity,
    listener: Identity["id"],
    signer: Identity,
  ) {
    const instance = BigInt(`0x${identity.id.slice(0, 8)}`);
    const nonce = BigInt(shop.random.word());
    super(connection, identity, listener, {
      signer,
      instance,
      version: { nonce },
    });
    this.#shop = shop;
    this.#plan = draw(shop.random);
    this.answersPings = this.#plan.answersPings;
    void this.ended.then(() => this.#wake());
  }

  /** All of it, as the end that dialed; resolves when the connection is over. */
  async dialed(): Promise<void> {
    try {
      await this.version();
      await this.#send(this.#plan.handshakeChanges);
      if (!await this.#hears(COMMAND.challenge)) return;
      // Only the impatient have none.
      this.challenge ??= new Uint8Array(32);
      if (!await this.#showSecret()) return;
      await this.features();
      await this.say(COMMAND.proof, this.proof());
      await this.say(COMMAND.verack);
      await this.#send(this.#plan.handshakeChanges);
      if (!await this.#hears(COMMAND.verack)) return;
      await this.#talk();
    } finally {
      await this.#end();
    }
  }

  /** All of it, as the end that was dialed. */
  async accepted(): Promise<void> {
    try {
      if (!await this.#hears(COMMAND.version)) return;
      await this.version();
      await this.features();
      await this.say(COMMAND.challenge, this.#shop.random.bytes(32));
      await this.#send(this.#plan.handshakeChanges);
      const { secret } = this.#shop;
      if (secret !== undefined) {
        if (!await this.#hears(COMMAND.secret)) return;
        await this.say(COMMAND.secret, this.secret(secret));
        await this.#send(this.#plan.handshakeChanges);
      }
      if (!await this.#hears(COMMAND.verack)) return;
      await this.say(COMMAND.verack);
      await this.#talk();
    } finally {
      await this.#end();
    }
  }

  /** Kept until the next group goes out. */
  override sendBytes(bytes: Uint8Array): Promise<void> {
    this.#staged.push(new Uint8Array(bytes));
    return Promise.resolve();
  }

  protected override onReceive(command: string, payload: Uint8Array): void {
    super.onReceive(command, payload);
    if (command === COMMAND.challenge) this.challenge ??= payload.slice();
    if (command === COMMAND.peers) this.#shop.opened++;
    this.#heard.add(command);
    this.#wake();
  }

  /** As far as there is one and this peer knows it; whether to go on. */
  async #showSecret(): Promise<boolean> {
    const { secret, random } = this.#shop;
    if (random.below(8) === 0) {
      const id = random.bytes(SECRET_ID_BYTES).toHex();
      const key = random.bytes(32);
      const kind = random.below(2) === 0 ? "network" : "invite";
      await this.say(COMMAND.secret, this.secret({ kind, id, key }));
      return true;
    }
    if (secret === undefined) return true;
    await this.say(COMMAND.secret, this.secret(secret));
    await this.#send(this.#plan.handshakeChanges);
    return await this.#hears(COMMAND.secret);
  }

  async #talk(): Promise<void> {
    const { random, vocabulary } = this.#shop;
    await this.introduce();
    for (let burst = random.below(MAX_BURSTS); burst >= 0; burst--) {
      for (let count = random.below(MAX_BURST); count > 0; count--) {
        const { command, payload } = vocabulary.any();
        await this.say(command, payload);
      }
      await this.#send(this.#plan.sessionChanges);
      if (this.isOver) return;
      if (random.below(4) === 0) await this.#hears("silence");
    }
    if (random.below(3) > 0) return;
    const { command, payload } = vocabulary.bye();
    await this.say(command, payload);
    await this.#send(this.#plan.sessionChanges);
  }

  async #end(): Promise<void> {
    if (this.#plan.lingers) await this.ended;
    this.close();
  }

  /** Sends what is staged, changed and cut into pieces. */
  async #send(changes: number): Promise<void> {
    const { random, old } = this.#shop;
    const frames = this.#staged;
    this.#staged = [];
    const mutated = mutate(random, frames, old, changes);
    for (const frame of frames) {
      if (old.length < MAX_OLD) old.push(frame);
      else old[random.below(MAX_OLD)] = frame;
    }
    this.#shop.frames += mutated.length;
    for (const piece of chunks(random, mutated)) {
      if (this.isOver) return;
      await super.sendBytes(piece);
    }
  }

  /** Whether to go on: a command has come, or this peer does not care. */
  async #hears(command: string): Promise<boolean> {
    const { clock } = this.#shop;
    let late = false;
    const cancel = clock.after(PATIENCE_MS, () => {
      late = true;
      this.#wake();
    });
    while (!this.#heard.has(command) && !this.isOver && !late) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    cancel();
    if (this.isOver) return false;
    return this.#heard.has(command) || this.#plan.impatient;
  }
}

function draw(random: SeededRandom): Plan {
  // Most go wrong only once they are in: strangers get to say little.
  const early = random.below(3) === 0;
  return {
    handshakeChanges: early ? 1 + random.below(3) : 0,
    sessionChanges: early && random.below(2) === 0 ? 0 : random.below(6),
    impatient: random.below(8) === 0,
    lingers: random.below(8) === 0,
    answersPings: random.below(8) > 0,
  };
}
