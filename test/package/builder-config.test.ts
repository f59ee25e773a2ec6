/**
 * electron-builder.yml against the schema that electron-builder itself holds it to, because a package for every system
 * is built seldom and a misspelt key would be found then.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
// Both are electron-builder's own: what it reads the file with, and what it checks it with.
const builderRequire = createRequire(createRequire(import.meta.url).resolve('electron-builder/package.json'));
const libraryRequire = createRequire(builderRequire.resolve('app-builder-lib/package.json'));

type Yaml = { readonly load: (text: string) => Record<string, unknown> };
type Ajv = {
  readonly compile: (
    schema: object,
  ) => ((value: unknown) => boolean) & { readonly errors?: readonly { readonly message?: string }[] };
};

const yaml = libraryRequire('js-yaml') as Yaml;
const { default: AjvClass } = libraryRequire('ajv') as { default: new (options: object) => Ajv };
const schema = JSON.parse(readFileSync(libraryRequire.resolve('app-builder-lib/scheme.json'), 'utf8')) as object;

const config = yaml.load(readFileSync(path.join(root, 'electron-builder.yml'), 'utf8'));
const packageFile = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly main: string;
  readonly desktopName: string;
  readonly dependencies: Record<string, string>;
};

describe('electron-builder.yml', () => {
  let validate: ReturnType<Ajv['compile']>;
  beforeAll(() => {
    validate = new AjvClass({ allErrors: true, strict: false }).compile(schema);
  });

  it('is what electron-builder’s schema allows', () => {
    validate(config);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('would not be, with a key that electron-builder does not know', () => {
    expect(validate({ ...config, electronFusses: {} })).toBe(false);
    expect(validate({ ...config, linux: { ...(config['linux'] as object), categories: 'Utility' } })).toBe(false);
  });

  it('names files that exist', () => {
    const named = JSON.stringify(config).match(/assets\/[\w.-]+/g) ?? [];
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
    expect(packageFile.main).toBe('out/main/main.js');
  });

  it('gives the desktop entry the name that the app has for the desktop', () => {
    const { executableName } = config['linux'] as { executableName: string };
    expect(packageFile.desktopName).toBe(`${executableName}.desktop`);
  });

  it('leaves out of the package exactly the dependencies that the build puts into our own files and no other needs', () => {
    const build = readFileSync(path.join(root, 'scripts/build.mjs'), 'utf8');
    const natives: readonly string[] = /NATIVE = \[([^\]]+)\]/.exec(build)?.[1]?.match(/[@\w/-]+/g) ?? [];
    const neededBy = (name: string): readonly string[] => {
      const file = path.join(root, 'node_modules', name, 'package.json');
      return Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: object }).dependencies ?? {});
    };
    // What a native package needs itself is there for it.
    const kept = new Set([...natives, ...natives.flatMap(neededBy)]);
    const bundled = Object.keys(packageFile.dependencies).filter((name) => !kept.has(name));
    const excluded = /!node_modules\/\{([^}]+)\}\/\*\*/.exec(JSON.stringify(config))?.[1]?.split(',') ?? [];
    expect(excluded.sort()).toEqual(bundled.map((name) => name.split('/')[0]).sort());
  });
});
