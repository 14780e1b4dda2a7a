/** Turns for the credit of large bodies: between sessions, short bodies and long ones. */
import { assert, assertEquals } from "@std/assert";
import {
  MAX_CREDIT_PER_SESSION_BYTES,
  RECEIVE_BUDGET_BYTES,
  SHORT_BODY_RESERVE_BYTES,
  STRANGERS_CREDIT_BYTES,
} from "../../src/delivery/delivery_limits.ts";
import { MAX_BODY_BYTES, MAX_CHUNK_BYTES } from "../../src/wire/wire_limits.ts";
import {
  ReceiveBudget,
  ReceiveShare,
} from "../../src/delivery/receive_budget.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

/** Sessions of one node, and which of their bodies have credit. */
class Stage {
  readonly clock = new VirtualClock();
  readonly budget = new ReceiveBudget(this.clock);
  readonly granted: string[] = [];
  readonly revoked: string[] = [];

  session(name: string, hasStanding = true): Session {
    return new Session(this, name, hasStanding);
  }

  /** Sessions named by number, each of which asks for bodies. */
  sessions(
    count: number,
    options: {
      readonly prefix?: string;
      readonly suffix?: string;
      readonly bytes?: number;
      readonly times?: number;
      readonly hasStanding?: boolean;
    } = {},
  ): Session[] {
    const { prefix = "", suffix = "", bytes = MAX_BODY_BYTES, times = 1 } =
      options;
    const all = Array.from(
      { length: count },
      (_, at) => this.session(`${prefix}${at}${suffix}`, options.hasStanding),
    );
    for (const session of all) {
      for (let at = 0; at < times; at++) session.ask(bytes);
    }
    return all;
  }

  /** Lets time pass, and each session bring so many bytes a second. */
  async run(ms: number, bringing: ReadonlyMap<Session, number> = new Map()) {
    for (let at = 0; at < ms; at += 250) {
      await this.clock.advance(250);
      for (const [session, rate] of bringing) session.bring(rate / 4);
      this.budget.tick(this.clock.monotonic(), 0);
    }
  }
}

/** One session: its bodies are named after it. */
class Session {
  readonly name: string;
  hasStanding: boolean;
  readonly share: ReceiveShare;
  readonly #stage: Stage;
  #asked = 0;
  #left = 0;

  constructor(stage: Stage, name: string, hasStanding: boolean) {
    this.#stage = stage;
    this.name = name;
    this.hasStanding = hasStanding;
    this.share = new ReceiveShare(() => {
      stage.revoked.push(name);
      stage.budget.leave(this.share);
    }, () => this.hasStanding);
  }

  ask(bytes: number): void {
    const body = `${this.name}${++this.#asked}`;
    const granted = () => this.#stage.granted.push(body);
    this.#stage.budget.request(this.share, { bytes, granted });
  }

  /** Bytes come as whole chunks, as on a wire. */
  bring(bytes: number): void {
    this.#left += bytes;
    while (this.#left >= MAX_CHUNK_BYTES) {
      this.#left -= MAX_CHUNK_BYTES;
      this.share.received += MAX_CHUNK_BYTES;
    }
  }

  /** A body has come in full, and was taken. */
  finish(bytes: number): void {
    this.#stage.budget.finished(this.share);
    this.#stage.budget.release(this.share, bytes);
  }
}

Deno.test("ten sessions that request two large bodies each leave credit for others at once", () => {
  const stage = new Stage();
  stage.sessions(10, { suffix: "-", times: 110 });
  stage.session("honest").ask(200_000);
  stage.session("large").ask(MAX_BODY_BYTES);
  assert(stage.granted.includes("honest1"), `${stage.granted}`);
  assert(stage.granted.includes("large1"), `${stage.granted}`);
});

Deno.test("credit that is released goes to the session that has least, and sessions take turns", () => {
  const stage = new Stage();
  const all = stage.sessions(20, { suffix: ":", times: 3 });
  const first = [...stage.granted];
  for (let round = 0; round < 30; round++) {
    const body = stage.granted[round]!;
    all[Number(body.split(":")[0])]!.finish(MAX_BODY_BYTES);
  }
  const counts = all.map(({ name }) =>
    stage.granted.filter((body) => body.startsWith(name)).length
  );
  assert(Math.min(...counts) >= 2, `${counts} after ${first}`);
});

Deno.test("short bodies do not wait for long ones, and do not keep long ones waiting for ever", () => {
  const stage = new Stage();
  const large = stage.sessions(17, { suffix: ":" });
  assertEquals(stage.granted.length, 16);
  stage.sessions(60, { prefix: "s", suffix: ":", bytes: 200_000 });
  const shorts = () => stage.granted.filter((it) => it.startsWith("s")).length;
  assertEquals(shorts(), Math.floor(MAX_BODY_BYTES / 200_000));
  // What a long body gives back is the waiting long one's, however many short wait.
  large[0]!.finish(MAX_BODY_BYTES);
  assertEquals(stage.granted.at(-1), "16:1");
});

Deno.test("one session has no more than its share, and gets it again when its bodies are taken", () => {
  const stage = new Stage();
  const session = stage.session("one");
  for (let at = 0; at < 5; at++) session.ask(MAX_BODY_BYTES);
  assertEquals(
    stage.granted.length,
    MAX_CREDIT_PER_SESSION_BYTES / MAX_BODY_BYTES,
  );
  session.finish(MAX_BODY_BYTES);
  assertEquals(stage.granted.length, 3);
});

Deno.test("while others wait, sessions whose bodies do not go on are ended within twelve seconds, as many as are needed", async () => {
  const stage = new Stage();
  stage.sessions(16);
  // Nothing is held against them as long as no other session waits.
  await stage.run(120_000);
  assertEquals(stage.revoked, []);
  stage.session("honest").ask(1_000_000);
  await stage.run(250);
  assertEquals(stage.granted.at(-1), "honest1");
  assertEquals(stage.revoked.length, 1);
});

