import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
} from "@std/assert";
import type { CommandSpec } from "../../src/cli/command.ts";
import { renderHelp, renderOverview } from "../../src/cli/help.ts";

const RUN = {
  name: "run",
  summary: "Start a node and keep it in the mesh",
  load: () => Promise.reject(new Error("loaded")),
};

const SPEC: CommandSpec = {
  positionals: [{
    name: "HOST",
    help: "whom to join",
    optional: true,
    variadic: true,
  }],
  flags: {
    port: {
      type: "port",
      short: "p",
      value: "PORT",
      default: 8080,
      help: "Port to listen on",
    },
    connect: {
      type: "list",
      value: "[ID@]HOST:PORT",
      help:
        "Node to join through; with an identity, nobody else is accepted there",
    },
    logLevel: {
      type: "enum",
      value: "LEVEL",
      values: ["off", "info"],
      default: "off",
      env: "VERACK_LOG",
      help: "How much to log",
    },
    color: { type: "boolean", negatable: true, help: "Colours" },
    veryLongNameOfAFlag: {
      type: "string",
      value: "SOME-LONG-VALUE",
      help: "Stands alone",
    },
  },
  environment: { NO_COLOR: "No colours" },
  examples: [["verack run --port 8081", "A node on another port"]],
};

Deno.test("renderHelp() shows everything the definition says, aligned", () => {
  assertEquals(
    renderHelp(RUN, SPEC),
    `verack run: Start a node and keep it in the mesh

USAGE
  verack run [OPTIONS] [HOST…]

ARGUMENTS
  HOST  whom to join

OPTIONS
  -p, --port PORT               Port to listen on (default 8080)
      --connect [ID@]HOST:PORT  Node to join through; with an identity, nobody
                                else is accepted there (may be repeated)
      --log-level LEVEL         How much to log (one of off, info; default off)
      --[no-]color              Colours
      --very-long-name-of-a-flag SOME-LONG-VALUE
                                Stands alone
  -h, --help                    Show this help

ENVIRONMENT
  VERACK_LOG  Used without --log-level
  NO_COLOR    No colours

EXAMPLES
  verack run --port 8081
    A node on another port

EXIT CODES
  0              success
  1              failure
  2              unknown flag or bad value
  129, 130, 143  left after SIGHUP, SIGINT, SIGTERM`,
  );
});

Deno.test("renderHelp() stays within 80 to 100 columns whatever the terminal has", () => {
  const widest = (columns: number) =>
    Math.max(
      ...renderHelp(RUN, SPEC, { columns }).split("\n").map((line) =>
        line.length
      ),
    );
  assert(widest(20) <= 80);
  assertEquals(widest(20), widest(80));
  assert(widest(1_000) > 80 && widest(1_000) <= 100);
});

Deno.test("renderHelp() uses colours only when told to", () => {
  assertFalse(renderHelp(RUN, SPEC).includes("\x1b"));
  assertStringIncludes(
    renderHelp(RUN, SPEC, { color: true }),
    "\x1b[1mUSAGE\x1b[22m",
  );
});

Deno.test("renderOverview() lists the commands, or those of one group", () => {
  const make = { ...RUN, name: "identity new", summary: "Make an identity" };
  const all = renderOverview([RUN, make], { summary: "a mesh" });
  assertStringIncludes(
    all,
    "  run           Start a node and keep it in the mesh\n",
  );
  assertStringIncludes(all, "  identity new  Make an identity\n");
  const group = renderOverview([RUN, make], {
    summary: "a mesh",
    group: "identity",
  });
  assertStringIncludes(group, "  verack identity COMMAND [OPTIONS]\n");
  assertFalse(group.includes("Start a node"));
});
