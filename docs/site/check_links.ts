/** Checks the links of a built site: each leads to a file of it, and to a place in that file. */

/** Directions that browsers resolve without asking another host. */
const OUTSIDE = /^(https?:|mailto:|data:|javascript:)/;

/** What loads while a page is shown, which must be the site's own. */
const LOADED =
  /<(?:script|img|iframe|source)\b[^>]*?\ssrc="([^"]*)"|<link\b[^>]*?\shref="([^"]*)"/g;

const LINKED = /\s(?:href|src)="([^"]*)"/g;

/** The faults of the pages below `folder`, as sentences. `base` is the site's path at its host. */
export function checkLinks(folder: string, base = "/"): string[] {
  const files = new Map(
    pathsBelow(folder).map((path) => [path, `${folder}/${path}`]),
  );
  const places = new Map<string, ReadonlySet<string>>();
  const placesOf = (path: string) => {
    const known = places.get(path);
    if (known !== undefined) return known;
    const text = Deno.readTextFileSync(`${folder}/${path}`);
    const found = new Set(
      [...text.matchAll(/\s(?:id|name)="([^"]*)"/g)].map(([, it = ""]) =>
        unescape(it)
      ),
    );
    places.set(path, found);
    return found;
  };
  return [...files.keys()].filter((path) => path.endsWith(".html")).flatMap(
    (path) => {
      const text = Deno.readTextFileSync(`${folder}/${path}`);
      const links = new Set(
        [...text.matchAll(LINKED)].map(([, it = ""]) => unescape(it)),
      );
      const broken = [...links].flatMap((link) => {
        if (link === "" || OUTSIDE.test(link)) return [];
        const url = new URL(link, `http://site${base}${path}`);
        const target = targetOf(url, base, files);
        if (target === undefined) return [`${path}: no file for ${link}`];
        const place = decodeURIComponent(url.hash.slice(1));
        // `deno doc --html` links to type parameters, and gives them no place (2.9.6).
        const isThere = place === "" || !target.endsWith(".html") ||
          place.startsWith("type_param_") ||
          placesOf(target).has(place);
        return isThere ? [] : [`${path}: no place for ${link}`];
      });
      const foreign = [...text.matchAll(LOADED)]
        .map(([, source, link]) => source ?? link ?? "")
        .filter((it) => /^(https?:)?\/\//.test(it))
        .map((it) => `${path}: loads ${it}`);
      return [...broken, ...foreign];
    },
  );
}

function targetOf(
  { pathname }: URL,
  base: string,
  files: ReadonlyMap<string, string>,
): string | undefined {
  if (!pathname.startsWith(base)) return undefined;
  const path = decodeURIComponent(pathname.slice(base.length));
  return [path, `${path}.html`, `${path.replace(/\/?$/, "/")}index.html`]
    .map((it) => it.replace(/^\//, ""))
    .find((it) => files.has(it));
}

function pathsBelow(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${below}`)].flatMap((entry) =>
    entry.isDirectory
      ? pathsBelow(folder, `${below}${entry.name}/`)
      : [`${below}${entry.name}`]
  );
}

/** Text of an attribute without HTML's escapes. */
function unescape(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll(
      /&#(x?)([0-9a-f]+);/gi,
      (_, x, digits) =>
        String.fromCodePoint(parseInt(digits, x === "" ? 10 : 16)),
    )
    .replaceAll("&amp;", "&");
}
