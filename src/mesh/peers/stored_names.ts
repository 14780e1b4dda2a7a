/** The names that are bound to identities, in memory and in the store. */
import type { Log } from "../../core/log.ts";
import type { PeerId } from "../../core/peer_id.ts";
import {
  type NameBinding,
  type NodeStore,
  ReportedWrites,
} from "./node_store.ts";

/** The bindings of one node, by names as `foldName` has them. */
export class StoredNames {
  readonly #store: NodeStore;
  readonly #writes: ReportedWrites;
  /** The oldest first. */
  readonly #bindings = new Map<string, NameBinding>();
  /** Names bound to each identity, the oldest first. */
  readonly #held = new Map<PeerId, string[]>();

  constructor(store: NodeStore, log: Log) {
    this.#store = store;
    this.#writes = new ReportedWrites(log, "cannot remember names");
    for (const binding of store.nameBindings()) this.#keep(binding);
  }

  get size(): number {
    return this.#bindings.size;
  }

  get(name: string): NameBinding | undefined {
    return this.#bindings.get(name);
  }

  /** Every binding, the oldest first. */
  list(): NameBinding[] {
    return [...this.#bindings.values()];
  }

  /** Names bound to an identity, the oldest first. */
  of(id: PeerId): readonly string[] {
    return this.#held.get(id) ?? [];
  }

  /** The name that the user gave an identity last. */
  givenTo(id: PeerId): string | undefined {
    return this.of(id).findLast((name) => this.get(name)?.confirmed);
  }

  /** Binds a name, in the place of an earlier binding of it. */
  set(binding: NameBinding): void {
    this.#drop(binding.name);
    this.#keep(binding);
    this.#writes.run(() => this.#store.putNameBinding(binding));
  }

  /** Ends the binding of a name. */
  delete(name: string): void {
    if (!this.#drop(name)) return;
    this.#writes.run(() => this.#store.deleteNameBinding(name));
  }

  /** Ends all bindings of an identity. */
  release(id: PeerId): void {
    for (const name of this.of(id)) this.delete(name);
  }

  #keep(binding: NameBinding): void {
    this.#bindings.set(binding.name, binding);
    this.#held.set(binding.id, [...this.of(binding.id), binding.name]);
  }

  #drop(name: string): boolean {
    const bound = this.#bindings.get(name);
    if (bound === undefined) return false;
    this.#bindings.delete(name);
    const held = this.of(bound.id).filter((it) => it !== name);
    if (held.length > 0) this.#held.set(bound.id, held);
    else this.#held.delete(bound.id);
    return true;
  }
}
