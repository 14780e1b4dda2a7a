/**
 * The twelve-byte command field of a frame: ASCII 0x20 to 0x7e, NUL-padded
 * (bitcoin `src/protocol.cpp`, `CMessageHeader::IsMessageTypeValid`).
 *
 * Known commands are looked up as three words, without building a string; this
 * is on the path of every frame. `frame.ts` is the only caller.
 */
import { COMMAND } from "./commands.ts";

/** Length of the field, bytes. */
export const COMMAND_FIELD_BYTES = 12;

interface KnownCommand {
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly name: string;
}

const fieldByName = new Map<string, Uint8Array>();
const knownByWord0 = new Map<number, KnownCommand[]>();

for (const name of Object.values(COMMAND)) {
  const field = buildField(name);
  const view = new DataView(field.buffer);
  const word0 = view.getInt32(0, true);
  fieldByName.set(name, field);
  const alike = knownByWord0.get(word0) ?? [];
  alike.push({
    word0,
    word1: view.getInt32(4, true),
    word2: view.getInt32(8, true),
    name,
  });
  knownByWord0.set(word0, alike);
}

/**
 * The field of `command`; for known commands always the same array, which must
 * not be changed.
 *
 * @throws {RangeError} unless it is 1 to 12 characters of 0x20 to 0x7e.
 */
export function commandField(command: string): Uint8Array {
  return fieldByName.get(command) ?? buildField(command);
}

/**
 * The known command whose field is these three words, read as signed 32-bit
 * little-endian numbers; `undefined` when it is none.
 */
export function knownCommand(
  word0: number,
  word1: number,
  word2: number,
): string | undefined {
  const alike = knownByWord0.get(word0);
  if (alike === undefined) return undefined;
  for (const known of alike) {
    if (known.word1 === word1 && known.word2 === word2) return known.name;
  }
  return undefined;
}

/** Reads any field, known or not. An empty name is legal, as it is in Core. */
export function parseCommandField(
  field: Uint8Array,
): { command: string; valid: boolean } {
  let command = "";
  let ended = false;
  for (const byte of field) {
    if (byte === 0) {
      ended = true;
    } else if (ended || byte < 0x20 || byte > 0x7e) {
      return { command: escapeField(field), valid: false };
    } else {
      command += String.fromCharCode(byte);
    }
  }
  return { command, valid: true };
}

/** What is wrong with a field, made fit to be shown: at most 48 printable characters. */
function escapeField(field: Uint8Array): string {
  let text = "";
  for (const byte of field) {
    text += byte >= 0x20 && byte <= 0x7e && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

function buildField(command: string): Uint8Array<ArrayBuffer> {
  if (!/^[\x20-\x7e]{1,12}$/.test(command)) {
    throw new RangeError(
      `Cannot encode frame: command is ${
        JSON.stringify(command.slice(0, 40))
      }, must be 1 to ${COMMAND_FIELD_BYTES} characters of printable ASCII`,
    );
  }
  const field = new Uint8Array(COMMAND_FIELD_BYTES);
  for (let i = 0; i < command.length; i++) field[i] = command.charCodeAt(i);
  return field;
}
