// The site of `deno task docs`: it builds, all pages are in its side bar, and its links lead somewhere.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { checkLinks } from "../../docs/site/check_links.ts";
import { testIf } from "../helpers/test_if.ts";

const ROOT = new URL("../../", import.meta.url);

/** The folder of the site, or why there is none. */
async function build(): Promise<{ folder?: string; said: string }> {
  const folder = await Deno.makeTempDir({ prefix: "verack-site-" });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "docs", "--out", folder],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr);
  return success ? { folder, said } : { said };
}

const { folder, said } = await build();
const isOffline = said.includes("VitePress cannot be installed");
if (isOffline) console.warn(`skipped: ${said}`);
addEventListener("unload", () => {
  if (folder !== undefined) Deno.removeSync(folder, { recursive: true });
});

testIf(!isOffline)("the documents and the API are built into a site", () => {
  assert(folder !== undefined, said);
  for (const page of ["index", "docs/messages", "api/index"]) {
    const text = Deno.readTextFileSync(`${folder}/${page}.html`);
    assertStringIncludes(text, "verack");
  }
});

testIf(!isOffline)("every page of docs/ is in the side bar of the site", () => {
  const text = Deno.readTextFileSync(`${folder}/docs/messages.html`);
  const missing = [...Deno.readDirSync(new URL("docs/", ROOT))]
    .filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `/docs/${name.replace(/md$/, "html")}`)
    .filter((link) => !text.includes(`href="${link}"`));
  assertEquals(missing, []);
});

testIf(!isOffline)(
  "the site names no file of the machine that built it",
  () => {
    for (
      const page of ["api/index", "api/all_symbols", "api/~/Node", "index"]
    ) {
      const text = Deno.readTextFileSync(`${folder}/${page}.html`);
      assert(!text.includes(ROOT.pathname), page);
    }
  },
);

Deno.test("a link to no file, to no place in a page, and what another host loads are faults of a site", () => {
  const site = Deno.makeTempDirSync({ prefix: "verack-links-" });
  const page = (body: string) => `<html><body>${body}</body></html>`;
  try {
    Deno.writeTextFileSync(
      `${site}/index.html`,
      page(
        '<a href="./other.html#there">1</a><a href="/other">2</a><a href="other.html#gone">3</a>' +
          '<a href="/none.html">4</a><a href="https://example.org/">5</a>' +
          '<script src="https://example.org/a.js"></script>',
      ),
    );
    Deno.writeTextFileSync(
      `${site}/other.html`,
      page('<h1 id="there">x</h1>'),
    );
    assertEquals(checkLinks(site), [
      "index.html: no place for other.html#gone",
      "index.html: no file for /none.html",
      "index.html: loads https://example.org/a.js",
    ]);
  } finally {
    Deno.removeSync(site, { recursive: true });
  }
});
