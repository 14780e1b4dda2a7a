import { MUTANTS } from "/work/wt/choosing/tests/mutants/table.ts";
import { Copy } from "/work/wt/choosing/tests/mutants/run.ts";
import { parseMutants } from "/work/wt/choosing/tests/mutants/table.ts";
const names = new Set(parseMutants(Deno.readTextFileSync("/work/wt/choosing/tests/mutants/relayed.txt")).map(m=>m.name));
using copy = new Copy();
for (const m of MUTANTS.filter(m=>names.has(m.name))) { const r = await copy.try(m, 90_000); console.log(r.outcome, m.name); }
