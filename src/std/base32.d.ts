// Types of what is used of `@std/encoding/base32`; the npm build ships none.

/** Base32 of RFC 4648 §6, in capitals. */
export declare function encodeBase32(data: Uint8Array): string;

/** The bytes of base32, which must be in capitals. */
export declare function decodeBase32(text: string): Uint8Array<ArrayBuffer>;
