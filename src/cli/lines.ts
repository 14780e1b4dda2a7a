/** Lines of text from a stream of bytes. */

/** The name of standard input in the place of a file. */
export const STDIN = "-";

/** The longest line that a node prints has a few hundred characters. */
const MAX_LINE_CHARS = 16_384;

/** The lines of a UTF-8 stream without their line feeds, cut at `maxChars`. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  maxChars: number = MAX_LINE_CHARS,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (parts.pop() ?? "").slice(0, maxChars);
    for (const line of parts) yield line.slice(0, maxChars);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
