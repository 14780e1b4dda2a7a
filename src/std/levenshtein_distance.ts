/**
 * `@std/text/levenshtein-distance` for the default import map: the standard library's code from
 * npm, with the types it lacks there. `import_map.jsr.json` points at JSR instead.
 *
 * @module
 */
// @ts-types="./levenshtein_distance.d.ts"
export { levenshteinDistance } from "npm:/deno-std@1.4.0/text/levenshtein_distance.js";
