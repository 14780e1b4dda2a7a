import type { PeerId } from "../../../src/core/peer_id.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { MeshView } from "../../../src/cli/demo/mesh_view.ts";
import type { DemoEvent } from "../../../src/cli/demo/demo_event.ts";
import type { NodeEvent } from "../../../src/mesh/events.ts";

/** Identities by name; nobody looks inside them here. */
const id = (name: string) => name.padEnd(64, "0") as PeerId;

function view(...names: string[]): MeshView {
  return new MeshView(names.map((name) => ({ name, id: id(name) })));
}

const up = (
  peer: string,
  direction: "inbound" | "outbound" = "inbound",
  trust: "first-use" | "known" | "pinned" = "known",
): NodeEvent => ({
  type: "peer:up",
  id: id(peer),
  address: "127.0.0.1:1",
  direction,
  trust,
});
const down = (peer: string, left = false): NodeEvent => ({
  type: "peer:down",
  id: id(peer),
  reason: "gone",
  left,
});
const ping = (peer: string): NodeEvent => ({
  type: "ping",
  id: id(peer),
  text: "ping 1",
});
const listening = (name: string, port: number): NodeEvent => ({
  type: "listening",
  id: id(name),
  address: `127.0.0.1:${port}`,
  addresses: [`127.0.0.1:${port}`],
});

/** What is done to a view, in short, and what it says to that. */
type Step = readonly [
  node: string,
  event: NodeEvent | "kill" | { readonly via?: string },
  ...says: string[],
];

function play(mesh: MeshView, steps: readonly Step[]): void {
  for (const [node, event, ...says] of steps) {
    const events = event === "kill"
      ? mesh.kill(node)
      : "type" in event
      ? mesh.apply(node, event)
      : mesh.begin(node, event.via);
    assertEquals(events.map(short), says, `after ${JSON.stringify(event)}`);
  }
}

function short(it: DemoEvent): string {
  switch (it.type) {
    case "starting":
      return `${it.name} starting${it.again ? " again" : ""} via ${it.via}`;
    case "started":
      return `${it.name} at ${it.address} via ${it.via}`;
    case "restarted":
      return `${it.name} at ${it.address}, was ${it.previousAddress}`;
    case "joined":
      return `${it.name} joined ${it.via} (${it.trust}) ${it.links}/${it.of}`;
    case "links":
      return `${it.name} to ${it.peer} ${it.links}/${it.of}`;
    case "apart":
      return `${it.name} misses ${it.peer}`;
    case "complete":
      return `complete ${it.links}/${it.of}`;
    case "pings":
      return `${it.name} heard ${it.from.join("+")}`;
    case "lost":
    case "left":
      return `${it.name} ${it.type} ${it.peer} ${it.links}/${it.of}`;
    case "recognised":
      return `${it.name} knows ${it.peer} (${it.trust}) ${it.links}/${it.of}`;
    case "killed":
      return `${it.name} killed`;
    case "other":
      return `${it.name} other ${it.event.type}`;
    case "refused":
      return `${it.name} refused ${it.address}`;
    default:
      return it.type;
  }
}

const cases: Readonly<Record<string, readonly Step[]>> = {
  "counts a link once both ends have said so": [
    ["a", up("b")],
    ["a", up("b")],
    ["b", up("a", "outbound"), "b to a 1/3"],
    ["b", up("a", "outbound")],
  ],
  "names the end that dialed first, whoever said so last": [
    ["b", up("a", "outbound")],
    ["a", up("b"), "b to a 1/3"],
  ],
  "takes a link away when the first of its ends says so": [
    ["a", up("b")],
    ["b", up("a", "outbound"), "b to a 1/3"],
    ["a", down("b"), "a lost b 0/3"],
    ["b", down("a", true), "b left a 0/3"],
  ],
  "says of a link to the entrance that the node joined, and how far it trusts":
    [
      ["a", {}, "a starting via null"],
      ["a", listening("a", 1), "a at 127.0.0.1:1 via null"],
      ["b", { via: "a" }, "b starting via a"],
      ["b", listening("b", 2), "b at 127.0.0.1:2 via a"],
      ["b", up("a", "outbound", "first-use")],
      ["a", up("b", "inbound"), "b joined a (first-use) 1/3"],
    ],
  "says when the mesh is complete": [
    ["a", up("b")],
    ["b", up("a", "outbound"), "b to a 1/3"],
    ["a", up("c")],
    ["c", up("a", "outbound"), "c to a 2/3"],
    ["b", up("c")],
    ["c", up("b", "outbound"), "c to b 3/3", "complete 3/3"],
  ],
  "tells of pings when a node has heard everybody, once": [
    ["a", ping("b")],
    ["a", ping("b")],
    ["a", ping("c"), "a heard b+c"],
    ["a", ping("c")],
  ],
  "wants the pings of a node that was killed anew": [
    ["a", ping("b")],
    ["a", ping("c"), "a heard b+c"],
    ["c", "kill", "c killed"],
    ["a", ping("b")],
    ["a", ping("c"), "a heard c"],
  ],
  "passes on what strangers do, without counting it": [
    ["a", up("mallory"), "a other peer:up"],
    ["a", ping("mallory"), "a other ping"],
    ["a", down("mallory"), "a other peer:down"],
  ],
  "passes on refusals": [
    [
      "a",
      { type: "refused", address: "127.0.0.1:9", reason: "bad" },
      "a refused 127.0.0.1:9",
    ],
  ],
};

