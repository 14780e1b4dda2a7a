/**
 * The wire format: frames of Bitcoin's protocol, and the messages in them. Pure: bytes
 * in, values out.
 *
 * @module
 */
export { encodeFrame, type Frame } from "./frame.ts";
export { FrameDecoder, type FrameDecoderOptions } from "./frame_decoder.ts";
export {
  type AddrEntry,
  decodeAddr,
  decodeAddrV2,
  decodeFeature,
  encodeAddr,
  encodeAddrV2,
  encodeFeature,
  type FeatureMessage,
} from "./messages/bitcoin_messages.ts";
export {
  decodeLegacyReject,
  encodeLegacyReject,
  type LegacyReject,
} from "./messages/reason.ts";
export {
  decodePing,
  decodePong,
  encodePing,
  encodePong,
  type PingMessage,
  type PongMessage,
} from "./messages/ping.ts";
export {
  decodeVersion,
  encodeVersion,
  type VersionAddress,
  type VersionMessage,
} from "./messages/version.ts";
export type { NetworkAddress } from "./bip155.ts";
