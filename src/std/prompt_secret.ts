/**
 * `@std/cli/prompt-secret` for the default import map: the real standard library
 * code from npm, with the types it lacks there. `import_map.jsr.json` points at
 * JSR instead.
 *
 * @module
 */
// @ts-types="./prompt_secret.d.ts"
export { promptSecret } from "deno-std/cli/prompt_secret.js";
