/**
 * The messages of a simulation and what became of them. Every acknowledged one was
 * taken by its receiver's application, once but for the stated case; every other
 * one is delivered later, reported as given up, or died with its sender.
 */
import type { PeerId } from "../../src/core/peer_id.ts";
import type { Message } from "../../src/delivery/incoming_message.ts";
import { sleep } from "../../src/core/clock.ts";
import { COMMIT_IDLE_MS } from "../../src/store/store_limits.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import type { SeededRandom } from "../../src/testing/seeded_random.ts";
import { BrokenInvariant } from "./invariants.ts";
import type { Life } from "./member.ts";

/** What a node is told to send. */
export interface Mailing {
  readonly count: number;
  /** Bytes of each body, about. */
  readonly size: number;
  readonly topic: string;
}

/** What became of one message at one receiver. */
interface Fate {
  state: "open" | "acknowledged" | "given up" | "refused";
  /** Lives that took it. */
  readonly takers: Life[];
}

/** One message. */
interface Letter {
  readonly text: string;
  readonly topic: string;
  /** Bytes of the body, the text and blanks. */
  readonly size: number;
  /** Counts up, for each sender. */
  readonly number: number;
  readonly from: PeerId;
  /** The life that has it to send now; changes with restarts that keep the disk. */
  keeper: Life;
  /** Its keeper is gone, and what it had not committed with it. */
  isOrphan: boolean;
  /** In time that the first keeper ran. */
  readonly sentAtMs: number;
  readonly isForAll: boolean;
  readonly fates: Map<PeerId, Fate>;
}

/** What is written is on the disk after this long. */
const COMMITTED_AFTER_MS = 2 * COMMIT_IDLE_MS;

/** The text of a letter is shorter. */
const HEAD_BYTES = 32;

/** How applications behave: so many refuse a try, so many dawdle, and for how long. */
const REFUSES = 0.1;
const DAWDLES = 0.1;
const DAWDLE_MS = 1_500;

/** All messages of one simulation. */
export class Mail {
  readonly #letters = new Map<string, Letter>();
  readonly #byId = new Map<string, Letter>();
  /** The number first taken last, by receiver, sender and topic. */
  readonly #lastTaken = new Map<string, number>();
  readonly #fail: (error: BrokenInvariant) => void;
  #takenAgain = 0;
  #refusals = 0;

  readonly #isClosed: boolean;

  /** In a closed mesh peers are denied. */
  constructor(fail: (error: BrokenInvariant) => void, isClosed: boolean) {
    this.#fail = fail;
    this.#isClosed = isClosed;
  }

  /** A life begins: it has what the one before it left on its disk. */
  began(life: Life, before: Life | undefined): void {
    if (before === undefined) return;
    // By its id alone is said what becomes of a message from an earlier life.
    for (const { text, id } of life.keptAtStart) {
      const letter = this.#letters.get(text);
      if (letter !== undefined) this.#byId.set(id, letter);
    }
    for (const letter of this.#letters.values()) {
      if (letter.keeper !== before || letter.isOrphan) continue;
      letter.isOrphan = this.#isLost(letter, life, before);
      letter.keeper = life;
    }
  }

  /** Sends some messages to one peer, or without `to` to all. */
  send(life: Life, mailing: Mailing, to: PeerId | undefined): void {
    for (let i = 0; i < mailing.count; i++) {
      const letter = this.#write(life, mailing, to === undefined);
      const body = letter.text.padEnd(letter.size, " ");
      const { topic } = mailing;
      if (to === undefined) this.#broadcast(life, letter, body);
      else {
        life.node!.send(to, body, { topic }).then(
          () => this.#onAcknowledged(letter, to),
          (error) => this.#onFailed(letter, to, error),
        );
        fateOf(letter, to);
      }
    }
  }

  /** Takes what comes, as an application does, until the node closes. */
  async take(life: Life, random: SeededRandom): Promise<void> {
    for await (const message of life.node!.messages()) {
      if (random.float() < DAWDLES) {
        await sleep(life.clock, random.float() * DAWDLE_MS, life.over)
          .catch(() => {});
      }
      // An application dies with its process.
      if (!life.isUp) return;
      if (random.float() < REFUSES) {
        this.#refusals++;
        message.nack("not now");
      } else {
        this.#onTaken(life, message);
        message.ack();
      }
    }
  }

  /** A node said what became of a message. */
  onEvent(event: NodeEvent): void {
    if (event.type !== "undelivered") return;
    const letter = this.#byId.get(event.id);
    if (letter !== undefined) fateOf(letter, event.to).state = "given up";
  }

  /** Messages that can be delivered and are not: their keeper and receiver run. */
  undelivered(canReach: (keeper: Life, to: PeerId) => boolean): string[] {
    return [...this.#letters.values()].flatMap((letter) =>
      letter.isOrphan || !letter.keeper.isUp ? [] : [...letter.fates]
        .filter(([to, { state, takers }]) =>
          state === "open" && takers.length === 0 &&
          canReach(letter.keeper, to)
        )
        .map(([to]) =>
          `${letter.text} of ${letter.keeper.label} for ${to.slice(0, 8)}`
        )
    );
  }

