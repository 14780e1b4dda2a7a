// @ts-check
/**
 * The messages that this page sent, and what became of each at each receiver. The node says
 * so in its answer, in `undelivered` events, and by the queues of its status: a message that
 * waited is acked when the queue of its receiver is empty and no event said otherwise.
 */

/** @import { BroadcastAnswer, ControlEvent, SendAnswer, StatusAnswer } from "../control/answers.ts" */

/**
 * - `delivered`: the application of the peer has acked it
 * - `waiting`: the node keeps it
 * - `undelivered`: the node gave it up
 * - `unknown`: events were missed while it waited
 *
 * @typedef {"delivered" | "waiting" | "undelivered" | "unknown"} Outcome
 */

/**
 * @typedef {object} Receiver
 * @property {Outcome} outcome
 * @property {string} [reason] From the network; not escaped.
 * @property {boolean} [queued] Whether the status had a queue for it since the answer.
 */

/**
 * @typedef {object} SentMessage
 * @property {number} key Tells it from the others of this page.
 * @property {string} [to] The id of its receiver; absent in a broadcast.
 * @property {string} text
 * @property {string} topic
 * @property {number} time
 * @property {"sending" | "sent" | "failed"} state
 * @property {string} [id]
 * @property {string} [reason] Why it was not sent.
 * @property {Map<string, Receiver>} receivers By id; empty until the node answers.
 */

/** Older ones are not followed. */
const MAX_SENT = 500;

/** Events that came before the answer that has the id of their message. */
const MAX_EARLY = 100;

/** Follows what this page sends. */
export class SentMessages {
  /** @type {SentMessage[]} Newest last. */
  #messages = [];
  #keys = 0;
  /** @type {Extract<ControlEvent, { readonly type: "undelivered" }>[]} */
  #early = [];

  /** Newest last. @returns {readonly SentMessage[]} */
  get list() {
    return this.#messages;
  }

  /**
   * A message is on its way to the node.
   *
   * @param {Pick<SentMessage, "to" | "text" | "topic" | "time">} message
   */
  begin(message) {
    /** @type {SentMessage} */
    const sent = {
      ...message,
      key: ++this.#keys,
      state: "sending",
      receivers: new Map(),
    };
    this.#messages.push(sent);
    if (this.#messages.length > MAX_SENT) this.#messages.shift();
    return sent;
  }

  /** @param {SentMessage} sent @param {string} reason */
  failed(sent, reason) {
    sent.state = "failed";
    sent.reason = reason;
  }

  /** The answer to a message to one peer. @param {SentMessage} sent @param {SendAnswer} answer */
  answered(sent, { id, to, delivered }) {
    sent.state = "sent";
    sent.id = id;
    this.#settle(sent, to, delivered ? "delivered" : "waiting");
  }

  /** The answer to a broadcast. @param {SentMessage} sent @param {BroadcastAnswer} answer */
  broadcasted(sent, { id, delivered, waiting, failed }) {
    sent.state = "sent";
    sent.id = id;
    for (const to of delivered) this.#settle(sent, to, "delivered");
    for (const to of waiting) this.#settle(sent, to, "waiting");
    for (const { id: to, reason } of failed) {
      this.#settle(sent, to, "undelivered", reason);
    }
  }

  /** @param {ControlEvent} event @returns {boolean} Whether something changed. */
  onEvent(event) {
    if (event.type === "undelivered") {
      const sent = this.#messages.find(({ id }) => id === event.id);
      if (sent === undefined) {
        this.#early.push(event);
        if (this.#early.length > MAX_EARLY) this.#early.shift();
        return false;
      }
      sent.receivers.set(event.to, {
        outcome: "undelivered",
        reason: event.reason,
      });
      return true;
    }
    return event.type === "overflow" && this.onGap();
  }

  /** Events were missed. @returns {boolean} Whether something changed. */
  onGap() {
    return this.#update((receiver) => {
      receiver.outcome = "unknown";
    });
  }

  clear() {
    this.#messages = [];
    this.#early = [];
  }

  /** @param {Pick<StatusAnswer, "queues">} status @returns {boolean} Whether something changed. */
  onStatus({ queues }) {
    const waiting = new Set(
      queues.filter(({ messages }) => messages > 0).map(({ id }) => String(id)),
    );
    return this.#update((receiver, to) => {
      // A status from before the message was accepted has no queue either.
      if (waiting.has(to)) receiver.queued = true;
      else if (receiver.queued) receiver.outcome = "delivered";
    });
  }

  /**
   * @param {SentMessage} sent
   * @param {string} to
   * @param {Outcome} outcome
   * @param {string} [reason]
   */
  #settle({ id, receivers }, to, outcome, reason) {
    const early = this.#early.find((it) => it.id === id && it.to === to);
    const settled = early ? "undelivered" : outcome;
    const why = early?.reason ?? reason;
    receivers.set(to, {
      outcome: settled,
      ...why !== undefined && { reason: why },
    });
  }

  /** @param {(receiver: Receiver, to: string) => void} change For those that wait. */
  #update(change) {
    let changed = false;
    for (const { receivers } of this.#messages) {
      for (const [to, receiver] of receivers) {
        if (receiver.outcome !== "waiting") continue;
        change(receiver, to);
        changed ||= receiver.outcome !== "waiting";
      }
    }
    return changed;
  }
}

/**
 * How many receivers of a message have each outcome.
 *
 * @param {SentMessage} sent
 * @returns {Record<Outcome, number>}
 */
export function countOutcomes({ receivers }) {
  const counts = { delivered: 0, waiting: 0, undelivered: 0, unknown: 0 };
  for (const { outcome } of receivers.values()) counts[outcome]++;
  return counts;
}

/**
 * What became of a message, in words.
 *
 * @param {SentMessage} sent
 * @returns {string}
 */
export function outcomeWords(sent) {
  const { state, to, receivers } = sent;
  if (state === "sending") return "sending …";
  if (state === "failed") return "not sent";
  const counts = countOutcomes(sent);
  if (to !== undefined) {
    return counts.delivered > 0
      ? "delivered"
      : counts.waiting > 0
      ? "waits"
      : counts.undelivered > 0
      ? "undelivered"
      : "outcome not known: events were missed";
  }
  if (receivers.size === 0) return "no peer to send it to";
  const parts = [`delivered to ${counts.delivered} of ${receivers.size}`];
  if (counts.waiting > 0) parts.push(`waits for ${counts.waiting}`);
  if (counts.undelivered > 0) {
    parts.push(`undelivered to ${counts.undelivered}`);
  }
  if (counts.unknown > 0) parts.push(`not known of ${counts.unknown}`);
  return parts.join(", ");
}
