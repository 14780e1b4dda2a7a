/** What every command is: how it is called (`args.ts`), and what it does then. */
import { type Command, parseCommand, type ParsedCommand } from "./args.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";
import { renderHelp } from "./help.ts";
import { openTerminal, type Output, type Terminal } from "./terminal.ts";

/** A command that can be run. */
export interface Program extends Command {
  /** Parses the arguments after the command's name, and does the work. */
  run(argv: readonly string[], output: Output): Promise<ExitCode>;
}

/** What a command's action gets. */
export interface Invocation<F extends FlagSpecs> {
  readonly flags: FlagValues<F>;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
  /** Aborts when stdout cannot be written any more; the reason is the error. */
  readonly outputLost: AbortSignal;
}

/** Puts a command and its action together. */
export function program<const F extends FlagSpecs>(
  command: Command<F>,
  action: (invocation: Invocation<F>) => Promise<ExitCode>,
): Program {
  // Commands have flags of many types, and only this function knows those of this one.
  const untyped = command as unknown as Command;
  return {
    ...untyped,
    async run(argv, output) {
      const parsed: ParsedCommand<F> = parseCommand(command, argv);
      if (parsed.help) {
        const { stdout, columns, out } = openTerminal(output);
        stdout.line(renderHelp(untyped, { columns, color: out.enabled }));
        return EXIT.success;
      }
      const { flags, positionals } = parsed;
      const { color, json }: Readonly<Record<string, unknown>> = flags;
      const terminal = openTerminal(
        output,
        typeof color === "boolean" ? color : undefined,
      );
      // Lines of JSON are read by programs, or by people that want them whole.
      if (json === true) output.stdout.columns = undefined;
      const outputLost = output.stdout.failure;
      try {
        return await action({ flags, positionals, terminal, outputLost });
      } catch (error) {
        // Flags that are valid one by one, and not together.
        if (error instanceof UsageError) error.command ??= command.name;
        throw error;
      }
    },
  };
}
