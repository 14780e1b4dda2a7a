/**
 * `@std/text/closest-string` for the default import map: the standard library's code from npm,
 * with the types it lacks there. `import_map.jsr.json` points at JSR instead.
 *
 * @module
 */
// @ts-types="./closest_string.d.ts"
export { closestString } from "npm:/deno-std@1.4.0/text/closest_string.js";
