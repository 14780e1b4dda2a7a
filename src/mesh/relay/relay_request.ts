/**
 * Asks relays for one peer, and gathers their offers: a stream to each, which the one that is
 * taken keeps. `relay_dialer.ts` decides which are asked and what becomes of the stream.
 */
import type { Clock } from "../../core/clock.ts";
import { messageOf, VerackError } from "../../core/errors.ts";
import { type PeerId, shortId } from "../../core/peer_id.ts";
import type { PeerStream } from "../../streams/peer_stream.ts";
import { RELAY_ANSWER_MS, RELAY_COMPARE_MS } from "./relay_dialing_limits.ts";
import {
  decodeRelayOffer,
  RELAY_OFFER_BYTES,
  type RelayOffer,
} from "./relay_format.ts";

/** A relay that was asked, and its answer. */
export interface AskedRelay {
  readonly relay: PeerId;
  readonly stream: PeerStream;
  /** Time from the request to the answer, milliseconds. */
  readonly tookMs: number;
  readonly offer: RelayOffer;
}

/** A relay that made no offer. */
export interface UnwillingRelay {
  readonly relay: PeerId;
  readonly error: VerackError;
}

/** The answers of relays. */
export interface RelayAnswers {
  readonly offers: readonly AskedRelay[];
  readonly refusals: readonly UnwillingRelay[];
}

/**
 * Asks relays at once. Waits for all, but not longer than `RELAY_COMPARE_MS` once there is an
 * offer; streams of those that have not answered by then are aborted. Never rejects: if `signal`
 * aborts there is no offer.
 */
export async function askRelays(
  relays: readonly PeerId[],
  { clock, open, signal }: {
    readonly clock: Clock;
    /** Opens the stream to a relay; may throw. */
    readonly open: (relay: PeerId) => PeerStream;
    readonly signal: AbortSignal;
  },
): Promise<RelayAnswers> {
  const offers: AskedRelay[] = [];
  const refusals: UnwillingRelay[] = [];
  const waiting = new Map<PeerId, PeerStream>();
  const done = Promise.withResolvers<void>();
  let isOver = false;
  let cancel = clock.after(RELAY_ANSWER_MS, () => done.resolve());
  const onAbort = () => done.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  const settled = (relay: PeerId) => {
    waiting.delete(relay);
    if (waiting.size === 0) done.resolve();
  };
  const ask = async (relay: PeerId, stream: PeerStream) => {
    const askedAt = clock.monotonic();
    try {
      const offer = await readOffer(stream);
      if (isOver) return;
      const tookMs = clock.monotonic() - askedAt;
      if (offers.length === 0) {
        cancel();
        cancel = clock.after(RELAY_COMPARE_MS, () => done.resolve());
      }
      offers.push({ relay, stream, tookMs, offer });
    } catch (error) {
      stream.abort();
      if (isOver) return;
      refusals.push({ relay, error: faultOf(error) });
    }
    settled(relay);
  };
  for (const relay of relays) {
    try {
      const stream = open(relay);
      waiting.set(relay, stream);
      void ask(relay, stream);
    } catch (error) {
      refusals.push({ relay, error: faultOf(error) });
    }
  }
  if (waiting.size > 0 && !signal.aborted) await done.promise;
  isOver = true;
  cancel();
  signal.removeEventListener("abort", onAbort);
  const hasOffer = offers.length > 0;
  for (const [relay, stream] of waiting) {
    stream.abort("no answer yet");
    // It had no time if another one was quicker.
    if (!hasOffer && !signal.aborted) {
      refusals.push({ relay, error: silent(relay) });
    }
  }
  if (!signal.aborted) return { offers, refusals };
  for (const { stream } of offers) stream.abort();
  return { offers: [], refusals };
}

/** Reads the offer, and nothing behind it: what follows are bytes of the other end. */
async function readOffer(stream: PeerStream): Promise<RelayOffer> {
  const bytes = new Uint8Array(RELAY_OFFER_BYTES);
  let length = 0;
  while (length < bytes.length) {
    const count = await stream.read(bytes.subarray(length));
    if (count === null) {
      throw new VerackError("closed", "The relay ended the stream unasked");
    }
    length += count;
  }
  return decodeRelayOffer(bytes);
}

function faultOf(error: unknown): VerackError {
  return error instanceof VerackError
    ? error
    : new VerackError("failed", messageOf(error), { cause: error });
}

function silent(relay: PeerId): VerackError {
  return new VerackError(
    "timeout",
    `Relay ${
      shortId(relay)
    } did not answer within ${RELAY_ANSWER_MS} ms, whether it reaches the peer`,
  );
}
