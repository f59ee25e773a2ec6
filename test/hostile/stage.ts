/** A whole engine in a case's folder: a source, a repository, a home, and processes that change the source or target meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type OpenRepository, openEngine } from '../../src-main/engine/index.ts';
import type { RestoreRequest } from '../../src-main/engine/api.ts';
import type { RestoreReport } from '../../src-shared/model/index.ts';
import { type CaseRoom, outcomeOf } from './case.ts';

export class Stage {
  readonly room: CaseRoom;
  readonly source: string;
  readonly target: string;
  readonly place: string;
  #repository: OpenRepository | undefined;

  constructor(room: CaseRoom) {
    this.room = room;
    this.source = room.path('source');
    this.target = room.path('target');
    this.place = room.path('repository');
    mkdirSync(this.source);
  }

  /** A file of the source, with the folders above it. */
  put(name: string, content: string | Uint8Array = `content of ${name}`): string {
    const file = path.join(this.source, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** The repository, made at the first call; not encrypted, because nothing here is about keys. */
  async repository(): Promise<OpenRepository> {
    if (this.#repository !== undefined) return this.#repository;
    const engine = openEngine({ home: this.room.path('home'), log: () => undefined });
    await engine.init({ repository: this.place, compression: 'zstd:1' });
    this.#repository = await engine.open(this.place, () => Promise.reject(new Error('no password is needed')));
    return this.#repository;
  }

  async backup(source = this.source): Promise<Awaited<ReturnType<OpenRepository['backup']>>> {
    return (await this.repository()).backup({ sources: [Buffer.from(source)] });
  }

  async restore(options: Partial<RestoreRequest> = {}): Promise<RestoreReport> {
    const repository = await this.repository();
    return repository.restore({
      from: { snapshot: 'latest', path: new Uint8Array(0) },
      target: Buffer.from(this.target),
      ...options,
    });
  }

  /** A value or a typed error, in every mode of overwriting. */
  async restoreInEveryMode(options: Partial<RestoreRequest> = {}): Promise<void> {
    for (const overwrite of ['never', 'if-newer', 'keep-both', 'if-changed', 'always'] as const)
      for (const dryRun of [true, false]) await outcomeOf(() => this.restore({ overwrite, dryRun, ...options }));
    await outcomeOf(() => this.restore({ overwrite: 'always', delete: true, ...options }));
  }
}

/** Runs a piece of script again and again in a process of its own while something is under attack. */
export async function whileRunning<Value>(script: string, folder: string, run: () => Promise<Value>): Promise<Value> {
  const loop = `const fs=require('node:fs');const t=(f)=>{try{f()}catch{}};process.chdir(process.argv[1]);
    process.stdout.write('.');for(let round=0;;round++){${script}}`;
  const child: ChildProcess = spawn(process.execPath, ['-e', loop, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  try {
    return await run();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
