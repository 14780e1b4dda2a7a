/** The recorded sessions: how each is set up, and what persons do during it. */
import type { Node } from "../../../src/mesh/node.ts";
import type { NodeOptions } from "../../../src/mesh/options.ts";
import { HOSTS, type Keys, type Role, type World } from "./world.ts";

/** How long nothing may happen for a session to have come to rest. */
export const REST_MS = 60;

/** What a person does at one end, once nothing more happens by itself. */
export type Action =
  | { readonly by: Role; readonly does: "ping"; readonly text: string }
  | {
    readonly by: Role;
    readonly does: "send";
    readonly topic: string;
    /** The body is so many times the letter `a`. */
    readonly bytes: number;
  }
  | { readonly by: Role; readonly does: "close" };

/** One session as it is set up. */
export interface Setup {
  readonly name: string;
  readonly about: string;
  /** The secret of the network, if it has one. */
  readonly secret?: string;
  /** Whether the listener is closed. */
  readonly closed?: true;
  /** Whether the dialer was given an invite by the listener. */
  readonly invited?: true;
  /** Whether the listener has a session with the third node. */
  readonly third?: true;
  /** Whether the nodes remember the session before. */
  readonly continues?: true;
  readonly actions: readonly Action[];
}

/** In the order in which they follow one another; nodes remember what was before. */
export const SETUPS: readonly Setup[] = [
  {
    name: "secret",
    about:
      "A network with a secret. Peer exchange with an entry about a third node, a ping with text, and messages: a short one, one in several frames with the pings that measure how fast they may follow, and one that is offered first.",
    secret: "correct horse battery staple",
    third: true,
    actions: [
      { by: "dialer", does: "ping", text: "hello" },
      { by: "dialer", does: "send", topic: "greetings", bytes: 5 },
      { by: "dialer", does: "send", topic: "greetings", bytes: 40_000 },
      { by: "listener", does: "send", topic: "", bytes: 70_000 },
      { by: "dialer", does: "close" },
    ],
  },
  {
    name: "invite",
    about:
      "A closed host lets a guest in by an invite, and gives it its welcome.",
    closed: true,
    invited: true,
    actions: [{ by: "listener", does: "close" }],
  },
  {
    name: "statement",
    about:
      "The same guest comes back: it shows the statement of the welcome in its proof.",
    closed: true,
    continues: true,
    actions: [{ by: "dialer", does: "close" }],
  },
];

/** Settings of the node of one role. */
export function optionsOf(
  setup: Setup,
  role: Role,
  listener: { readonly id: string; readonly address: string },
  invite: string | undefined,
): NodeOptions {
  const { secret, closed } = setup;
  return {
    ...(secret !== undefined && { secret }),
    ...(closed && role === "listener" && { admission: "closed" as const }),
    ...(role === "dialer" &&
      (invite !== undefined
        ? { invite }
        : { connect: [`${listener.id}@${listener.address}`] })),
  };
}

/**
 * Starts the third node, which has a session with the listener when it resolves
 * and which the dialer cannot reach.
 */
export async function startThird(
  world: World,
  setup: Setup,
  listener: Node,
): Promise<Node> {
  world.network.cut(HOSTS.dialer, HOSTS.third);
  const third = await world.start(setup.name, "third", {
    ...(setup.secret !== undefined && { secret: setup.secret }),
    connect: [`${listener.identity.id}@${listener.address}`],
  });
  await world.clock.advance(REST_MS);
  return third;
}

/** Carries out an action; what it waits for is not waited for. */
export function perform(node: Node, action: Action, keys: Keys): void {
  switch (action.does) {
    case "ping":
      node.ping(action.text);
      return;
    case "send": {
      const to = keys[action.by === "dialer" ? "listener" : "dialer"].id;
      const body = new Uint8Array(action.bytes).fill(0x61);
      node.send(to, body, { topic: action.topic }).catch(() => {});
      return;
    }
    case "close":
      node.close();
      return;
  }
}

/** Takes every message at once, as an application with nothing else to do. */
export async function takeAll(node: Node): Promise<void> {
  for await (const _ of node.messages());
}
