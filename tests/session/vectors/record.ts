/**
 * Records the sessions of `tests/vectors/mesh_sessions.json` with two nodes. Run as
 * a program it writes that file anew, which is due when the protocol changes:
 *
 *     deno run --allow-read --allow-write --allow-env tests/session/vectors/record.ts
 */
import { Identity } from "../../../src/identity/identity.ts";
import { inviteSecret, parseInvite } from "../../../src/identity/invite.ts";
import { deriveNetworkKey } from "../../../src/identity/shared_secret.ts";
import { networkMagic } from "../../../src/wire/frame.ts";
import {
  optionsOf,
  perform,
  REST_MS,
  type Setup,
  SETUPS,
  startThird,
  takeAll,
} from "./sessions.ts";
import { derive, type Derived } from "./derived.ts";
import { type Recorded, Tape } from "./tape.ts";
import {
  HOSTS,
  type Keys,
  NETWORK_NAME,
  PORT,
  type Role,
  World,
} from "./world.ts";

/** Where the vectors are. */
export const FILE = new URL(
  "../../vectors/mesh_sessions.json",
  import.meta.url,
);

/** One recorded session. */
export interface Session {
  readonly name: string;
  readonly about: string;
  /** The network's secret and the key derived from it. */
  readonly secret?: { readonly text: string; readonly key: string };
  /** The invite's line, and what is derived from its code. */
  readonly invite?: {
    readonly line: string;
    readonly id: string;
    readonly key: string;
  };
  /** What a person does, and before which frame (0 is the first). */
  readonly actions: readonly (Setup["actions"][number] & {
    readonly before: number;
  })[];
  readonly frames: readonly Recorded[];
  /** What both ends compute from these frames. */
  readonly derived: Derived;
}

/** All of `mesh_sessions.json`. */
export interface Vectors {
  readonly network: string;
  readonly magic: string;
  readonly keys: Keys;
  readonly sessions: readonly Session[];
}

/** Records every session anew, with these keys. */
export async function recordAll(keys: Keys): Promise<Vectors> {
  const sessions: Session[] = [];
  let world = new World(keys);
  for (const setup of SETUPS) {
    if (!setup.continues) world = new World(keys);
    sessions.push(await record(world, setup));
  }
  const magic = networkMagic(NETWORK_NAME).toHex();
  return { network: NETWORK_NAME, magic, keys, sessions };
}

async function record(world: World, setup: Setup): Promise<Session> {
  const { name, about, secret } = setup;
  const magic = networkMagic(NETWORK_NAME);
  const tape = new Tape(magic);
  const place = {
    id: world.keys.listener.id,
    address: `${HOSTS.listener}:${PORT}`,
  };
  const options = (role: Role) => optionsOf(setup, role, place, line);
  let line: string | undefined;
  const listener = await world.start(name, "listener", options("listener"));
  if (setup.invited) line = listener.admission.invite();
  const third = setup.third && await startThird(world, setup, listener);
  const dialer = await world.start(
    name,
    "dialer",
    options("dialer"),
    (transport) => ({
      ...transport,
      dial: async (address, dialOptions) => {
        const connection = await transport.dial(address, dialOptions);
        return address.host === HOSTS.listener
          ? tape.record(connection, "dialer")
          : connection;
      },
    }),
  );
  const nodes = { listener, dialer };
  const taking = [takeAll(listener), takeAll(dialer)];
  const actions: Session["actions"][number][] = [];
  for (const action of setup.actions) {
    await world.clock.advance(REST_MS);
    actions.push({ before: tape.frames.length, ...action });
    perform(nodes[action.by], action, world.keys);
  }
  await world.clock.advance(REST_MS);
  const closing = [listener.close(), dialer.close(), third?.close()];
  await world.clock.advance(3_000);
  await Promise.all([...closing, ...taking]);
  const invite = line === undefined
    ? undefined
    : { line, ...inviteSecret(parseInvite(line).code) };
  const key = secret === undefined ? undefined : await deriveNetworkKey(
    new TextEncoder().encode(secret),
    NETWORK_NAME,
  );
  return {
    name,
    about,
    ...(secret !== undefined && key !== undefined && {
      secret: { text: secret, key: key.toHex() },
    }),
    ...(invite && {
      invite: { line: invite.line, id: invite.id, key: invite.key.toHex() },
    }),
    actions,
    frames: tape.frames,
    derived: derive(magic, world.keys, tape.frames),
  };
}

/** The vectors as they are kept. */
export async function readVectors(): Promise<Vectors> {
  return JSON.parse(await Deno.readTextFile(FILE));
}

async function newKeys(): Promise<Keys> {
  const make = async () => {
    const identity = await Identity.generate({ keyType: "Ed25519" });
    return {
      id: identity.id,
      privateKey: identity.privateKeyPem,
      certificate: identity.certificatePem,
    };
  };
  return {
    dialer: await make(),
    listener: await make(),
    third: await make(),
  };
}

if (import.meta.main) {
  const keys = await readVectors().then((it) => it.keys).catch(newKeys);
  const vectors = await recordAll(keys);
  await Deno.writeTextFile(FILE, `${JSON.stringify(vectors, null, 1)}\n`);
}
