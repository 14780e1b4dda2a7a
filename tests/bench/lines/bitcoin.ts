/**
 * Bitcoin handshakes: how many a second, beside bare sockets that move the same
 * bytes and beside initiators of others, and what open sessions hold.
 */
import type { BitcoinSizes } from "../bare_bitcoin.ts";
import { Other } from "../others.ts";
import { Remote } from "../remote.ts";
import { compareRounds, type Row } from "../report.ts";
import { median } from "../stats.ts";
import {
  alternate,
  type Line,
  type Settings,
  VERACK_AND_BARE,
  type VerackOrBare,
} from "./line.ts";

const HANDSHAKES = 1_000;
const CONCURRENCY = [64, 256];
const SESSIONS = 1_000;
/** Each takes four fresh processes. */
const MAX_MEMORY_ROUNDS = 2;

/** Both listening ends and both dialing ends. */
class Ends implements AsyncDisposable {
  readonly sizes: BitcoinSizes;
  readonly #responders: Record<VerackOrBare, Remote>;
  readonly #probers: Record<VerackOrBare, Remote>;
  readonly #ports: Record<VerackOrBare, number>;

  private constructor(
    sizes: BitcoinSizes,
    responders: Record<VerackOrBare, Remote>,
    probers: Record<VerackOrBare, Remote>,
    ports: Record<VerackOrBare, number>,
  ) {
    this.sizes = sizes;
    this.#responders = responders;
    this.#probers = probers;
    this.#ports = ports;
  }

  static async start(): Promise<Ends> {
    const flags = { flags: "--expose-gc" };
    const verack = new Remote("bitcoin_responder", ["verack"], flags);
    const probers = {
      verack: new Remote("bitcoin_prober", [], flags),
      bare: new Remote("bitcoin_prober", [], flags),
    };
    const port = await verack.call<number>("port");
    const sizes = await probers.verack.call<BitcoinSizes>("sizes", port);
    const bare = new Remote(
      "bitcoin_responder",
      ["bare", JSON.stringify(sizes)],
      flags,
    );
    return new Ends(sizes, { verack, bare }, probers, {
      verack: port,
      bare: await bare.call<number>("port"),
    });
  }

  /** Port of verack's responder. */
  get port(): number {
    return this.#ports.verack;
  }

  /** Handshakes a second. */
  rate(kind: VerackOrBare, concurrency: number): Promise<number> {
    const port = this.#ports[kind];
    return kind === "verack"
      ? this.#probers.verack.call("probes", port, HANDSHAKES, concurrency)
      : this.#probers.bare.call(
        "exchanges",
        port,
        HANDSHAKES,
        concurrency,
        this.sizes,
      );
  }

  /** Megabytes that open sessions hold at most, at the dialing and the listening end. */
  async memory(
    kind: VerackOrBare,
  ): Promise<{ dialing: number; listening: number }> {
    const port = this.#ports[kind];
    await this.rate(kind, 64); // What is needed once is not charged to them.
    await this.#responders[kind].call("watch");
    const dialing = kind === "verack"
      ? await this.#probers.verack.call<number>("hold", port, SESSIONS)
      : await this.#probers.bare.call<number>(
        "holdBare",
        port,
        SESSIONS,
        this.sizes,
      );
    const listening = await this.#responders[kind].call<number>("peak");
    return { dialing: dialing / 1e6, listening: listening / 1e6 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const remotes = [this.#probers, this.#responders].flatMap((it) =>
      Object.values(it)
    );
    await Promise.all(remotes.map((it) => it[Symbol.asyncDispose]()));
  }
}

/** Handshakes a second. */
export const bitcoin: Line = {
  name: "bitcoin",
  description: `${HANDSHAKES} Bitcoin handshakes between two processes`,
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    await using ends = await Ends.start();
    await using stack = new AsyncDisposableStack();
    const started = (await Other.start()).map((it) => stack.use(it));
    const others = new Map(started.map((it) => [it.name, it]));
    for (const concurrency of CONCURRENCY) {
      const { verack, bare, ...rest } = await alternate<string, number>(
        [...VERACK_AND_BARE, ...others.keys()],
        settings.rounds,
        (name) =>
          others.get(name)?.rate(ends.port, HANDSHAKES, concurrency) ??
            ends.rate(name as VerackOrBare, concurrency),
      );
      report({
        line: "bitcoin",
        figure: `handshakes a second, ${concurrency} at once`,
        unit: "/s",
        verack: median(verack!),
        comparisons: [
          compareRounds(verack!, bare!, {
            with: "bare",
            doing: "TCP connect, two writes and two reads of the same sizes",
            aim: { is: "at least", value: 0.5 },
          }),
          ...Object.entries(rest).map(([name, rates]) =>
            compareRounds(verack!, rates, {
              with: name,
              doing: "its initiator on Node, same responder",
              aim: { is: "at least", value: 1 },
            })
          ),
        ],
      });
    }
  },
};

/** What a thousand sessions hold. */
export const bitcoinMemory: Line = {
  name: "bitcoin-memory",
  description: `${SESSIONS} open Bitcoin sessions between two processes`,
  async run(settings: Settings, report: (row: Row) => void): Promise<void> {
    const { verack, bare } = await alternate(
      VERACK_AND_BARE,
      Math.min(settings.rounds, MAX_MEMORY_ROUNDS),
      async (kind) => {
        await using ends = await Ends.start();
        return await ends.memory(kind);
      },
      { warmUp: false },
    );
    for (const end of ["dialing", "listening"] as const) {
      const ours = verack.map((it) => it[end]);
      const theirs = bare.map((it) => it[end]);
      report({
        line: "bitcoin-memory",
        figure: `peak of ${SESSIONS} open sessions, ${end} end`,
        unit: "MB",
        verack: median(ours),
        comparisons: [compareRounds(ours, theirs, {
          with: "bare",
          doing: "sockets with read buffers of 4 KiB",
        })],
      });
    }
  },
};
