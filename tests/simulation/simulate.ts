/** Runs one schedule from its first join to the last close, and says what broke. */
import type { Errand } from "./errands.ts";
import { BrokenInvariant, endOf, isSettled } from "./invariants.ts";
import type { Life } from "./member.ts";
import type { Pairs } from "./pairs.ts";
import { makeSchedule, type Schedule } from "./schedule.ts";
import type { Talk } from "./talks.ts";
import { at, type TraceOptions } from "./trace.ts";
import { World } from "./world.ts";

/** Once the faults have stopped the mesh is whole within this, milliseconds. */
export const WHOLE_WITHIN_MS = 120_000;

/** And stays so, with nobody up or down, for this long. */
const STEADY_MS = 20_000;

/** How often it is looked whether it is; looking at all pairs costs. */
const LOOK_MS = 1_000;

/** How long a stream of some bytes may take there. */
const TALK_MS = 30_000;

const LAST_TALK: Talk = {
  count: 1,
  protocol: "talk/1",
  up: 70_000,
  down: 70_000,
  opener: "whole",
  acceptor: "whole",
};

const LAST_ERRAND: Errand = {
  count: 2,
  service: "answer",
  size: 10_000,
  answerSize: 10,
  timeoutMs: TALK_MS,
  aborts: false,
};

/** What one schedule came to. */
export interface Outcome {
  readonly seed: number;
  readonly virtualMs: number;
  /** From the end of the faults until the mesh was whole. */
  readonly wholeAfterMs: number;
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>;
  /** How often a peer came up at a node. */
  readonly sessions: number;
  /** Most bytes that waited for one peer. */
  readonly maxQueuedBytes: number;
  /** Most sessions that carried one, one after the other. */
  readonly maxHops: number;
  /** Hash of all that happened, if it was asked for. */
  readonly digest?: string;
}

/** A schedule that did not hold. */
export class FailedSeed extends Error {
  readonly seed: number;
  /** What happened last. */
  readonly lines: readonly string[];

  constructor(seed: number, cause: unknown, atMs: number, lines: string[]) {
    const what = cause instanceof BrokenInvariant
      ? cause.message
      : cause instanceof Error
      ? cause.stack ?? cause.message
      : String(cause);
    super(`seed ${seed}, ${at(atMs).trim()}: ${what}`, { cause });
    this.seed = seed;
    this.lines = lines;
  }
}

/** How a schedule is run. */
export interface SimulateOptions extends TraceOptions {
  /** Something that nobody's fault explains, to see that it shows. */
  readonly sabotage?: {
    readonly atMs: number;
    readonly act: (world: World) => void;
  };
}

/**
 * Runs the schedule of a seed, or one that was changed.
 *
 * @throws {FailedSeed} when anything did not hold.
 */
