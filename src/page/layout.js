// @ts-check
/**
 * Where the picture of the mesh has its nodes: this node in the middle, peers on rings around
 * it. A place follows from the ids alone, so that the same peers are at the same places after a
 * reload; one peer more or less moves the others by at most their distance.
 */

/** @typedef {{ x: number, y: number, angle: number, ring: number }} Place */
/** @typedef {{ places: Map<string, Place>, centre: { x: number, y: number }, radius: number, rings: number }} Layout */
/** @typedef {{ width: number, height: number }} Size */

/** Peers that are drawn; the table has all. */
export const MAX_DRAWN = 300;

/** Up to so many peers, the links among them are drawn. */
export const MAX_MESH_LINKS = 40;

/** Up to so many, each has its name beside it. */
export const MAX_NAMED = 60;

/** Up to so many, name and id are in two lines. */
export const MAX_TWO_LINES = 24;

/** Radius of a node, by the number of peers. */
const RADII = /** @type {const} */ ([
  [12, 11],
  [24, 9],
  [60, 7],
  [120, 5.5],
  [Infinity, 4.5],
]);

/** The distance of two rings, in radii of the outer one. */
const RING_STEP = 0.19;
const MAX_RINGS = 4;

/** Between the middles of two neighbours, in radii of a node. */
const SPACING = 3.6;

/** Above and below the nodes, for two lines. */
const LABEL_ROOM = 36;

/** Points by which the length of an ellipse is measured. */
const STEPS = 720;

/**
 * A number in [0, 1) out of eight digits of an id, which is a hash.
 *
 * @param {string} id
 * @param {number} from
 */
function fraction(id, from) {
  const value = parseInt(id.slice(from, from + 8), 16);
  return Number.isNaN(value) ? 0 : value / 2 ** 32;
}

/**
 * @param {readonly string[]} ids Each once.
 * @param {Size} size
 * @returns {Layout}
 */
export function layOut(ids, { width, height }) {
  const radius = RADII.find(([most]) => ids.length <= most)?.[1] ?? 4.5;
  const few = placeFew(ids, { width, height });
  if (few !== undefined) return { ...few, radius, rings: 1 };
  const isNamed = ids.length <= MAX_NAMED;
  const beside = ids.length <= MAX_TWO_LINES ? 96 : 132;
  const above = radius + LABEL_ROOM;
  const centre = { x: width / 2, y: height / 2 };
  const rx = Math.max(
    60,
    width / 2 - (isNamed ? Math.min(beside, width / 4) : 18),
  );
  const ry = Math.max(50, height / 2 - (isNamed ? above : 18));
  const rings = ringsFor(ids.length, { rx, ry }, SPACING * radius);
  const lengths = rings.map((factor) =>
    perimeter({ rx: rx * factor, ry: ry * factor }).total
  );
  const members = assign(ids, lengths);
  /** @type {Map<string, Place>} */
  const places = new Map();
  members.forEach((ringIds, ring) => {
    const factor = rings[ring] ?? 1;
    const ellipse = { rx: rx * factor, ry: ry * factor };
    const angles = evenAngles(ringIds.length, ellipse, startOf(ringIds, ring));
    ringIds.forEach((id, index) => {
      const angle = angles[index] ?? 0;
      places.set(id, {
        x: centre.x + ellipse.rx * Math.cos(angle),
        y: centre.y + ellipse.ry * Math.sin(angle),
        angle,
        ring,
      });
    });
  });
  return { places, centre, radius, rings: rings.length };
}

/**
 * One peer beside this node, or a triangle with two, in the middle of the picture together.
 *
 * @param {readonly string[]} ids
 * @param {Size} size
 * @returns {Pick<Layout, "places" | "centre"> | undefined}
 */