for (const [name, steps] of Object.entries(cases)) {
  Deno.test(`MeshView ${name}`, () => play(view("a", "b", "c"), steps));
}

Deno.test("MeshView follows a node through loss, return and recognition", () => {
  const mesh = view("a", "b");
  play(mesh, [
    ["a", {}, "a starting via null"],
    ["a", listening("a", 1), "a at 127.0.0.1:1 via null"],
    ["b", { via: "a" }, "b starting via a"],
    ["b", listening("b", 2), "b at 127.0.0.1:2 via a"],
    ["b", up("a", "outbound", "first-use")],
    ["a", up("b"), "b joined a (first-use) 1/1", "complete 1/1"],
    ["b", "kill", "b killed"],
  ]);
  assertEquals(mesh.stillHolding("b"), ["a"]);
  assertEquals(mesh.missingLinks(), [], "no node has noticed yet");
  play(mesh, [["a", down("b"), "a lost b 0/1"]]);
  assertEquals(mesh.stillHolding("b"), []);
  assertEquals(mesh.notRecognising("b"), ["a"]);
  play(mesh, [
    ["b", { via: "a" }, "b starting again via a"],
    ["b", listening("b", 3), "b at 127.0.0.1:3, was 127.0.0.1:2"],
    ["a", up("b", "inbound", "known")],
    [
      "b",
      up("a", "outbound", "first-use"),
      "b joined a (first-use) 1/1",
      "a knows b (known) 1/1",
      "complete 1/1",
    ],
  ]);
  assertEquals(mesh.notRecognising("b"), []);
});

Deno.test("MeshView does not take a stranger with the node's name for a return", () => {
  const mesh = view("a", "b");
  mesh.kill("b");
  mesh.apply("a", up("b", "inbound", "first-use"));
  assertEquals(mesh.notRecognising("b"), ["a"]);
});

Deno.test("MeshView names two nodes out of each other's reach once, until they are linked", () => {
  const mesh = view("a", "b", "c");
  const missing = (...pairs: [string, string][]): NodeEvent => ({
    type: "mesh",
    nodes: 3,
    sessions: 1,
    missing: pairs.map(([one, two]) => [id(one), id(two)] as const),
  });
  const apart = (node: string, event: NodeEvent) =>
    mesh.apply(node, event).map((it) => `apart ${short(it)}`);
  assertEquals(apart("a", missing(["a", "b"])), ["apart a misses b"]);
  assertEquals(apart("c", missing(["a", "b"], ["b", "z"])), []);
  mesh.apply("a", up("b"));
  mesh.apply("b", up("a"));
  mesh.apply("a", down("b"));
  assertEquals(apart("b", missing(["a", "b"])), ["apart a misses b"]);
});

Deno.test("MeshView names what is missing", () => {
  const mesh = view("a", "b", "c");
  mesh.apply("a", up("b"));
  mesh.apply("b", up("a"));
  mesh.apply("a", ping("c"));
  assertEquals(mesh.missingLinks(), ["a-c", "b-c"]);
  assertEquals(mesh.missingPings(), [
    "b's by a",
    "a's by b",
    "c's by b",
    "a's by c",
    "b's by c",
  ]);
});

Deno.test("MeshView.linksToCome counts among the nodes that listen", () => {
  const mesh = view("a", "b", "c");
  assertEquals(mesh.linksToCome, 0);
  for (const [i, name] of ["a", "b", "c"].entries()) {
    mesh.begin(name);
    mesh.apply(name, listening(name, i + 1));
  }
  assertEquals(mesh.linksToCome, 3);
  mesh.apply("a", up("b"));
  mesh.apply("b", up("a"));
  assertEquals(mesh.linksToCome, 2);
});

Deno.test("MeshView.ended() speaks of nodes that crash, not of those that were killed", () => {
  const mesh = view("a", "b");
  mesh.begin("a");
  mesh.begin("b");
  mesh.kill("b");
  assertEquals(mesh.ended("b", "killed"), []);
  assertEquals(mesh.ended("a", "exit code 1"), [
    { type: "ended", name: "a", reason: "exit code 1" },
  ]);
});

Deno.test("MeshView.rows() has a row for each node", () => {
  const mesh = view("a", "b");
  mesh.begin("a");
  mesh.apply("a", listening("a", 7));
  mesh.apply("a", up("b"));
  mesh.apply("b", up("a"));
  mesh.apply("a", ping("b"));
  mesh.apply("a", ping("b"));
  assertEquals(mesh.rows(), [
    {
      type: "node",
      name: "a",
      id: id("a"),
      address: "127.0.0.1:7",
      links: 1,
      of: 1,
      pings: 2,
      heard: 1,
    },
    {
      type: "node",
      name: "b",
      id: id("b"),
      address: "",
      links: 1,
      of: 1,
      pings: 0,
      heard: 0,
    },
  ]);
});

Deno.test("MeshView refuses to follow a node it was not told of", () => {
  assertThrows(() => view("a").apply("x", ping("a")), TypeError, "x");
});
