/** The files of the page, as they are served: kept in memory, by path. */
import { hash } from "node:crypto";
import actionsCss from "./actions.css" with { type: "text" };
import actions from "./actions.js" with { type: "text" };
import api from "./api.js" with { type: "text" };
import counters from "./counters.js" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import frame from "./frame.css" with { type: "text" };
import header from "./header.js" with { type: "text" };
import history from "./history.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import index from "./index.html" with { type: "text" };
import liveStream from "./live_stream.js" with { type: "text" };
import main from "./main.js" with { type: "text" };
import meshPicture from "./mesh_picture.js" with { type: "text" };
import model from "./model.js" with { type: "text" };
import notice from "./notice.js" with { type: "text" };
import peerTable from "./peer_table.js" with { type: "text" };
import peersCss from "./peers.css" with { type: "text" };
import shownText from "./shown_text.js" with { type: "text" };
import signIn from "./sign_in.js" with { type: "text" };
import sse from "./sse.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import timeline from "./timeline.js" with { type: "text" };
import viewsCss from "./views.css" with { type: "text" };

/** A file of the page. */
export interface PageFile {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** A strong entity tag (RFC 9110 §8.8.3), quoted. */
  readonly etag: string;
}

const TEXTS: Readonly<Record<string, string>> = {
  "actions.css": actionsCss,
  "actions.js": actions,
  "api.js": api,
  "counters.js": counters,
  "dom.js": dom,
  "format.js": format,
  "frame.css": frame,
  "header.js": header,
  "history.js": history,
  "icon.svg": icon,
  "index.html": index,
  "live_stream.js": liveStream,
  "main.js": main,
  "mesh_picture.js": meshPicture,
  "model.js": model,
  "notice.js": notice,
  "peer_table.js": peerTable,
  "peers.css": peersCss,
  "shown_text.js": shownText,
  "sign_in.js": signIn,
  "sse.js": sse,
  "style.css": style,
  "theme.js": theme,
  "timeline.js": timeline,
  "views.css": viewsCss,
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Names of the files below `/page/`; `index.html` is at `/` alone. */
export const PAGE_FILE_NAMES: readonly string[] = Object.keys(TEXTS);

const made = new Map<string, PageFile>();

/**
 * The file at a path: `/` or `/page/NAME`; `undefined` if there is none.
 *
 * Made at the first request, so that a node without a page pays nothing.
 */
export function pageFile(path: string): PageFile | undefined {
  const known = made.get(path);
  if (known !== undefined) return known;
  const [, name] = path === "/"
    ? ["", "index.html"]
    : /^\/page\/([a-z0-9_]+\.[a-z]+)$/.exec(path) ?? [];
  if (name === undefined || path === "/page/index.html") return undefined;
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name] : undefined;
  if (text === undefined) return undefined;
  const body = new TextEncoder().encode(text);
  const file: PageFile = {
    contentType: CONTENT_TYPES[name.split(".").at(-1) ?? ""] ?? "text/plain",
    body,
    etag: `"${hash("sha256", body, "base64url").slice(0, 22)}"`,
  };
  made.set(path, file);
  return file;
}
