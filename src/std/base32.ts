/**
 * `@std/encoding/base32` for the default import map: the standard library's code from npm,
 * with the types it lacks there. `import_map.jsr.json` points at JSR instead.
 *
 * @module
 */
// @ts-types="./base32.d.ts"
export {
  decodeBase32,
  encodeBase32,
} from "npm:/deno-std@1.4.0/encoding/base32.js";
