/** What axe finds wrong with a page, as one that is read aloud, or seen badly. */
import type { Page } from "playwright-core";

/** Rules of WCAG 2.2, levels A and AA, and those that axe counts as best practices. */
const TAGS = [
  "wcag2a",
  "wcag2aa",
  "wcag21a",
  "wcag21aa",
  "wcag22aa",
  "best-practice",
];

/** A rule that elements of a page break. */
export interface Violation {
  readonly rule: string;
  readonly impact: string;
  /** What is wrong. */
  readonly help: string;
  /** The elements, and what is wrong with each. */
  readonly at: readonly string[];
}

/** The rules that a page breaks in its present state. */
export async function violations(page: Page): Promise<Violation[]> {
  const { default: axe } = await import("axe-core");
  // As text, since its types need those of a page.
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(TAGS)} }).then((it) =>
      it.violations.map(({ id, impact, help, nodes }) => ({
        rule: id,
        impact: impact ?? "minor",
        help,
        at: nodes.slice(0, 5).map((node) =>
          node.target.join(" ") + ": " + node.failureSummary),
      })))`,
  );
  return found as Violation[];
}

/** Of these, those that keep some people from using the page. */
export async function seriousViolations(page: Page): Promise<Violation[]> {
  const all = await violations(page);
  return all.filter(({ impact }) => ["serious", "critical"].includes(impact));
}
