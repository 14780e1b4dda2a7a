/**
 * A chart of verack's messages, requests and streams beside those of other peer
 * networks: one group of bars a figure, as long as the contender is quick. Pure.
 */
import { AMONG_NETWORKS } from "./markdown.ts";
import type { Records } from "./records.ts";
import {
  quantity,
  ratioOf,
  roundsText,
  type Row,
  summarize,
} from "./report.ts";

/** Colour of each, on light and on dark ground. */
const COLORS: Readonly<Record<string, readonly [string, string]>> = {
  verack: ["#0b5fd3", "#6aa9ff"],
  libp2p: ["#b26a00", "#e8a33d"],
  gossipsub: ["#8a5a7a", "#d18fb8"],
  "secret-stream": ["#2f7d4f", "#6fc492"],
  hyperdht: ["#7a7f87", "#9aa1ab"],
  nats: ["#8c4bc2", "#c193ea"],
};
/** Too much for a chart that is looked at in passing. */
const LEFT_OUT = /p99$/;

const WIDTH = 760;
const LABELS = 12;
const LEFT = 230;
const RIGHT = 90;
const TOP = 72;
const BAR = 11;
const GAP = 12;
const FOOT = 40;
/** Between a bar and its value, and how wide a ratio is. */
const SPACE = 5;
const VALUE = 24;

interface Bar {
  readonly name: string;
  /** In multiples of verack's speed. */
  readonly speed: number;
  readonly text: string;
}

interface Group {
  readonly label: string;
  readonly bars: readonly Bar[];
}

/** The chart as an SVG document, for light and for dark ground. */
export function chart({ run, rows }: Records): string {
  const groups = rows
    .filter(({ line, figure }) =>
      AMONG_NETWORKS.includes(line) && !LEFT_OUT.test(figure)
    )
    .map(groupOf)
    .filter(({ bars }) => bars.length > 1);
  const longest = Math.max(
    1,
    ...groups.flatMap(({ bars }) => bars.map(({ speed }) => speed)),
  );
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  let y = TOP;
  const drawn = groups.map((group) => {
    const text = drawGroup(group, y, scale);
    y += group.bars.length * BAR + GAP;
    return text;
  });
  const date = run.date.slice(0, 10);
  const foot =
    `${date}, ${run.cores} cores, loopback, Deno ${run.deno}, best of ` +
    `${roundsText(run)}: deno task bench --json`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
    y + FOOT
  }" width="${WIDTH}" height="${
    y + FOOT
  }" role="img" aria-labelledby="title desc">
<title id="title">verack beside other peer networks</title>
<desc id="desc">${escape(describe(groups))}</desc>
<style>${style()}</style>
<rect class="ground" width="${WIDTH}" height="${y + FOOT}"/>
<text class="head" x="${LABELS}" y="26">Speed of messages, requests and streams (verack = 1, longer is quicker)</text>
${legend(groups)}
<path class="axis" d="M${LEFT} ${TOP - 6}V${y}M${round(LEFT + scale)} ${
    TOP - 6
  }V${y}"/>
${drawn.join("\n")}
<text class="foot" x="${LABELS}" y="${y + FOOT - 14}">${escape(foot)}</text>
</svg>
`;
}

/** Times are turned round, so that a longer bar is always the quicker one. */
function groupOf(row: Row): Group {
  const { best } = summarize(row.rounds, row.better);
  const others = row.comparisons.filter((it) => it.with in COLORS).map((it) => {
    const ratio = ratioOf(row, it).best;
    const speed = row.better === "lower" ? ratio : 1 / ratio;
    return { name: it.with, speed, text: speed.toFixed(2) };
  });
  return {
    label: labelOf(row),
    bars: [
      { name: "verack", speed: 1, text: quantity(best, row.unit) },
      ...others,
    ],
  };
}

/** The first part of a figure's name says what it is; the rest is the same in all. */
function labelOf({ line, figure }: Row): string {
  const [what = figure] = figure.split(", ");
  if (line === "messages") return `${what} to one`;
  return line === "stream" ? what.replace(" writes", "") : what;
}

function drawGroup({ label, bars }: Group, top: number, scale: number): string {
  const middle = top + bars.length * BAR / 2 + 4;
  const lines = bars.map(({ name, speed, text }, i) => {
    const y = top + i * BAR;
    const width = Math.max(1, speed * scale);
    return `<rect class="${name}" x="${LEFT}" y="${y}" width="${
      round(width)
    }" height="${BAR - 2}"/>` +
      `<text class="value" x="${textStart(width, scale)}" y="${y + BAR - 3}">${
        escape(text)
      }</text>`;
  });
  return `<text class="label" x="${LEFT - 10}" y="${middle}">${
    escape(label)
  }</text>\n${lines.join("\n")}`;
}

/** Right of a bar, or of the axis at 1 if that would run through the text. */
function textStart(width: number, scale: number): number {
  const reaches = width < scale && width + SPACE + VALUE > scale;
  return round(LEFT + (reaches ? scale : width) + SPACE);
}

function legend(groups: readonly Group[]): string {
  const names = Object.keys(COLORS).filter((name) =>
    groups.some(({ bars }) => bars.some((it) => it.name === name))
  );
  return names.map((name, i) => {
    const x = LABELS + i * 130;
    return `<rect class="${name}" x="${x}" y="40" width="12" height="12"/>` +
      `<text x="${x + 18}" y="51">${name}</text>`;
  }).join("\n");
}

function style(): string {
  const colors = (which: 0 | 1) =>
    Object.entries(COLORS)
      .map(([name, pair]) => `.${name}{fill:${pair[which]}}`).join("");
  return "text{font:13px system-ui,sans-serif;fill:#1f2328}" +
    ".ground{fill:#fff}.head{font-size:16px;font-weight:600}" +
    ".label{text-anchor:end}.value{font-size:10px}" +
    ".foot{font-size:11px;fill:#59636e}.axis{stroke:#9aa1ab}" +
    colors(0) +
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}" +
    `.ground{fill:#0d1117}.foot{fill:#9198a1}${colors(1)}}`;
}

/** All values in words, for readers that have no picture. */
function describe(groups: readonly Group[]): string {
  return groups.map(({ label, bars }) => {
    const values = bars.map(({ name, text }) => `${name} ${text}`).join(", ");
    return `${label}: ${values}.`;
  }).join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