function placeFew(ids, { width, height }) {
  const at = (/** @type {number} */ x, /** @type {number} */ y) => ({
    x: width * x,
    y: height * y,
  });
  const spots = [
    { ...at(0.68, 0.5), angle: 0 },
    { ...at(0.28, 0.3), angle: -Math.PI * 3 / 4 },
    { ...at(0.72, 0.3), angle: -Math.PI / 4 },
  ];
  const few = ids.length === 1
    ? { centre: at(0.32, 0.5), taken: spots.slice(0, 1) }
    : ids.length === 2
    ? { centre: at(0.5, 0.66), taken: spots.slice(1) }
    : undefined;
  if (few === undefined) return undefined;
  const ordered = assign(ids, [1])[0] ?? [];
  return {
    centre: few.centre,
    places: new Map(
      few.taken.map((
        spot,
        index,
      ) => [ordered[index] ?? "", { ...spot, ring: 0 }]),
    ),
  };
}

/** The radius of this node, by that of its peers. @param {number} radius */
export function ownRadius(radius) {
  return Math.max(9, radius + 3);
}

/**
 * The rings that are needed, as factors of the outer one.
 *
 * @param {number} count
 * @param {{ rx: number, ry: number }} outer
 * @param {number} spacing
 */
function ringsFor(count, outer, spacing) {
  const rings = [1];
  let room = perimeter(outer).total / spacing;
  while (room < count && rings.length < MAX_RINGS) {
    const factor = 1 - RING_STEP * rings.length;
    rings.push(factor);
    const ellipse = { rx: outer.rx * factor, ry: outer.ry * factor };
    room += perimeter(ellipse).total / spacing;
  }
  return rings;
}

/**
 * Ids by ring, in the order of their place on it: by their digits, so that others change nothing.
 *
 * @param {readonly string[]} ids
 * @param {readonly number[]} lengths
 */
function assign(ids, lengths) {
  const total = lengths.reduce((sum, it) => sum + it, 0);
  /** @type {string[][]} */
  const members = lengths.map(() => []);
  for (const id of ids) {
    let rest = fraction(id, 8) * total;
    let ring = 0;
    while (ring < lengths.length - 1 && rest >= (lengths[ring] ?? 0)) {
      rest -= lengths[ring] ?? 0;
      ring++;
    }
    members[ring]?.push(id);
  }
  for (const ring of members) {
    ring.sort((a, b) => fraction(a, 0) - fraction(b, 0) || (a < b ? -1 : 1));
  }
  return members;
}

/**
 * The angle of the first one: at the top; every other ring is turned by half a step.
 *
 * @param {readonly string[]} ids
 * @param {number} ring
 */
function startOf(ids, ring) {
  return -Math.PI / 2 + (ring % 2) * Math.PI / Math.max(1, ids.length);
}

/** @param {{ rx: number, ry: number }} ellipse */
function perimeter({ rx, ry }) {
  const lengths = [0];
  let total = 0;
  for (let step = 1; step <= STEPS; step++) {
    const middle = (step - 0.5) / STEPS * 2 * Math.PI;
    total += Math.hypot(rx * Math.sin(middle), ry * Math.cos(middle)) *
      2 * Math.PI / STEPS;
    lengths.push(total);
  }
  return { total, lengths };
}

/**
 * Angles at which an ellipse is cut into parts of one length.
 *
 * @param {number} count
 * @param {{ rx: number, ry: number }} ellipse
 * @param {number} start
 * @returns {number[]}
 */
function evenAngles(count, ellipse, start) {
  const { total, lengths } = perimeter(ellipse);
  const turn = 2 * Math.PI;
  const from = ((start % turn) + turn) % turn / turn * STEPS;
  const begin = lengths[Math.round(from)] ?? 0;
  return Array.from({ length: count }, (_, index) => {
    const length = (begin + total * index / count) % total;
    let low = 0;
    let high = STEPS;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lengths[middle] ?? 0) <= length) low = middle;
      else high = middle;
    }
    const before = lengths[low] ?? 0;
    const part = (length - before) / ((lengths[high] ?? 0) - before || 1);
    return (low + part) / STEPS * turn;
  });
}

/**
 * The ids in the order in which the arrow keys walk them: ring by ring, around.
 *
 * @param {Layout} layout
 * @returns {string[]}
 */
export function walk({ places }) {
  return [...places]
    .sort(([, a], [, b]) => a.ring - b.ring || a.angle - b.angle)
    .map(([id]) => id);
}

/**
 * A link between two peers: a curve that passes the middle by, where this node is.
 *
 * @param {{ x: number, y: number }} a
 * @param {{ x: number, y: number }} b
 * @param {{ x: number, y: number }} centre
 */
