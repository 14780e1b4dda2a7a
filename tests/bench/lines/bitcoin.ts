/**
 * Bitcoin handshakes: how many a second, beside bare sockets that move the same
 * bytes and beside initiators of others, and what open sessions hold.
 */
import type { BitcoinSizes } from "../bare_bitcoin.ts";
import { installedOthers, Other } from "../others.ts";
import { Remote } from "../remote.ts";
import { type Line, verackAndBare } from "./line.ts";

const HANDSHAKES = 1_000;
const CONCURRENCY = [
  { atOnce: 64, ofBare: 0.6 },
  { atOnce: 256, ofBare: 0.6 },
];
const SESSIONS = 1_000;
const FLAGS = { flags: "--expose-gc" };
const nameOf = (atOnce: number) => `handshakes a second, ${atOnce} at once`;

/** A listening and a dialing process, of verack or with bare sockets. */
class Ends implements AsyncDisposable {
  readonly #kind: "verack" | "bare";
  readonly #sizes: BitcoinSizes;
  readonly #responder: Remote;
  readonly #prober = new Remote("bitcoin_prober", [], FLAGS);

  constructor(kind: "verack" | "bare", sizes: BitcoinSizes) {
    this.#kind = kind;
    this.#sizes = sizes;
    const args = kind === "bare" ? [kind, JSON.stringify(sizes)] : [kind];
    this.#responder = new Remote("bitcoin_responder", args, FLAGS);
  }

  /** Handshakes a second. */
  async rate(concurrency: number): Promise<number> {
    const port = await this.#responder.call<number>("port");
    return this.#kind === "verack"
      ? await this.#prober.call("probes", port, HANDSHAKES, concurrency)
      : await this.#prober.call(
        "exchanges",
        port,
        HANDSHAKES,
        concurrency,
        this.#sizes,
      );
  }

  /** Megabytes that open sessions hold at most, at the dialing and the listening end. */
  async memory(): Promise<{ dialing: number; listening: number }> {
    const port = await this.#responder.call<number>("port");
    await this.#responder.call("watch");
    const dialing = this.#kind === "verack"
      ? await this.#prober.call<number>("hold", port, SESSIONS)
      : await this.#prober.call<number>(
        "holdBare",
        port,
        SESSIONS,
        this.#sizes,
      );
    const listening = await this.#responder.call<number>("peak");
    return { dialing: dialing / 1e6, listening: listening / 1e6 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prober[Symbol.asyncDispose]();
    await this.#responder[Symbol.asyncDispose]();
  }
}

/** Bytes of a handshake of verack's with itself. */
async function sizesOfHandshake(): Promise<BitcoinSizes> {
  await using responder = new Remote("bitcoin_responder", ["verack"]);
  await using prober = new Remote("bitcoin_prober", []);
  return await prober.call("sizes", await responder.call("port"));
}

/** Handshakes at both concurrencies, after as many that only warm up. */
async function rates(
  rate: (concurrency: number) => Promise<number>,
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const { atOnce } of CONCURRENCY) {
    await rate(atOnce);
    values[nameOf(atOnce)] = await rate(atOnce);
  }
  return values;
}

/** Handshakes a second; initiators of others dial verack's responder too. */
export const bitcoin: Line = {
  name: "bitcoin",
  description: `${HANDSHAKES} Bitcoin handshakes between two processes`,
  secondsARound: 8,
  figures: CONCURRENCY.map(({ atOnce, ofBare }) => ({
    name: nameOf(atOnce),
    unit: "/s",
    better: "higher",
    ratios: { bare: ofBare, bcoin: 1, "bitcore-p2p": 1 },
  })),
  async contenders({ note }) {
    const sizes = await sizesOfHandshake();
    const others = await installedOthers(note);
    return [
      ...verackAndBare(
        "TCP connect, two writes and two reads of the same sizes",
        async (kind) => {
          await using ends = new Ends(kind, sizes);
          return await rates((concurrency) => ends.rate(concurrency));
        },
      ),
      ...others.map(({ name, folder }) => ({
        name,
        doing: "its initiator on Node, same responder",
        optional: true,
        measure: async () => {
          await using responder = new Remote("bitcoin_responder", ["verack"]);
          const port = await responder.call<number>("port");
          await using other = new Other(folder, name);
          return await rates((concurrency) =>
            other.rate(port, HANDSHAKES, concurrency)
          );
        },
      })),
    ];
  },
};

const ENDS = ["dialing", "listening"] as const;
const peakOf = (end: string) => `peak of ${SESSIONS} open sessions, ${end} end`;

/** What a thousand sessions hold. */
export const bitcoinMemory: Line = {
  name: "bitcoin-memory",
  description: `${SESSIONS} open Bitcoin sessions between two processes`,
  secondsARound: 5,
  maxRounds: 2,
  figures: ENDS.map((end) => ({
    name: peakOf(end),
    unit: "MB",
    better: "lower",
  })),
  async contenders() {
    const sizes = await sizesOfHandshake();
    return verackAndBare("sockets with read buffers of 4 KiB", async (kind) => {
      await using ends = new Ends(kind, sizes);
      await ends.rate(64); // What is needed once is not charged to the sessions.
      const held = await ends.memory();
      return Object.fromEntries(ENDS.map((end) => [peakOf(end), held[end]]));
    });
  },
};