  /** Figures. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    const count = (what: string, by = 1) =>
      counts.set(what, (counts.get(what) ?? 0) + by);
    for (const letter of this.#letters.values()) {
      for (const { state, takers } of letter.fates.values()) {
        count("messages");
        if (state === "acknowledged") count("messages acknowledged");
        else if (takers.length > 0) count("messages delivered, unconfirmed");
        else if (state === "refused") count("messages refused at once");
        else if (state === "given up") count("messages given up, reported");
        else if (letter.isOrphan) count("messages died with their sender");
        else count("messages waiting for somebody gone");
      }
    }
    count("messages taken again after a crash", this.#takenAgain);
    count("tries refused by applications", this.#refusals);
    return counts;
  }

  // --- Sending -----------------------------------------------------------------

  #write(life: Life, mailing: Mailing, isForAll: boolean): Letter {
    const number = this.#letters.size;
    const text = `letter ${number}`;
    const letter: Letter = {
      text,
      topic: mailing.topic,
      size: Math.max(mailing.size, text.length),
      number,
      from: life.identity.id,
      keeper: life,
      isOrphan: false,
      sentAtMs: life.clock.ranMs,
      isForAll,
      fates: new Map(),
    };
    this.#letters.set(letter.text, letter);
    return letter;
  }

  #broadcast(life: Life, letter: Letter, body: string): void {
    const { topic } = letter;
    life.node!.broadcast(body, { topic }).then((result) => {
      this.#byId.set(result.id, letter);
      for (const to of result.delivered) this.#onAcknowledged(letter, to);
      for (const to of result.waiting) fateOf(letter, to);
      for (const { id, error } of result.failed) {
        this.#onFailed(letter, id, error);
      }
    });
  }

  #onAcknowledged(letter: Letter, to: PeerId): void {
    const fate = fateOf(letter, to);
    fate.state = "acknowledged";
    if (fate.takers.length > 0) return;
    this.#broken(`${letter.text} was acknowledged by ${to} and never taken`);
  }

  #onFailed(letter: Letter, to: PeerId, error: unknown): void {
    const code = error instanceof Error && "code" in error ? error.code : "";
    // The next process with the same disk goes on.
    if (code === "stopped") return;
    const isRefused = code === "unknown-peer" || code === "full" ||
      (code === "denied" && this.#isClosed);
    if (isRefused) {
      fateOf(letter, to).state = "refused";
    } else if (code === "undelivered" || code === "rejected") {
      fateOf(letter, to).state = "given up";
    } else this.#broken(`${letter.text} failed: ${error}`);
  }

  /** Whether a message that `before` had may be gone, and is. */
  #isLost(letter: Letter, life: Life, before: Life): boolean {
    const isKept = life.keptAtStart.some(({ text }) => text === letter.text);
    if (isKept) return false;
    const isOpen = [...letter.fates.values()].some(({ state, takers }) =>
      state === "open" && takers.length === 0
    );
    const ran = before.clock.ranMs;
    const mustBeKept = life.disk === before.disk && isOpen &&
      (!before.hasCrashed || ran - letter.sentAtMs > COMMITTED_AFTER_MS);
    if (mustBeKept) {
      this.#broken(
        `${life.label} has lost ${letter.text}, which was committed`,
      );
    }
    return true;
  }

  // --- Taking ------------------------------------------------------------------

  #onTaken(life: Life, message: Message): void {
    const text = headOf(message.body);
    const letter = this.#letters.get(text);
    if (letter?.size !== message.body.length) {
      return this.#broken(`${life.label} took "${text}", which nobody sent so`);
    }
    if (letter.from !== message.from || letter.topic !== message.topic) {
      return this.#broken(`${life.label} took ${text} from another`);
    }
    const to = life.identity.id;
    if (!letter.isForAll && !letter.fates.has(to)) {
      return this.#broken(`${life.label} took ${text}, which was for another`);
    }
    this.#byId.set(message.id, letter);
    const { takers } = fateOf(letter, to);
    const known = `${letter.from} ${message.id}`;
    if (takers.length === 0) this.#checkOrder(life, letter);
    else if (takers.includes(life) || life.seenAtStart.has(known)) {
      // Setting the clock ahead by years ends the time for which ids are kept.
      const wasSet = [life, ...takers].some(({ clock }) => clock.wasSet);
      if (!wasSet) this.#broken(`${life.label} took ${text} twice`);
    } else this.#takenAgain++;
    takers.push(life);
  }

  #checkOrder(life: Life, { from, topic, number, text }: Letter): void {
    const key = `${life.identity.id} ${from} ${topic}`;
    const last = this.#lastTaken.get(key) ?? -1;
    if (number < last) {
      this.#broken(`${life.label} took ${text} after letter ${last}`);
    }
    this.#lastTaken.set(key, Math.max(number, last));
  }

  #broken(what: string): void {
    this.#fail(new BrokenInvariant(what));
  }
}

/** What is written at the head of a body; the rest is blank. */
export function headOf(body: Uint8Array): string {
  return new TextDecoder().decode(body.subarray(0, HEAD_BYTES)).trimEnd();
}

function fateOf(letter: Letter, to: PeerId): Fate {
  return letter.fates.getOrInsertComputed(
    to,
    () => ({ state: "open", takers: [] }),
  );
}
