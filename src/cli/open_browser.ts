/**
 * Opens a one-time address in the user's browser. All users of a machine see the arguments of
 * its programs, so the browser gets the name of a file that only this user can read, and that
 * leads to the address.
 */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import { escapeText } from "../core/escape.ts";
import { PAGE_FILE } from "../control/control_endpoint.ts";
import { PRIVATE_FILE_MODE } from "../identity/private_file.ts";
import { missingFlag } from "../transport/net_errors.ts";
import { OPENER_WAIT_MS } from "./cli_limits.ts";
import { grantedEnv } from "./command.ts";

/** What opens a file in the browser, by operating system; never a shell. */
const OPENERS: Readonly<
  Partial<Record<typeof Deno.build.os, readonly [string, ...string[]]>>
> = {
  darwin: ["open"],
  windows: ["rundll32", "url.dll,FileProtocolHandler"],
};
const OPENER = ["xdg-open"] as const;

/** What became of it. */
export type Opened =
  | { readonly opened: true }
  /** Why it was not tried, or failed, for the user. */
  | { readonly opened: false; readonly why: string };

/** Options of {@linkcode openBrowser}. */
export interface OpenBrowserOptions {
  /** Where the file is made; only this user may enter it. */
  readonly directory: string;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** Opens an address if there is a screen; it does not wait for the browser to end. */
export async function openBrowser(
  url: string,
  { directory, clock = systemClock }: OpenBrowserOptions,
): Promise<Opened> {
  if (!hasScreen()) return { opened: false, why: "there is no screen" };
  const [program, ...args] = OPENERS[Deno.build.os] ?? OPENER;
  try {
    // To look a path up takes a permission that an absolute one does without.
    const at = isAbsolute(directory)
      ? directory
      : await Deno.realPath(directory);
    const path = `${at}/${PAGE_FILE}`;
    await writePrivate(path, leadingTo(url));
    const child = new Deno.Command(program, {
      args: [...args, pathToFileURL(path).href],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // Ctrl-C in this terminal is not meant for the browser.
      detached: true,
    }).spawn();
    child.unref();
    const code = await endWithin(child, OPENER_WAIT_MS, clock);
    return code === undefined || code === 0
      ? { opened: true }
      : { opened: false, why: `${program} failed (exit code ${code})` };
  } catch (error) {
    return { opened: false, why: reasonOf(error, program) };
  }
}

/**
 * Whether a browser could be shown to this user. Not over ssh without a display, where it would
 * open on the screen of the machine.
 */
function hasScreen(): boolean {
  const isSet = (name: string) => (grantedEnv(name) ?? "") !== "";
  if (isSet("DISPLAY") || isSet("WAYLAND_DISPLAY")) return true;
  return OPENERS[Deno.build.os] !== undefined && !isSet("SSH_CONNECTION");
}

/** Replaces what is there; never writes through a link. */
async function writePrivate(path: string, text: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.writeTextFile(path, text, {
    createNew: true,
    mode: PRIVATE_FILE_MODE,
  });
}

/** A document that leads to an address at once. */
function leadingTo(url: string): string {
  // As a URL it has no quotes, spaces or angle brackets.
  const { href } = new URL(url);
  const target = href.replaceAll("&", "&amp;");
  return [
    "<!doctype html>",
    '<meta charset="utf-8">',
    '<meta name="referrer" content="no-referrer">',
    `<meta http-equiv="refresh" content="0; url=${target}">`,
    "<title>verack</title>",
    `<p><a href="${target}">The page of the node</a>`,
    "",
  ].join("\n");
}

/** Its exit code, or `undefined` if it is still running then. */
async function endWithin(
  child: Deno.ChildProcess,
  limitMs: number,
  clock: Clock,
): Promise<number | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(limitMs, () => late.resolve(undefined));
  const ended = child.status.then(({ code }) => code);
  const code = await Promise.race([ended, late.promise]);
  cancel();
  return code;
}

function reasonOf(error: unknown, program: string): string {
  if (error instanceof Deno.errors.NotCapable) {
    return escapeText(missingFlag(error.message), { max: 1_000 });
  }
  return error instanceof Deno.errors.NotFound
    ? `there is no ${program}`
    : messageOf(error);
}
