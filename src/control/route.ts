/** What a route of the control API is, and how it reads what it is asked. */
import type { PeerId } from "../identity/identity.ts";
import type { Node } from "../mesh/node.ts";
import { memberChosen } from "../mesh/peers/find_peers.ts";
import type { BodyReader } from "./body.ts";
import { Refusal } from "./refusal.ts";

/** What a route works with. */
export interface RouteContext {
  readonly node: Node;
  readonly bodies: BodyReader;
  readonly request: Request;
  readonly query: URLSearchParams;
  /** Resolves after so long, or when the server closes. */
  readonly patience: (ms: number) => Promise<void> & Disposable;
  /** Figures of the server itself, for `status`. */
  readonly control: () => Record<string, unknown>;
  /** Opens a stream of events. */
  readonly watch: (query: URLSearchParams) => Promise<Response>;
  /** Asks the process to leave. */
  readonly stop: () => void;
}

/** An answer: a value, which becomes JSON, or a response of its own. */
export type Answer = unknown;

/** One method of one path. */
export interface Route {
  /** Parameters that the query may have. */
  readonly query?: readonly string[];
  readonly status?: number;
  readonly handle: (context: RouteContext) => Answer | Promise<Answer>;
}

/** Routes by path and method. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>;

/** The one member that a request means by a name, an identity or its first digits. */
export function memberOf(node: Node, text: string): PeerId {
  return memberChosen(text, node.findPeers(text));
}

/**
 * A parameter of the query.
 *
 * @throws {Refusal} 400 when it is missing or empty.
 */
export function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value !== null && value !== "") return value;
  throw new Refusal(400, "bad-request", `The query must have ${name}`);
}

/**
 * A field of a JSON body.
 *
 * @throws {Refusal} 400 when it is of another type.
 */
export function optional<T extends "string" | "number">(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  type: T,
): (T extends "string" ? string : number) | undefined;
export function optional(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  type: "string" | "number",
): unknown {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined || typeof value === type) return value;
  throw new Refusal(400, "bad-request", `${name} must be a ${type}`);
}
