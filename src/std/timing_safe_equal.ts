/**
 * `@std/crypto/timing-safe-equal` for the default import map: the real standard
 * library code from npm, with the types it lacks there. `import_map.jsr.json`
 * points at JSR instead.
 *
 * @module
 */
// @ts-types="./timing_safe_equal.d.ts"
export { timingSafeEqual } from "npm:/deno-std@1.4.0/crypto/timing_safe_equal.js";