export function curve(a, b, centre) {
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const away = Math.hypot(middle.x - centre.x, middle.y - centre.y);
  const [across, along] = [(a.y - b.y) / length, (b.x - a.x) / length];
  const side = (middle.x - centre.x) * across + (middle.y - centre.y) * along;
  const bend = 0.22 * length * Math.max(0, 1 - 2 * away / length) *
    (side < 0 ? -1 : 1);
  const x = middle.x + across * bend;
  const y = middle.y + along * bend;
  const at = (/** @type {number} */ value) => value.toFixed(1);
  return `M${at(a.x)} ${at(a.y)}Q${at(x)} ${at(y)} ${at(b.x)} ${at(b.y)}`;
}

/** @typedef {{ id: string, x: number, y: number, angle: number, width: number, height: number, must: boolean, radius: number, outwards?: boolean }} Wish `outwards`: nowhere else. */
/** @typedef {{ x: number, y: number, anchor: "start" | "middle" | "end" }} LabelPlace `y` is its middle. */

/**
 * Places for labels such that none covers another or a node: those that must be seen first, the
 * others where there is room.
 *
 * @param {readonly Wish[]} wishes
 * @param {readonly { x: number, y: number }[]} nodes
 * @param {number} radius
 * @param {Size} size
 * @returns {Map<string, LabelPlace>}
 */
export function placeLabels(wishes, nodes, radius, size) {
  /** @type {Map<string, LabelPlace>} */
  const found = new Map();
  /** @type {Box[]} */
  const taken = nodes.map(({ x, y }) => ({
    left: x - radius - 1,
    right: x + radius + 1,
    top: y - radius - 1,
    bottom: y + radius + 1,
  }));
  const order = [...wishes].sort((a, b) => Number(b.must) - Number(a.must));
  for (const wish of order) {
    const options = candidates(wish);
    const free = options.find((it) => {
      const box = boxOf(it, wish);
      return fits(box, size) && !taken.some((other) => overlap(box, other));
    });
    // What must be seen covers others, but is not cut if that can be.
    const whole = options.find((it) => fits(boxOf(it, wish), size));
    const place = free ?? (wish.must ? whole ?? options[0] : undefined);
    if (place === undefined) continue;
    found.set(wish.id, place);
    taken.push(boxOf(place, wish));
  }
  return found;
}

/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

/**
 * Outwards first; in a crowd nowhere else, where lines would cross it.
 *
 * @param {Wish} wish
 * @returns {LabelPlace[]}
 */
function candidates({ x, y, angle, height, outwards, must, radius }) {
  const gap = radius + 5;
  /** @type {LabelPlace} */
  const right = { x: x + gap, y, anchor: "start" };
  /** @type {LabelPlace} */
  const left = { x: x - gap, y, anchor: "end" };
  /** @type {(sign: number, tier?: number) => LabelPlace} */
  const over = (sign, tier = 0) => ({
    x,
    y: y + sign * (gap + height / 2 + tier * height),
    anchor: "middle",
  });
  const across = Math.cos(angle);
  const sign = Math.sin(angle) < 0 ? -1 : 1;
  const [outer, inner] = across >= 0 ? [right, left] : [left, right];
  const isBeside = Math.abs(across) > 0.3;
  if (outwards && !must) {
    return isBeside ? [outer] : [over(sign), over(sign, 1)];
  }
  return isBeside
    ? [outer, over(sign), over(-sign), inner]
    : [over(sign), outer, inner, over(-sign)];
}

/** @param {Box} box @param {Size} size */
function fits({ left, right, top, bottom }, { width, height }) {
  return left >= 0 && right <= width && top >= 0 && bottom <= height;
}

/** @param {LabelPlace} place @param {Wish} wish @returns {Box} */
function boxOf({ x, y, anchor }, { width, height }) {
  const left = anchor === "start"
    ? x
    : anchor === "end"
    ? x - width
    : x - width / 2;
  return {
    left,
    right: left + width,
    top: y - height / 2,
    bottom: y + height / 2,
  };
}

/** @param {Box} a @param {Box} b */
function overlap(a, b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom &&
    b.top < a.bottom;
}
