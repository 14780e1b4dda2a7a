/**
 * `@std/cli/parse-args` for the default import map: the real standard library
 * code from npm, with the types it lacks there. `import_map.jsr.json` points at
 * JSR instead.
 *
 * @module
 */
// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:/deno-std@1.4.0/cli/parse_args.js";
