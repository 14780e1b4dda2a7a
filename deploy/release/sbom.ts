/**
 * The software bill of materials of a release: CycloneDX 1.6, in JSON. It has the packages of
 * `deno.lock` that the program needs, with their hashes, and Deno itself.
 */
import {
  Enums,
  Models,
  Serialize,
  Spec,
} from "npm:@cyclonedx/cyclonedx-library@10.3.0";
import { dependenciesOf, type LockFile } from "./runtime_packages.ts";

/** Input of {@linkcode makeSbom}. */
export interface SbomInput {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The version of Deno that is in the binary. */
  readonly denoVersion: string;
  /** The packages that are needed, and no others. */
  readonly lock: LockFile;
  /** Packages that the program imports itself, as keys of the lock file. */
  readonly direct: readonly string[];
  /** The licence of a package, as its `package.json` has it. */
  readonly licenseOf: (key: string) => string | undefined;
  /** When the source was committed. */
  readonly date: Date;
}

/** The text of the document; the same for the same input. */
export function makeSbom(input: SbomInput): string {
  const { name, version, license, denoVersion, lock, date } = input;
  const { Application, Library, Platform } = Enums.ComponentType;
  const bom = new Models.Bom();
  bom.metadata.timestamp = date;
  const program = new Models.Component(Application, name, {
    version,
    bomRef: `${name}@${version}`,
  });
  program.licenses.add(new Models.SpdxLicense(license));
  bom.metadata.component = program;

  const deno = new Models.Component(Platform, "deno", {
    version: denoVersion,
    purl: `pkg:github/denoland/deno@v${denoVersion}`,
    bomRef: `deno@${denoVersion}`,
  });
  deno.licenses.add(new Models.SpdxLicense("MIT"));
  bom.components.add(deno);
  program.dependencies.add(deno.bomRef);

  const components = new Map(
    Object.entries(lock.npm).map(([key, { integrity }]) => {
      const component = packageComponent(Library, key, integrity);
      const known = input.licenseOf(key);
      if (known !== undefined) component.licenses.add(licenseFor(known));
      return [key, component];
    }),
  );
  for (const [key, component] of components) {
    bom.components.add(component);
    for (const dependency of dependenciesOf(lock, key)) {
      const there = components.get(dependency);
      if (there !== undefined) component.dependencies.add(there.bomRef);
    }
  }
  for (const key of input.direct) {
    const component = components.get(key);
    if (component === undefined) throw new Error(`deno.lock lacks ${key}`);
    program.dependencies.add(component.bomRef);
  }
  const format = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(format)
    .serialize(bom, { sortLists: true, space: 2 });
  return `${text}\n`;
}

/** Name and version of a key of the lock file, which may name versions of peers behind `_`. */
export function packageOf(key: string): { name: string; version: string } {
  const [, name, version] = /^(.+?)@([^_]+)/.exec(key) ?? [];
  if (name === undefined || version === undefined) {
    throw new Error(`deno.lock has ${key}, must be NAME@VERSION`);
  }
  return { name, version };
}

function packageComponent(
  type: Enums.ComponentType,
  key: string,
  integrity: string,
): Models.Component {
  const { name, version } = packageOf(key);
  const [, base64] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (base64 === undefined) {
    throw new Error(`deno.lock has ${integrity} for ${key}, must be SHA-512`);
  }
  const hash = Uint8Array.fromBase64(base64).toHex();
  const [, scope, plain = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return new Models.Component(type, plain, {
    ...(scope !== undefined && { group: scope }),
    version,
    purl,
    bomRef: purl,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-512"], hash]]),
  });
}

/** An SPDX identifier, an expression of several, or whatever else the package says. */
function licenseFor(text: string): Models.License {
  if (/^[A-Za-z0-9.+-]+$/.test(text)) return new Models.SpdxLicense(text);
  return / (OR|AND|WITH) /.test(text)
    ? new Models.LicenseExpression(text)
    : new Models.NamedLicense(text);
}
