/**
 * TLS over a connection that exists already, such as a stream through another node, by the TLS
 * engine. What is verified is the same as over TCP: `pinned_dial.ts` and `tls_listener.ts` run
 * both.
 */
import type { SecureContext } from "node:tls";
import { writePem } from "../core/pem.ts";
import { EngineConnection } from "./engine_connection.ts";
import { abortError, netError } from "./net_errors.ts";
import { dialPinnedOver } from "./pinned_dial.ts";
import { type NativeEngineClass, TlsEngine } from "./tls_engine.ts";
import { ALPN_PROTOCOL } from "./tls_errors.ts";
import { openByEngine, secureContext } from "./tls_listener.ts";
import type { Connection, Credentials, Overlay } from "./transport.ts";

const PROTOCOL = { name: ALPN_PROTOCOL, required: true };

/** The overlay of a transport with TLS that is run by `Native`. */
export function tlsOverlay(Native: NativeEngineClass): Overlay {
  // A node has one; making it takes as long as a handshake.
  const contexts = new WeakMap<Credentials, SecureContext>();
  return {
    async dial(carrier, { pin, signal }) {
      if (pin === undefined) throw missing(carrier, "dial", "a pin");
      return await dialPinnedOver(carrier, pin, Native, signal);
    },
    async accept(carrier, { credentials, signal }) {
      if (credentials === undefined) {
        throw missing(carrier, "accept", "credentials");
      }
      const address = carrier.remoteAddress;
      const connection = EngineConnection.over(carrier);
      try {
        const context = contexts.getOrInsertComputed(
          credentials,
          () => contextOf(credentials, carrier),
        );
        const make = () => new TlsEngine(Native, context, ALPN_PROTOCOL);
        signal?.throwIfAborted();
        return await openByEngine(connection, make, PROTOCOL, signal);
      } catch (error) {
        connection.close();
        if (signal?.aborted) throw abortError(signal, "accept", address);
        throw netError(error, "accept", address);
      }
    },
  };
}

function contextOf(
  { certificate, privateKeyPem }: Credentials,
  { localAddress }: Connection,
): SecureContext {
  return secureContext("accept", localAddress, {
    cert: writePem("CERTIFICATE", certificate),
    key: privateKeyPem,
  });
}

function missing(carrier: Connection, action: string, what: string): TypeError {
  carrier.close();
  return new TypeError(
    `Cannot ${action} over another connection: TLS needs ${what}`,
  );
}
