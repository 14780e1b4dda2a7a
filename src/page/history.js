// @ts-check
/** The figures of a node over time: a bounded ring of samples, and what is drawn of them. */

/** @import { SessionRow, StatusAnswer } from "../control/answers.ts" */

/**
 * @typedef {object} Figures
 * @property {number} messagesSent
 * @property {number} messagesReceived
 * @property {number} bytesSent
 * @property {number} bytesReceived
 * @property {number} peers Connected ones.
 * @property {number} waiting Messages that are not acknowledged.
 * @property {number | undefined} rttMedianMs
 * @property {number | undefined} rttMaxMs
 */

/** @typedef {{ time: number, startedAt: string, figures: Figures }} Sample */

/** Ten minutes of one a second. */
export const MAX_SAMPLES = 600;

/** Without a sample for so long, a line is broken rather than drawn across. */
export const GAP_MS = 25_000;

/**
 * @param {StatusAnswer} status
 * @param {readonly SessionRow[]} sessions
 * @returns {Figures}
 */
export function figuresOf(status, sessions) {
  const { mesh, outbox, counters } = status;
  const rtts = sessions.flatMap(({ rttMs }) => rttMs ?? [])
    .sort((a, b) => a - b);
  return {
    messagesSent: counters.messagesSent,
    messagesReceived: counters.messagesReceived,
    bytesSent: counters.bytesSent,
    bytesReceived: counters.bytesReceived,
    peers: mesh.sessions,
    waiting: outbox.messages,
    rttMedianMs: median(rtts),
    rttMaxMs: rtts.at(-1),
  };
}

/** @param {readonly number[]} sorted @returns {number | undefined} */
function median(sorted) {
  const middle = sorted.length >> 1;
  const high = sorted[middle];
  const low = sorted[middle - 1];
  if (high === undefined || sorted.length % 2 === 1 || low === undefined) {
    return high;
  }
  return (low + high) / 2;
}

/**
 * Adds a sample; the oldest go.
 *
 * @param {Sample[]} history
 * @param {Sample} sample
 */
export function addSample(history, sample) {
  history.push(sample);
  if (history.length > MAX_SAMPLES) {
    history.splice(0, history.length - MAX_SAMPLES);
  }
}

/** @typedef {{ time: number, value: number | undefined }} Point `undefined` breaks the line. */

/**
 * Values as they are.
 *
 * @param {readonly Sample[]} history
 * @param {keyof Figures} key
 * @returns {Point[]}
 */
export function levels(history, key) {
  return history.flatMap(({ time, figures }, index) => {
    const before = history[index - 1];
    const point = { time, value: figures[key] };
    return before !== undefined && time - before.time > GAP_MS
      ? [{ time: before.time, value: undefined }, point]
      : [point];
  });
}

/**
 * A counter as a rate a second, between each two samples; unknown across a restart of the node
 * and where samples are missing.
 *
 * @param {readonly Sample[]} history
 * @param {keyof Figures} key
 * @returns {Point[]}
 */
export function rates(history, key) {
  return history.slice(1).map((sample, index) => {
    const before = /** @type {Sample} */ (history[index]);
    const { time } = sample;
    const seconds = (time - before.time) / 1_000;
    const grown = (sample.figures[key] ?? 0) - (before.figures[key] ?? 0);
    const isKnown = seconds > 0 && seconds * 1_000 <= GAP_MS &&
      sample.startedAt === before.startedAt && grown >= 0;
    return { time, value: isKnown ? grown / seconds : undefined };
  });
}
