/** What every command is: how it is called, and what it does then. */
import { type Command, parseCommand, type ParsedCommand } from "./args.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { type FlagSpecs, type FlagValues, UsageError } from "./flags.ts";
import { renderHelp } from "./help.ts";
import { openTerminal, type Output, type Terminal } from "./terminal.ts";

/** A command that can be run. */
export interface Program {
  readonly command: Command;
  /** Parses the arguments after the command's name, does the work, says how it ended. */
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
  return {
    // The list of programs is of many flag types; only this closure knows this one's.
    command: command as unknown as Command,
    async run(argv, output) {
      const parsed: ParsedCommand<F> = parseCommand(command, argv);
      if (parsed.help) {
        const { stdout, columns, out } = openTerminal(output);
        const color = out.enabled;
        stdout.line(
          renderHelp(command as unknown as Command, { columns, color }),
        );
        return EXIT.success;
      }
      const { flags, positionals } = parsed;
      const { name } = command;
      const terminal = openTerminal(output, colorOf(flags));
      // A program reads it, or a person who wants it whole.
      if (isJson(flags)) output.stdout.columns = undefined;
      const outputLost = output.stdout.failure;
      const invocation = { flags, positionals, terminal, outputLost };
      return await Promise.try(action, invocation)
        .catch((error) => {
          // Flags that are fine one by one, and not together.
          if (error instanceof UsageError) error.command ??= name;
          throw error;
        });
    },
  };
}

function isJson(flags: Readonly<Record<string, unknown>>): boolean {
  return flags.json === true;
}

function colorOf(
  flags: Readonly<Record<string, unknown>>,
): boolean | undefined {
  return typeof flags.color === "boolean" ? flags.color : undefined;
}
