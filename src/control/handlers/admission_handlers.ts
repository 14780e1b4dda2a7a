/** Handles requests that decide which peers may come in. */
import { parsePeerId } from "../../core/peer_id.ts";
import { inviteSecret, parseInvite } from "../../identity/invite.ts";
import { peerToKeepOut } from "../../mesh/peers/find_peers.ts";
import { formatAddress } from "../../transport/address.ts";
import type { admissionEndpoints } from "../api/admission_endpoints.ts";
import type { Input } from "../api/endpoint.ts";
import type { HandlerContext, Handlers } from "./handler.ts";

/** Handlers of {@linkcode admissionEndpoints}. */
export function admissionHandlers(
  { node }: HandlerContext,
): Handlers<typeof admissionEndpoints> {
  const { admission } = node;
  const decide =
    (action: "deny" | "forget") =>
    ({ id: text }: Input<typeof admissionEndpoints.deny>) => {
      const others = [...admission.joinRequests(), ...admission.accessRules()];
      const id = peerToKeepOut(
        text,
        node.findPeers(text),
        others.map(({ id }) => id),
        admission.holderOf(text),
      );
      admission[action](id);
      return { id };
    };
  return {
    joinRequests: () => ({
      requests: admission.joinRequests().map((
        { id, address, direction, firstSeen, lastSeen },
      ) => ({
        id,
        address: formatAddress(address),
        direction,
        firstSeen: new Date(firstSeen),
        lastSeen: new Date(lastSeen),
      })),
    }),
    accessRules: () => ({
      rules: admission.accessRules().map(({ id, rule, at }) => ({
        id,
        rule,
        at: new Date(at),
      })),
    }),
    allow: ({ id: text, ...options }) => {
      // In full: others can make keys with the same first digits.
      const id = parsePeerId(text.toLowerCase());
      admission.allow(id, options);
      return { id };
    },
    deny: decide("deny"),
    forget: decide("forget"),
    invites: () => ({ invites: admission.invites() }),
    invite: async ({ qr = false, ...input }) => {
      const invite = admission.invite(input);
      const { id } = inviteSecret(parseInvite(invite).code);
      if (!qr) return { invite, id };
      const { qrCode } = await import("../qr_code.ts");
      return { invite, id, qr: qrCode(invite) };
    },
    revoke: ({ id }) => admission.revoke(id),
  };
}
