/**
 * Carries out a schedule: the network, the members and liars on it, and the
 * faults. Whether all is as it must be is watched after every step.
 */
import type { Identity } from "../../src/identity/identity.ts";
import { COMMIT_IDLE_MS } from "../../src/store/store_limits.ts";
import type { NodeEvent } from "../../src/mesh/events.ts";
import { MemoryNetwork } from "../../src/testing/memory_network.ts";
import { SeededRandom } from "../../src/testing/seeded_random.ts";
import { ProcessClock, SimulatedClock } from "./clock.ts";
import { BrokenInvariant, Invariants } from "./invariants.ts";
import { Errands } from "./errands.ts";
import { Disk } from "./disk.ts";
import { NetworkFaults } from "./faults.ts";
import { numberedIdentity } from "./keys.ts";
import { Liar, PORT } from "./liar.ts";
import { Mail } from "./mail.ts";
import { Life, type Member } from "./member.ts";
import { type Action, describeAction, type Schedule } from "./schedule.ts";
import { at, Trace, type TraceOptions } from "./trace.ts";
import { Talks } from "./talks.ts";
import { Watch } from "./watch.ts";
import { Wires } from "./wires.ts";

/** Machines that are switched off, and one that never was. */
const NOWHERE = ["10.98.0.1", "10.98.0.2", "10.99.0.1"];

/** Identities that nobody runs, for lies. */
const STRANGERS = 12;

/** Numbers of identities: apart from each other, so that roles never share one. */
const LIAR_KEYS = 1_000;
const STRANGER_KEYS = 2_000;

/** One simulated world. */
export class World {
  readonly schedule: Schedule;
  readonly clock = new SimulatedClock();
  readonly wires = new Wires();
  readonly invariants = new Invariants(this.wires, this.clock, {
    fail: (error) => this.fail(error),
  });
  readonly trace: Trace;
  readonly members: readonly Member[];
  /** How often each thing happened. */
  readonly counts = new Map<string, number>();
  readonly watch: Watch;
  readonly mail = new Mail((error) => this.fail(error));
  readonly talks = new Talks((error) => this.fail(error));
  readonly errands = new Errands((error) => this.fail(error));
  readonly #network: MemoryNetwork;
  readonly #faults: NetworkFaults;
  readonly #random: SeededRandom;
  readonly #liars: readonly Liar[];
  readonly #strangers: readonly Identity[];
  /** Every life there was. */
  readonly #lives: Life[] = [];
  readonly #touched = new Set<Life>();
  readonly #byHost = new Map<string, Life>();
  readonly #vacated: string[] = [];
  #ephemeralKeys = 0;
  #moves = 0;
  readonly #frozen = new Map<Life, boolean>();
  #failure: unknown;

