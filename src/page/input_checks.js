// @ts-check
/**
 * What may be typed into the forms of the page, and why something may not be sent: the same
 * bounds that the node has, so that an error shows before a request. The node checks again.
 */

/** As `MAX_TOPIC_BYTES` of the node. */
export const MAX_TOPIC_BYTES = 128;

/** As `MAX_CONTROL_JSON_BYTES` of the node, less what is around a text. */
const MAX_TEXT_JSON_BYTES = 65_536 - 1_024;

const DAY_MS = 86_400_000;

/** As `verack invite --ttl` has it. */
const MAX_INVITE_TTL_MS = 30 * DAY_MS;

const encoder = new TextEncoder();

/** @param {string} text The length of a text, bytes of UTF-8. */
export function byteLength(text) {
  return encoder.encode(text).length;
}

/**
 * What is wrong with a message; `undefined` if nothing is.
 *
 * @param {string} text
 * @returns {string | undefined}
 */
export function faultOfText(text) {
  if (text === "") return "The message is empty, must have a character.";
  if (!text.isWellFormed()) {
    return "The message has half a character (a lone surrogate), must be Unicode text.";
  }
  const bytes = byteLength(JSON.stringify(text));
  if (bytes <= MAX_TEXT_JSON_BYTES) return undefined;
  return `The message has ${
    bytes.toLocaleString("en")
  } bytes, must have at most ${
    MAX_TEXT_JSON_BYTES.toLocaleString("en")
  } here; verack send takes more.`;
}

/** @param {string} topic @returns {string | undefined} */
export function faultOfTopic(topic) {
  if (!topic.isWellFormed()) {
    return "The topic has half a character (a lone surrogate), must be Unicode text.";
  }
  const bytes = byteLength(topic);
  return bytes > MAX_TOPIC_BYTES
    ? `The topic has ${bytes} bytes, must have at most ${MAX_TOPIC_BYTES}.`
    : undefined;
}

/** Units of {@linkcode ttlMs}. */
export const TTL_UNITS = /** @type {const} */ ({
  minutes: 60_000,
  hours: 3_600_000,
  days: DAY_MS,
});

/**
 * How long an invite can be used, milliseconds.
 *
 * @param {string} amount
 * @param {keyof typeof TTL_UNITS} unit
 * @returns {{ readonly ttlMs: number } | { readonly fault: string }}
 */
export function ttlOf(amount, unit) {
  const number = Number(amount);
  const ttlMs = Math.round(number * TTL_UNITS[unit]);
  return amount.trim() !== "" && ttlMs >= 1_000 && ttlMs <= MAX_INVITE_TTL_MS
    ? { ttlMs }
    : {
      fault: `The time is "${amount}" ${unit}, must be 1 second to 30 days.`,
    };
}

/**
 * The node parses it; what is plainly no address is refused here.
 *
 * @param {string} address
 * @returns {string | undefined}
 */
export function faultOfAddress(address) {
  const port = Number(/:(\d{1,5})$/.exec(address)?.[1]);
  return address.length <= 300 && /^\S+:\d{1,5}$/.test(address) && port >= 1 &&
      port <= 65_535
    ? undefined
    : "The address must be HOST:PORT, such as alice.example:8080 or [2001:db8::1]:8080.";
}
