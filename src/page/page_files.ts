/** The files of the page, as they are served: kept in memory, by path. */
import { hash } from "node:crypto";
import { gzipSync } from "node:zlib";
import accessDialogs from "./access_dialogs.js" with { type: "text" };
import actionsCss from "./actions.css" with { type: "text" };
import admissionView from "./admission_view.js" with { type: "text" };
import api from "./api.js" with { type: "text" };
import buttonAction from "./button_action.js" with { type: "text" };
import confirmDialog from "./confirm_dialog.js" with { type: "text" };
import copyButton from "./copy_button.js" with { type: "text" };
import counterTiles from "./counter_tiles.js" with { type: "text" };
import counters from "./counters.js" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import eventFeed from "./event_feed.js" with { type: "text" };
import eventWords from "./event_words.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import frameCss from "./frame.css" with { type: "text" };
import header from "./header.js" with { type: "text" };
import history from "./history.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import index from "./index.html" with { type: "text" };
import inputChecks from "./input_checks.js" with { type: "text" };
import inviteForm from "./invite_form.js" with { type: "text" };
import layout from "./layout.js" with { type: "text" };
import listPart from "./list_part.js" with { type: "text" };
import liveStream from "./live_stream.js" with { type: "text" };
import main from "./main.js" with { type: "text" };
import meshCss from "./mesh.css" with { type: "text" };
import meshLabels from "./mesh_labels.js" with { type: "text" };
import meshPicture from "./mesh_picture.js" with { type: "text" };
import meshView from "./mesh_view.js" with { type: "text" };
import messageEntry from "./message_entry.js" with { type: "text" };
import messagesView from "./messages_view.js" with { type: "text" };
import model from "./model.js" with { type: "text" };
import nodeLists from "./node_lists.js" with { type: "text" };
import nodeView from "./node_view.js" with { type: "text" };
import notice from "./notice.js" with { type: "text" };
import peerDetailsCss from "./peer_details.css" with { type: "text" };
import peerDetails from "./peer_details.js" with { type: "text" };
import peerRowView from "./peer_row_view.js" with { type: "text" };
import peerRows from "./peer_rows.js" with { type: "text" };
import peerTable from "./peer_table.js" with { type: "text" };
import peersCss from "./peers.css" with { type: "text" };
import peersNarrowCss from "./peers_narrow.css" with { type: "text" };
import peersView from "./peers_view.js" with { type: "text" };
import receivedMessages from "./received_messages.js" with { type: "text" };
import sentMessages from "./sent_messages.js" with { type: "text" };
import shortcuts from "./shortcuts.js" with { type: "text" };
import shownName from "./shown_name.js" with { type: "text" };
import shownText from "./shown_text.js" with { type: "text" };
import signIn from "./sign_in.js" with { type: "text" };
import sse from "./sse.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import tabTurns from "./tab_turns.js" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import timeline from "./timeline.js" with { type: "text" };
import viewsCss from "./views.css" with { type: "text" };
import visibleSequences from "./visible_sequences.js" with { type: "text" };

/** A file of the page. */
export interface PageFile {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The body compressed by gzip, which is about a quarter. */
  readonly gzip: Uint8Array<ArrayBuffer>;
  /** A strong entity tag (RFC 9110 §8.8.3), quoted. */
  readonly etag: string;
}

const TEXTS: Readonly<Record<string, string>> = {
  "access_dialogs.js": accessDialogs,
  "actions.css": actionsCss,
  "admission_view.js": admissionView,
  "api.js": api,
  "button_action.js": buttonAction,
  "confirm_dialog.js": confirmDialog,
  "copy_button.js": copyButton,
  "counter_tiles.js": counterTiles,
  "counters.js": counters,
  "dom.js": dom,
  "event_feed.js": eventFeed,
  "event_words.js": eventWords,
  "format.js": format,
  "frame.css": frameCss,
  "header.js": header,
  "history.js": history,
  "icon.svg": icon,
  "index.html": index,
  "input_checks.js": inputChecks,
  "invite_form.js": inviteForm,
  "layout.js": layout,
  "list_part.js": listPart,
  "live_stream.js": liveStream,
  "main.js": main,
  "mesh.css": meshCss,
  "mesh_labels.js": meshLabels,
  "mesh_picture.js": meshPicture,
  "mesh_view.js": meshView,
  "message_entry.js": messageEntry,
  "messages_view.js": messagesView,
  "model.js": model,
  "node_lists.js": nodeLists,
  "node_view.js": nodeView,
  "notice.js": notice,
  "peer_details.css": peerDetailsCss,
  "peer_details.js": peerDetails,
  "peer_row_view.js": peerRowView,
  "peer_rows.js": peerRows,
  "peer_table.js": peerTable,
  "peers.css": peersCss,
  "peers_narrow.css": peersNarrowCss,
  "peers_view.js": peersView,
  "received_messages.js": receivedMessages,
  "sent_messages.js": sentMessages,
  "shortcuts.js": shortcuts,
  "shown_name.js": shownName,
  "shown_text.js": shownText,
  "sign_in.js": signIn,
  "sse.js": sse,
  "style.css": style,
  "tab_turns.js": tabTurns,
  "theme.js": theme,
  "timeline.js": timeline,
  "views.css": viewsCss,
  "visible_sequences.js": visibleSequences,
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
    gzip: Uint8Array.from(gzipSync(body)),
    etag: `"${hash("sha256", body, "base64url").slice(0, 22)}"`,
  };
  made.set(path, file);
  return file;
}
