/** Archives that are the same, byte for byte, whenever and wherever the same files are packed. */
import { gzipSync } from "node:zlib";
import { zipSync } from "npm:fflate@0.8.3";
import { packTar } from "npm:modern-tar@0.8.6";

/** A file that is packed. */
export interface PackedFile {
  /** Where it is. */
  readonly path: string;
  /** Its name in the archive. */
  readonly name: string;
  readonly executable: boolean;
}

/** What is packed. */
export interface PackOptions {
  /** The one folder of the archive, with all files in it. */
  readonly root: string;
  readonly contents: readonly PackedFile[];
  /** The time of all files. */
  readonly date: Date;
}

/** Host systems in a ZIP file: modes of files are those of Unix. */
const ZIP_UNIX = 3;
/** ZIP has no earlier time. */
const ZIP_EPOCH = Date.UTC(1980, 0, 1);

/** Packs files; the archive is built in memory. */
export async function pack(
  form: "tar.gz" | "zip",
  { root, contents, date }: PackOptions,
): Promise<Uint8Array> {
  const files = await Promise.all(
    contents.map(async ({ path, name, executable }) => ({
      name: `${root}/${name}`,
      mode: executable ? 0o755 : 0o644,
      body: await Deno.readFile(path),
    })),
  );
  files.sort((a, b) => a.name < b.name ? -1 : 1);
  if (form === "tar.gz") {
    const tar = await packTar(
      files.map(({ name, mode, body }) => ({
        header: {
          name,
          mode,
          size: body.length,
          mtime: date,
          uid: 0,
          gid: 0,
          uname: "root",
          gname: "root",
          type: "file" as const,
        },
        body,
      })),
    );
    return gzipSync(tar, { level: 9 });
  }
  const mtime = localTime(new Date(Math.max(date.getTime(), ZIP_EPOCH)));
  return zipSync(
    Object.fromEntries(files.map(({ name, mode, body }) => [
      name,
      [body, { level: 9, mtime, os: ZIP_UNIX, attrs: (0o100000 | mode) << 16 }],
    ])),
  );
}

/** ZIP has the time of a clock on a wall; this is the one of UTC, on any machine. */
function localTime(date: Date): Date {
  return new Date(date.getTime() + date.getTimezoneOffset() * 60_000);
}
