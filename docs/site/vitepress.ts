/** Settings of VitePress: the order of the pages, and headings named as GitHub names them. */

/** Groups of pages in the side bar, each a title and a path. */
const GROUPS: Readonly<Record<string, readonly (readonly [string, string])[]>> =
  {
    "Begin": [
      ["What it is", "/"],
      ["Questions and answers", "/docs/questions"],
      ["Compared with", "/docs/compared"],
      ["How fast it is", "/docs/benchmarks"],
    ],
    "Use": [
      ["Running nodes", "/docs/running"],
      ["The page of a node", "/docs/page"],

      ["Messages", "/docs/messages"],
      ["Streams and requests", "/docs/streams"],
      ["Files", "/docs/files"],
      ["Forwarded ports", "/docs/forwarding"],
      ["Programs", "/docs/programs"],
      ["Bitcoin nodes", "/docs/bitcoin"],
      ["Library", "/docs/library"],
    ],
    "Operate": [
      ["The page", "/docs/page"],
      ["Where nodes run", "/docs/deployment"],
      ["Operations", "/docs/operations"],
      ["Relays", "/docs/relay"],
      ["Metrics", "/docs/metrics"],
      ["Control API", "/docs/control"],
      ["Events and JSON", "/docs/events"],
      ["Data directory", "/docs/data"],
      ["Permissions", "/docs/permissions"],
      ["Limits", "/docs/limits"],
    ],
    "Inside": [
      ["Security", "/docs/security"],
      ["Protocol", "/docs/protocol"],
      ["Architecture", "/docs/architecture"],
      ["Scaling", "/docs/scaling"],
      ["Contributing", "/CONTRIBUTING"],
      ["Changes", "/CHANGELOG"],
    ],
  };

export default {
  lang: "en",
  title: "verack",
  description: "A TLS-authenticated, fully connected peer network for Deno",
  appearance: true,
  cleanUrls: false,
  // `check_links.ts` sees those of the API, of files and of places, too.
  ignoreDeadLinks: true,
  markdown: {
    anchor: {
      slugify: (heading: string) =>
        heading.trim().toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Library", link: "/docs/library" },
      { text: "API", link: "/api/index.html", target: "_self" },
    ],
    sidebar: Object.entries(GROUPS).map(([text, pages]) => ({
      text,
      items: pages.map(([text, link]) => ({ text, link })),
    })),
  },
};
