/**
 * Schedules that once did not hold, made small (`--shrink`), and what they found.
 * Kept whole and not as seeds: a seed means the same schedule only as long as
 * `schedule.ts` draws in the same order.
 */
import type { Schedule } from "./schedule.ts";

/** Newest last. */
export const FOUND_SEEDS: readonly {
  readonly found: string;
  readonly schedule: Schedule;
}[] = [
  {
    found: "three sessions of one peer, of which the oldest was dead, left two",
    schedule: {
      seed: 1345,
      members: [{ ephemeral: true, connect: [], returns: true }, {
        ephemeral: false,
        connect: [],
        returns: true,
      }, {
        ephemeral: false,
        connect: [{ member: 0, pinned: false }, { member: 1, pinned: false }],
        returns: true,
      }],
      liars: 0,
      latencyMs: 80,
      jitterMs: 100,
      heartbeatMs: 5000,
      peerExchangeMs: 30000,
      actions: [
        { atMs: 606, action: { type: "join", member: 1 } },
        { atMs: 1243, action: { type: "join", member: 0 } },
        { atMs: 7966, action: { type: "join", member: 2 } },
        {
          atMs: 11358,
          action: { type: "restart", member: 2, memory: false, move: "taken" },
        },
        {
          atMs: 12283,
          action: { type: "freeze", member: 1, forMs: 5000, slept: false },
        },
      ],
      calmAtMs: 17521.085636595264,
      abruptEnd: false,
    },
  },
  {
    found:
      "dials of its own gave a node more sessions with one peer than the limit",
    schedule: {
      seed: 1857,
      members: [{ ephemeral: false, connect: [], returns: false }, {
        ephemeral: false,
        connect: [{ member: 0, pinned: false }],
        returns: true,
      }, { ephemeral: true, connect: [], returns: false }],
      liars: 2,
      latencyMs: 80,
      jitterMs: 10,
      heartbeatMs: 2000,
      peerExchangeMs: 30000,
      actions: [
        { atMs: 959, action: { type: "join", member: 0 } },
        {
          atMs: 973,
          action: { type: "lie", liar: 0, lie: "wrong-certificate" },
        },
        { atMs: 1700, action: { type: "join", member: 1 } },
        { atMs: 1806, action: { type: "join", member: 2 } },
        {
          atMs: 2566,
          action: { type: "freeze", member: 1, forMs: 5000, slept: true },
        },
        { atMs: 2674, action: { type: "lie", liar: 0, lie: "again" } },
      ],
      calmAtMs: 15371.017983831465,
      abruptEnd: false,
    },
  },
  {
    found:
      "a typed address stayed pinned to a key that was gone, if its node died between handshake and introduction",
    schedule: {
      seed: 1461,
      members: [{ ephemeral: true, connect: [], returns: true }, {
        ephemeral: false,
        connect: [{ member: 0, pinned: false }],
        returns: false,
      }],
      liars: 0,
      latencyMs: 0,
      jitterMs: 100,
      heartbeatMs: 1000,
      peerExchangeMs: 30000,
      actions: [{ atMs: 938, action: { type: "join", member: 1 } }, {
        atMs: 1811,
        action: { type: "join", member: 0 },
      }, {
        atMs: 2824,
        action: { type: "restart", member: 1, memory: false, move: "fresh" },
      }, {
        atMs: 3662,
        action: { type: "restart", member: 0, memory: true, move: "stay" },
      }],
      calmAtMs: 7442.0870873034,
      abruptEnd: true,
    },
  },
];
