import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { parseArguments } from "../../src/cli/command.ts";
import { CLIENT_FLAGS } from "../../src/cli/client_flags.ts";
import {
  defaultDataDirectory,
  withOtherPlaces,
} from "../../src/cli/data_place.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { NODE_FLAGS } from "../../src/cli/node_command.ts";
import { VerackError } from "../../src/core/errors.ts";

type Env = Readonly<Record<string, string>>;

function defaultOn(os: typeof Deno.build.os, env: Env): string {
  return defaultDataDirectory((name) => env[name], os);
}

Deno.test("the default data directory is where programs of the platform keep data", () => {
  const home = { HOME: "/h/eve" };
  assertEquals(defaultOn("linux", home), "/h/eve/.local/share/verack");
  assertEquals(
    defaultOn("linux", { ...home, XDG_DATA_HOME: "/data/" }),
    "/data/verack",
  );
  assertEquals(
    defaultOn("darwin", { HOME: "/u/eve", XDG_DATA_HOME: "/data" }),
    "/u/eve/Library/Application Support/verack",
  );
  const local = String.raw`C:\u\eve\AppData\Local`;
  assertEquals(
    defaultOn("windows", { LOCALAPPDATA: local }),
    String.raw`${local}\verack`,
  );
});

Deno.test("the root is a home like any other", () => {
  assertEquals(defaultOn("linux", { HOME: "/" }), "/.local/share/verack");
});

Deno.test("a relative XDG_DATA_HOME is ignored, as its specification says", () => {
  const env = { HOME: "/h/eve", XDG_DATA_HOME: "data" };
  assertEquals(defaultOn("linux", env), "/h/eve/.local/share/verack");
});

Deno.test("without a home there is no default directory, and the error says what to give", () => {
  for (const env of [{}, { HOME: "" }, { HOME: "home" }]) {
    const error = assertThrows(() => defaultOn("linux", env), UsageError);
    assertMatch(error.message, /--data DIR or VERACK_DATA=DIR.*HOME/);
  }
});

Deno.test("VERACK_DATA stands in for --data, and gives way to it and to --url", () => {
  const env = (name: string) => name === "VERACK_DATA" ? "/env" : undefined;
  const given = (...argv: string[]) =>
    parseArguments({ flags: CLIENT_FLAGS }, argv, env).flags;
  assertEquals(given().data, "/env");
  assertEquals(given("--data=/flag").data, "/flag");
  assertEquals(given("--url=https://a:1").data, undefined);
  assertThrows(
    () => given("--url=https://a:1", "--data=/flag"),
    UsageError,
    "--url and --data exclude each other",
  );
});

Deno.test("run keeps its state in VERACK_DATA, and nowhere with --no-keep", () => {
  const env = (name: string) => name === "VERACK_DATA" ? "/env" : undefined;
  const given = (...argv: string[]) =>
    parseArguments({ flags: NODE_FLAGS }, argv, env).flags;
  assertEquals(given().data, "/env");
  assertEquals(given("--no-keep").data, undefined);
  assertThrows(
    () => given("--keep", "--data=/flag"),
    UsageError,
    "--keep and --data exclude each other",
  );
});

Deno.test("an error about a directory that no flag named says how another is named", () => {
  const refused = new VerackError("connection-refused", "No node");
  const of = (source: "flag" | "variable" | "default") => {
    const error = withOtherPlaces(refused, { directory: "/d", source });
    assertInstanceOf(error, VerackError);
    return error;
  };
  assertEquals(of("flag"), refused);
  assertEquals(
    of("variable").message,
    `No node runs in "/d" (VERACK_DATA): --data names another, --url one elsewhere`,
  );
  assertEquals(
    of("default").message,
    `No node runs in "/d" (the default): verack run --keep starts one there; ` +
      "--data or VERACK_DATA names another, --url one elsewhere",
  );
  const place = { directory: "/d", source: "default" } as const;
  const other = new VerackError("unknown-peer", "No peer");
  assertEquals(withOtherPlaces(other, place), other);
  const used = new VerackError("data-in-use", "In use");
  const explained = withOtherPlaces(used, place);
  assertInstanceOf(explained, VerackError);
  assertEquals(
    explained.message,
    "In use (the default; --data or VERACK_DATA names another)",
  );
});