  private constructor(
    schedule: Schedule,
    keys: { members: Identity[]; liars: Identity[]; strangers: Identity[] },
    options: TraceOptions,
  ) {
    this.schedule = schedule;
    this.trace = new Trace(options);
    this.#random = new SeededRandom(schedule.seed ^ 0x11e);
    this.#network = new MemoryNetwork({
      clock: this.clock,
      random: new SeededRandom(schedule.seed ^ 0x4e7),
      latencyMs: schedule.latencyMs,
      jitterMs: schedule.jitterMs,
      onPacket: (packet) => {
        this.trace.packet(packet);
        this.wires.onPacket(packet);
        const host = packet.to.slice(0, packet.to.lastIndexOf(":"));
        const life = this.#byHost.get(host);
        if (life === undefined) return;
        this.#touched.add(life);
        if (packet.kind !== "data") return;
        life.heard(`${packet.from}>${packet.to}`);
      },
    });
    for (const host of NOWHERE.slice(0, 2)) this.#network.crash(host);
    this.members = keys.members.map((identity, index) => ({
      index,
      label: `n${index}`,
      home: `10.0.${index}.1`,
      host: `10.0.${index}.1`,
      identity,
      disk: new Disk(),
      remembers: new Set(),
      life: undefined,
      lives: 0,
    }));
    this.#faults = new NetworkFaults(this.#network, this.members);
    this.watch = new Watch({
      livesOf: (id) => this.#lives.filter((life) => life.identity.id === id),
      fail: (error) => this.fail(error),
    });
    this.#liars = keys.liars.map((identity, index) =>
      new Liar(`liar${index}`, identity, `10.66.${index}.1`)
    );
    this.#strangers = keys.strangers;
  }

  /** The world before anything has happened. */
  static async make(
    schedule: Schedule,
    options: TraceOptions = {},
  ): Promise<World> {
    // Which key is the smaller one decides much, so it is the seed's choice.
    const shift = (schedule.seed * 7) % 32;
    const members = schedule.members.map((_, i) => numberedIdentity(shift + i));
    const liars = Array.from(
      { length: schedule.liars },
      (_, i) => numberedIdentity(LIAR_KEYS + (shift + i) % 32),
    );
    const strangers = Array.from(
      { length: STRANGERS },
      (_, i) => numberedIdentity(STRANGER_KEYS + i),
    );
    const world = new World(schedule, {
      members: await Promise.all(members),
      liars: await Promise.all(liars),
      strangers: await Promise.all(strangers),
    }, options);
    await world.#prepareEphemeralKeys();
    for (const { atMs, action } of schedule.actions) {
      world.clock.after(atMs, () => world.#perform(action));
    }
    return world;
  }

  /** Lets time pass, to `untilMs` or until `done` holds after some step. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    await this.clock.run(untilMs, () => {
      for (const life of this.#touched) this.invariants.check(life);
      this.#touched.clear();
      if (this.#failure !== undefined) throw this.#failure;
      return done();
    });
  }

  /** After this step every node is looked at. */
  touchAll(): void {
    for (const { life } of this.running()) this.#touched.add(life);
  }

  /** Something went wrong outside of a step. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Members that run. */
  running(): (Member & { life: Life })[] {
    return this.members.filter((member): member is Member & { life: Life } =>
      member.life?.isUp === true
    );
  }

  /**
   * Whether a node can find another by itself: it was told of it or has met it,
   * and nobody else was ever at that address.
   */
  knows(member: Member, other: Member): boolean {
    const { life } = member;
    const target = other.life;
    if (life === undefined || target === undefined) return false;
    const address = { host: target.host, port: PORT };
    const own = new Set(
      this.#lives.filter(({ label }) => label.startsWith(`${other.label}.`))
        .map(({ identity }) => identity.id),
    );
    if (!this.wires.listenedAt(address).isSubsetOf(own)) return false;
    const told = this.schedule.members[member.index]!.connect
      .some((to) => to.member === other.index) && target.host === other.home;
    const seen = `${target.identity.id}@${target.host}`;
    return told || this.invariants.metBy(life).has(seen) ||
      member.remembers.has(seen);
  }

  /** All faults stop: the network is whole, everybody runs, and nobody lies any more. */
  calm(): void {
    this.#note("calm");
    this.watch.isDisturbed = true; // by liars that hang up
    this.#perform({ type: "heal" });
    this.#network.setDelay({ latencyMs: 5, jitterMs: 10 });
    for (const liar of this.#liars) liar.stop();
    for (const member of this.members) {
      if (member.life?.isUp || !this.schedule.members[member.index]!.returns) {
        continue;
      }
      this.#start(member, { memory: true });
    }
  }

  /** Closes every node; resolves when all are closed, which takes virtual time. */
  async close(): Promise<void> {
    for (const liar of this.#liars) liar.stop();
    for (const life of [...this.#frozen.keys()]) this.#thaw(life);
    const abrupt = this.schedule.abruptEnd;
    const ends = this.members.map((member) =>
      this.#end(member, { abrupt, crash: false })
    );
    let done = false;
    const all = Promise.all(ends).then(() => {
      done = true;
    });
    await this.run(this.clock.monotonic() + CLOSED_WITHIN_MS, () => done);
    if (!done) {
      throw new BrokenInvariant(`not closed within ${CLOSED_WITHIN_MS} ms`);
    }
    await all;
    // What is on its way arrives, at dead ears.
    await this.run(this.clock.monotonic() + CLOSED_WITHIN_MS);
    this.talks.checkEnded();
    this.errands.checkEnded();
    const { connections, listeners } = this.#network.open;
    const left = [
      ...this.#lives.filter(({ clock }) => clock.pending > 0)
        .map(({ label, clock }) => `${clock.pending} timers of ${label}`),
      ...(connections > 0 ? [`${connections} connections`] : []),
      ...(listeners > 0 ? [`${listeners} listeners`] : []),
    ];
    if (left.length > 0) {
      throw new BrokenInvariant(`left after close: ${left.join(", ")}`);
    }
  }

  // --- Actions -----------------------------------------------------------------

  #perform(action: Action): void {
    this.#note(describeAction(action));
    this.watch.isDisturbed ||= isDisturbing(action);
    this.#count(action.type === "lie" ? `lie ${action.lie}` : action.type);
    switch (action.type) {
      case "join":
        return this.#start(this.#member(action.member), { memory: true });
      case "leave":
        this.#end(this.#member(action.member), {
          abrupt: false,
          crash: false,
        });
        return;
      case "crash":
        return this.#crash(this.#member(action.member), action.reset);
      case "restart":
        return this.#restart(action);
      case "partition":
        return this.#faults.partition(action.sides);
      case "cut":
        return this.#faults.cut(action.member, action.other, action.oneWay);
      case "half-open":
        return this.#faults.halfOpen(this.#member(action.member).host);
      case "break":
        return this.#network.breakLink(
          this.#member(action.member).host,
          this.#member(action.other).host,
        );
      case "delay":
        return this.#network.setDelay(action);
      case "heal":
        for (const life of [...this.#frozen.keys()]) this.#thaw(life);
        return this.#faults.heal();
      case "wall-clock": {
        const { life } = this.#member(action.member);
        life?.clock.set(action.offsetMs);
        return;
      }
      case "freeze":
        return this.#freeze(this.#member(action.member), action);
      case "lie":
        return this.#lie(action);
      case "mail":
        return this.#mail(action);
      case "talk":
        return this.#talk(action);
      case "errand":
        return this.#errand(action);
      default:
        return action satisfies never;
    }
  }

  #start(member: Member, options: { memory: boolean }): void {
    if (member.life?.isUp || this.#byHost.has(member.host)) return;
    const plan = this.schedule.members[member.index]!;
    // A key that dies with its process has no disk to come back to.
    if (!options.memory || plan.ephemeral) {
      member.disk = new Disk();
      member.remembers.clear();
    }
    if (plan.ephemeral) {
      member.identity = this.#ephemeral[
        this.#ephemeralKeys++ %
        this.#ephemeral.length
      ]!;
    }
    const label = `${member.label}.${++member.lives}`;
    const clock = new ProcessClock(this.clock, () => this.#touched.add(life));
    const life = new Life(
      label,
      member.identity,
      member.host,
      clock,
      member.disk,
      {
        onEvent: (life, event) => this.#onEvent(life, event),
        onLateWrite: ({ label }, method) => {
          const what =
            `${label} called ${method} on its store after closing it`;
          this.fail(new BrokenInvariant(what));
        },
      },
    );
    this.mail.began(life, member.life);
    member.life = life;
    this.#lives.push(life);
    this.#byHost.set(member.host, life);
    this.#note(
      `${label} starts at ${member.host} as ${member.identity.id.slice(0, 8)}`,
    );
    const { seed, heartbeatMs, peerExchangeMs } = this.schedule;
    const random = new SeededRandom(seed * 1_013 + this.#lives.length);
    this.#watch(
      life.start({
        port: PORT,
        connect: plan.connect.map(({ member, pinned }) =>
          this.#target(member, pinned)
        ),
        transport: this.wires.of(life, this.#network.transport(member.host)),
        random: new SeededRandom(seed * 1_009 + this.#lives.length),
        heartbeatMs,
        peerExchangeMs,
      }).then(() => {
        if (!life.isUp) return;
        this.talks.serve(life);
        this.errands.serve(life);
        this.#watch(this.mail.take(life, random));
      }),
    );
  }

  #target(index: number, pinned: boolean): string {
    const { home, identity } = this.members[index]!;
    const isLasting = !this.schedule.members[index]!.ephemeral;
    const pin = pinned && isLasting ? `${identity.id}@` : "";
    return `${pin}${home}:${PORT}`;
  }

  #end(
    member: Member,
    options: { abrupt: boolean; crash: boolean },
  ): Promise<void> {
    const { life } = member;
    if (life === undefined) return Promise.resolve();
    this.#thaw(life);
    if (life.isUp) this.#remember(member, life, options.crash);
    const ending = options.crash
      ? life.crash()
      : life.end({ abrupt: options.abrupt });
    const ended = ending.then(() => {
      if (this.#byHost.get(life.host) === life) this.#byHost.delete(life.host);
      if (life.clock.pending > 0) {
        throw new BrokenInvariant(
          `${life.label} has closed and left ${life.clock.pending} timers`,
        );
      }
    });
    this.#watch(ended);
    return ended;
  }

  /** What its disk must know of its peers by now. */
  #remember(member: Member, life: Life, crash: boolean): void {
    const now = this.clock.monotonic();
    for (const [seen, since] of this.invariants.metBy(life)) {
      const lasting = this.members.some(({ identity, index }) =>
        seen.startsWith(identity.id) && !this.schedule.members[index]!.ephemeral
      );
      const isCommitted = !crash || now - since > COMMITTED_AFTER_MS;
      if (lasting && isCommitted) member.remembers.add(seen);
    }
  }

  #crash(member: Member, reset: boolean): void {
    const { life } = member;
    if (life === undefined || !this.#byHost.has(life.host)) return;
    this.#network.crash(life.host, { reset });
    this.#end(member, { abrupt: true, crash: true });
    this.#byHost.delete(life.host);
  }

  #restart(action: Extract<Action, { type: "restart" }>): void {
    const member = this.#member(action.member);
    const { life } = member;
    // One that is leaving just now is still there, and keeps its port.
    if (life !== undefined && !life.isUp && this.#byHost.has(life.host)) return;
    this.#crash(member, this.#random.below(2) === 0);
    if (action.move !== "stay") this.#move(member, action.move === "taken");
    this.#start(member, { memory: action.memory });
  }

  #move(member: Member, taken: boolean): void {
    const free = this.#vacated.filter((host) => !this.#byHost.has(host));
    const host = taken ? free[0] : undefined;
    this.#vacated.push(member.host);
    if (host !== undefined) {
      this.#vacated.splice(this.#vacated.indexOf(host), 1);
    }
    member.host = host ?? `10.1.${member.index}.${++this.#moves}`;
    this.#faults.apply();
  }

  #freeze(
    member: Member,
    { forMs, slept }: { forMs: number; slept: boolean },
  ): void {
    const { life } = member;
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.#frozen.set(life, slept);
    this.#network.freeze(life.host);
    life.clock.freeze();
    this.clock.after(forMs, () => this.#thaw(life));
  }

  #thaw(life: Life): void {
    const slept = this.#frozen.get(life);
    if (slept === undefined) return;
    this.#frozen.delete(life);
    this.#note(`${life.label} goes on`);
    life.clock.thaw({ slept });
    this.#network.thaw(life.host);
  }

  #mail({ member, to, mailing }: Extract<Action, { type: "mail" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    const receiver = to === "all" ? undefined : this.#member(to).identity.id;
    this.mail.send(life, mailing, receiver);
  }

  #talk({ member, to, talk }: Extract<Action, { type: "talk" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.talks.open(life, talk, this.#member(to).identity.id);
  }

  #errand({ member, to, errand }: Extract<Action, { type: "errand" }>): void {
    const { life } = this.#member(member);
    if (life === undefined || !life.isUp || this.#frozen.has(life)) return;
    this.errands.send(life, errand, this.#member(to).identity.id);
  }

  #lie({ liar: index, lie }: Extract<Action, { type: "lie" }>): void {
    const liar = this.#liars[index]!;
    this.#watch(this.#started(liar).then(() => liar.lie(lie)));
  }

  readonly #startedLiars = new Map<Liar, Promise<void>>();

  #started(liar: Liar): Promise<void> {
    return this.#startedLiars.getOrInsertComputed(liar, () =>
      liar.start({
        clock: new ProcessClock(this.clock),
        random: new SeededRandom(this.schedule.seed * 31 + liar.host.length),
        transport: this.wires.of(liar, this.#network.transport(liar.host)),
        targets: () => this.running(),
        members: this.members,
        strangers: this.#strangers,
        nowhere: NOWHERE,
      }));
  }

  // --- Watching ------------------------------------------------------------------

  #onEvent(life: Life, event: NodeEvent): void {
    const { type, ...fields } = event;
    const now = this.clock.monotonic();
    this.trace.note(() =>
      `${at(now)}  ${life.label} ${type} ${JSON.stringify(fields)}`
    );
    this.watch.onEvent(life, event);
    this.mail.onEvent(event);
  }

  #watch(task: Promise<void>): void {
    task.catch((error) => this.fail(error));
  }

  #member(index: number): Member {
    return this.members[index]!;
  }

  #note(what: string): void {
    const now = this.clock.monotonic();
    this.trace.note(() => `${at(now)}  -- ${what}`);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  readonly #ephemeral: Identity[] = [];

  async #prepareEphemeralKeys(): Promise<void> {
    for (let i = 0; i < EPHEMERAL_KEYS; i++) {
      this.#ephemeral.push(
        await numberedIdentity((this.schedule.seed + i) % EPHEMERAL_KEYS, {
          ephemeral: true,
        }),
      );
    }
  }
}

/** What is written is on the disk after this long, also in a process that stands still now and then. */
const COMMITTED_AFTER_MS = 2 * COMMIT_IDLE_MS;

/** Whether sessions between members may end for it. Lies and wrong clocks are no reason. */
function isDisturbing(action: Action): boolean {
  switch (action.type) {
    case "join":
    case "lie":
    case "mail":
    case "wall-clock":
    case "heal":
      return false;
    case "freeze":
      return action.forMs > HARMLESS_PAUSE_MS;
    default:
      return true;
  }
}

/** A pause of this length, a heartbeat and the slowest round trip are less than the shortest silence that kills. */
const HARMLESS_PAUSE_MS = 500;

/** Keys for lives that have one each; more lives than these share them. */
const EPHEMERAL_KEYS = 64;

/** A polite end takes the flush deadline and a round trip. */
const CLOSED_WITHIN_MS = 15_000;