export async function simulate(
  seedOrSchedule: number | Schedule,
  options: SimulateOptions = {},
): Promise<Outcome> {
  const schedule = typeof seedOrSchedule === "number"
    ? makeSchedule(seedOrSchedule)
    : seedOrSchedule;
  const world = await World.make(schedule, options);
  const { sabotage } = options;
  if (sabotage !== undefined) {
    world.clock.after(sabotage.atMs, () => {
      sabotage.act(world);
      world.touchAll();
    });
  }
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    world.fail(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  try {
    await world.run(schedule.calmAtMs);
    world.calm();
    await world.run(schedule.calmAtMs); // whoever returns has started
    await world.comeIn();
    const wholeAfterMs = await becomesWhole(world);
    await talkAtLast(world);
    await world.close();
    const digest = world.trace.digest();
    return {
      seed: schedule.seed,
      virtualMs: world.clock.monotonic(),
      wholeAfterMs,
      counts: new Map([
        ...world.counts,
        ...world.mail.counts(),
        ...world.talks.counts(),
        ...world.errands.counts(),
        ["relayed sessions", world.wires.relayed],
      ]),
      maxHops: world.invariants.maxHops,
      sessions: world.watch.sessions,
      maxQueuedBytes: world.invariants.maxQueuedBytes,
      ...(digest !== undefined && { digest }),
    };
  } catch (error) {
    throw new FailedSeed(
      schedule.seed,
      error,
      world.clock.monotonic(),
      world.trace.last(),
    );
  } finally {
    globalThis.removeEventListener("unhandledrejection", onRejection);
  }
}

/**
 * Waits until the mesh is whole and stays so: what the faults did may show only
 * when a silence has lasted too long. Returns how long it took.
 */
async function becomesWhole(world: World): Promise<number> {
  const pairs = world.pairs();
  const since = world.clock.monotonic();
  let wholeAt: number | undefined;
  let announced = "";
  for (let now = since; wholeAt === undefined || now < wholeAt + STEADY_MS;) {
    await world.run(now += LOOK_MS);
    const before = announced;
    announced = announcements(world, pairs);
    const gaps = [
      ...missing(world, pairs),
      ...undelivered(world, pairs),
      ...world.talks.unfinished(),
      ...world.errands.unfinished(),
    ];
    if (gaps.length > 0 || announced !== before) wholeAt = undefined;
    else wholeAt ??= now;
    if ((wholeAt ?? now) > since + WHOLE_WITHIN_MS) {
      throw new BrokenInvariant(
        `not whole ${WHOLE_WITHIN_MS} ms after the last fault: ${
          gaps.join("; ") || "sessions come and go"
        }`,
      );
    }
  }
  return wholeAt - since;
}

/**
 * What a crooked relay carries shows only when there is more of it: each such relay that a pair
 * has may cost it a session once more.
 */
async function talkAtLast(world: World): Promise<void> {
  const { crooked = [] } = world.schedule.reach ?? {};
  const tries = crooked.filter((way) => way !== undefined).length;
  for (let left = tries; left > 0; left--) {
    try {
      return await canTalk(world);
    } catch (error) {
      if (!(error instanceof BrokenInvariant)) throw error;
      await becomesWhole(world);
    }
  }
  await canTalk(world);
}

/** In a whole mesh every node opens a stream and sends a request to every other, and all succeed. */
async function canTalk(world: World): Promise<void> {
  const { talks, errands } = world;
  const [firstTalk, firstErrand] = [talks.size, errands.size];
  const pairs = world.pairs();
  for (const life of pairs.lives) {
    for (const other of pairs.lives) {
      if (!pairs.has(life, other)) continue;
      talks.open(life, LAST_TALK, other.identity.id);
      errands.send(life, LAST_ERRAND, other.identity.id);
    }
  }
  const isDone = () =>
    talks.unfinished().length === 0 && errands.unfinished().length === 0;
  await world.run(world.clock.monotonic() + TALK_MS, isDone);
  const wrong = [
    ...talks.outcomes(firstTalk).filter((outcome) => outcome !== "ok/ok"),
    ...errands.outcomes(firstErrand).filter((outcome) => outcome !== "answer"),
  ];
  if (wrong.length === 0) return;
  throw new BrokenInvariant(
    `streams and requests in a whole mesh ended as ${wrong}`,
  );
}

/**
 * Pairs that can find each other without exactly one session that both count on,
 * and peers that a node counts on and that are gone.
 */
function missing(world: World, pairs: Pairs): string[] {
  const { lives } = pairs;
  const running = new Set(lives.map(({ identity }) => identity.id));
  const ghosts = lives.flatMap((life) =>
    (life.context?.table.connected() ?? [])
      .filter(({ id }) => !running.has(id))
      .map(({ id }) => `${life.label}-${id.slice(0, 8)} (gone)`)
  );
  const gaps = [...pairs].flatMap(([a, b]) => {
    const [there, back] = [keys(world, a, b), keys(world, b, a)];
    const one = there.length === 1 && back.length === 1 && there[0] === back[0];
    const isRight = one &&
      (there[0]!.startsWith("relayed") !== world.isDirect(a, b));
    return isRight
      ? []
      : [`${a.label}-${b.label} (${there.length}/${back.length})`];
  });
  return [...gaps, ...ghosts];
}

/** Messages that somebody who runs has for somebody it can find. */
function undelivered(world: World, pairs: Pairs): string[] {
  return world.mail.undelivered((keeper, to) =>
    pairs.lives.some((life) =>
      life.identity.id === to && pairs.has(life, keeper)
    )
  );
}

/** How often each node has announced each that it can find. */
function announcements(world: World, pairs: Pairs): string {
  return pairs.lives.flatMap((a) =>
    pairs.lives.filter((b) => pairs.has(a, b))
      .map((b) => world.watch.ups(a, b.identity.id))
  ).join();
}

/** The sessions that one counts on with the other. */
function keys(world: World, a: Life, b: Life): string[] {
  const record = a.context?.table.get(b.identity.id);
  if (record === undefined || !record.up) return [];
  return record.sessions.filter(isSettled).map((link) =>
    world.wires.key(link.channel.connection, endOf(link))
  );
}
