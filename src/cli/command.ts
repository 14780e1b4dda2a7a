/** What every command is: how it is called, and what it does then. */
import type { ExitCode } from "./exit.ts";
import type { FlagSpecs, FlagValues } from "./flags.ts";
import { type CommandSpec, parseArguments } from "./parse_arguments.ts";
import { openTerminal, type Output, type Terminal } from "./terminal.ts";

/** What a command's action gets. */
export interface Invocation<F extends FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborts when stdout cannot be written any more; the reason is the error. */
  readonly outputLost: AbortSignal;
}

/** A command that can be run. */
export interface Command extends CommandSpec {
  /** Parses the arguments after the command's name, and does the work. */
  run(argv: readonly string[], output: Output): Promise<ExitCode>;
}

/** Puts together how a command is called and its action. */
export function command<const F extends FlagSpecs>(
  spec: CommandSpec<F>,
  action: (invocation: Invocation<F>) => Promise<ExitCode>,
): Command {
  return {
    ...spec,
    async run(argv, output) {
      const { flags, positionals } = parseArguments(spec, argv);
      const { color, json }: Readonly<Record<string, unknown>> = flags;
      const terminal = openTerminal(
        output,
        typeof color === "boolean" ? color : undefined,
      );
      // Lines of JSON are read by programs, or by people that want them whole.
      if (json === true) output.stdout.columns = undefined;
      const outputLost = output.stdout.failure;
      return await action({ flags, positionals, terminal, outputLost });
    },
  };
}
