/**
 * The wire format: frames of Bitcoin's protocol, and the messages in them. Pure: bytes
 * in, values out.
 *
 * @module
 */
export { encodeFrame, FrameDecoder } from "./frame.ts";
export {
  decodeAddr,
  decodeAddrV2,
  encodeAddr,
  encodeAddrV2,
} from "./messages/addr.ts";
export { decodeFeature, encodeFeature } from "./messages/feature.ts";
export {
  decodeLegacyReject,
  encodeLegacyReject,
} from "./messages/legacy_reject.ts";
export {
  decodePing,
  decodePong,
  encodePing,
  encodePong,
} from "./messages/ping.ts";
export { decodeVersion, encodeVersion } from "./messages/version.ts";
export type { NetworkAddress } from "./bip155.ts";
export type { Frame, FrameDecoderOptions } from "./frame.ts";
export type { AddrEntry } from "./messages/addr.ts";
export type { FeatureMessage } from "./messages/feature.ts";
export type { LegacyReject } from "./messages/legacy_reject.ts";
export type { PingMessage, PongMessage } from "./messages/ping.ts";
export type { VersionAddress, VersionMessage } from "./messages/version.ts";