Deno.test("one byte now and then is no progress", async () => {
  const stage = new Stage();
  const slow = stage.sessions(16);
  stage.session("honest").ask(1_000_000);
  for (let second = 0; second < 12 && stage.revoked.length === 0; second++) {
    for (const { share } of slow) share.received++;
    await stage.run(1_000);
  }
  assertEquals(stage.granted.at(-1), "honest1");
});

Deno.test("an honest body on a line of 512 kbit/s comes in full while others wait, also when nine share the line", async () => {
  for (
    const { rate, bytes } of [
      { rate: 64_000, bytes: 1_000_000 },
      { rate: 64_000, bytes: MAX_BODY_BYTES },
      { rate: 64_000 / 9, bytes: 400_000 },
    ]
  ) {
    const stage = new Stage();
    const honest = stage.session("honest");
    honest.ask(bytes);
    const bringing = new Map([[honest, rate]]);
    // All others are as slow, so that none of them can be ended instead.
    for (const other of stage.sessions(20)) bringing.set(other, rate);
    await stage.run(1_000 * bytes / rate, bringing);
    assertEquals(stage.revoked, [], `${bytes} bytes at ${rate} a second`);
  }
});

Deno.test("a body that has credit for longer than a minute must be faster while others wait, else it can be held for ever", async () => {
  const stage = new Stage();
  const bringing = new Map(stage.sessions(20).map((it) => [it, 10_000]));
  await stage.run(55_000, bringing);
  assertEquals(stage.revoked, []);
  await stage.run(20_000, bringing);
  assert(stage.revoked.length >= 4);
});

Deno.test("time for which the process itself stood still is not held against a session", async () => {
  const stage = new Stage();
  stage.sessions(17);
  await stage.run(3_000);
  await stage.clock.advance(60_000);
  stage.budget.tick(stage.clock.monotonic(), 60_000);
  await stage.run(2_500);
  assertEquals(stage.revoked, []);
});

Deno.test("a session that ends gives back what it has and asks for no more", () => {
  const stage = new Stage();
  const sessions = stage.sessions(16);
  const gone = stage.session("gone");
  gone.ask(MAX_BODY_BYTES);
  stage.budget.leave(gone.share);
  const waiting = stage.session("waiting");
  waiting.ask(MAX_BODY_BYTES);
  assertEquals(stage.granted.length, 16);
  stage.budget.leave(sessions[3]!.share);
  assertEquals(stage.granted.at(-1), "waiting1");
  assertEquals(stage.granted.length, 17);
  for (const { share } of [...sessions, waiting]) stage.budget.leave(share);
  // All of it is there again.
  stage.sessions(100, { prefix: "s", suffix: "-" });
  assertEquals(
    stage.granted.length - 17,
    Math.floor(RECEIVE_BUDGET_BYTES / MAX_BODY_BYTES) - 1,
  );
});

Deno.test("whatever strangers hold, drip and leave untaken, peers with standing have their credit at once", async () => {
  const stage = new Stage();
  // Long bodies and short ones, of which nothing more comes.
  const short = { suffix: "-", bytes: 200_000 };
  const hasStanding = false;
  stage.sessions(40, { prefix: "x", suffix: "-", hasStanding });
  stage.sessions(40, { ...short, prefix: "y", times: 10, hasStanding });
  const held = stage.granted.length;
  assert(held >= 8 + 20, `${stage.granted}`);
  stage.sessions(7, { prefix: "f", suffix: "-" });
  stage.sessions(20, { ...short, prefix: "g" });
  assertEquals(stage.granted.length, held + 27);
  await stage.run(250);
  assertEquals(stage.revoked, []);
  // One more than fits: a stranger that does not go on makes way, no friend.
  stage.session("late").ask(MAX_BODY_BYTES);
  await stage.run(12_000);
  assert(stage.granted.includes("late1"), `${stage.granted}`);
  assertEquals(stage.revoked.filter((name) => /^[fgl]/.test(name)), []);
});

Deno.test("a stranger that waits for credit ends no session of a peer with standing, and gets what that gives back", async () => {
  const stage = new Stage();
  const friends = stage.sessions(16);
  const stranger = stage.session("stranger", false);
  stranger.ask(MAX_BODY_BYTES);
  await stage.run(30_000);
  assertEquals(stage.revoked, []);
  assert(!stage.granted.includes("stranger1"));
  friends[0]!.finish(MAX_BODY_BYTES);
  assertEquals(stage.granted.at(-1), "stranger1");
});

Deno.test("strangers among themselves take turns in their share, and one that gains standing leaves them", async () => {
  const stage = new Stage();
  const sessions = stage.sessions(20, { hasStanding: false });
  assertEquals(stage.granted.length, 8);
  sessions[15]!.hasStanding = true;
  await stage.run(250);
  assertEquals(stage.granted.at(-1), "151");
  sessions[0]!.finish(MAX_BODY_BYTES);
  assertEquals(stage.granted.at(-1), "81");
  // What one with standing has counts to its like, and is given back there.
  sessions[1]!.hasStanding = true;
  await stage.run(250);
  assertEquals(stage.granted.at(-1), "91");
  for (const { share } of sessions) stage.budget.leave(share);
  for (const hasStanding of [true, false]) {
    assertEquals(
      stage.budget.lack(0, hasStanding),
      SHORT_BODY_RESERVE_BYTES -
        (hasStanding ? RECEIVE_BUDGET_BYTES : STRANGERS_CREDIT_BYTES),
    );
  }
});
