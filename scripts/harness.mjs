/**
 * Builds the programs of test/fuzz/harness: the addon's sources that know nothing of JavaScript, compiled
 * with a sanitizer, and a harness with them. By clang with libFuzzer where there is one, otherwise by
 * gcc with a loop of our own (loop.cc). Needs libuv's headers (libuv1-dev).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { embed, includes, kernelSources, root } from './sources.mjs';

const harnesses = join(root, 'test/fuzz/harness');
const common = ['-g', '-O1', '-fno-omit-frame-pointer', '-fno-common'];

/** clang with its runtime, by any of the names that Debian gives it. */
export function findClang() {
  for (const version of ['', '-19', '-18', '-17', '-16', '-15', '-14']) {
    try {
      const runtime = execFileSync(
        `clang++${version}`,
        ['-print-file-name=libclang_rt.fuzzer-x86_64.a'],
        {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      ).trim();
      if (existsSync(runtime) || existsSync(join(dirname(runtime), '../libclang_rt.fuzzer.a'))) {
        return { c: `clang${version}`, cxx: `clang++${version}`, fuzzer: true };
      }
    } catch {
      // it is not installed
    }
  }
  return undefined;
}

export const gcc = { c: 'gcc', cxx: 'g++', fuzzer: false };

/**
 * What builds with one compiler and one set of sanitizers, in a folder.
 *
 * @param sanitizers as of -fsanitize
 */
export class Builder {
  constructor(folder, compiler, sanitizers) {
    this.folder = folder;
    this.compiler = compiler;
    this.flags = [...common, `-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all'];
    if (sanitizers.includes('undefined')) this.flags.push('-fno-sanitize=vptr');
    // So that the fuzzer sees which ways an input goes in what is tested, not in the harness alone.
    if (compiler.fuzzer) this.flags.push('-fsanitize=fuzzer-no-link');
    mkdirSync(folder, { recursive: true });
    embed(folder);
    this.include = [...includes(), '-idirafter', folder];
  }

  /** The addon's own sources as an archive: of it a harness takes what it has not itself. */
  async archive() {
    const path = join(this.folder, 'kernel.a');
    const queue = kernelSources();
    const objects = [];
    const worker = async () => {
      for (let source = queue.shift(); source; source = queue.shift()) {
        // Two folders may have a file of the same name.
        const object = join(this.folder, `${relative(root, source).replaceAll('/', '-')}.o`);
        objects.push(object);
        await this.#run(this.compiler.cxx, [...this.#cxx(), '-c', '-o', object, source]);
      }
    };
    await Promise.all([worker(), worker()]);
    rmSync(path, { force: true }); // ar would leave in it what an earlier run has put there
    execFileSync('ar', ['rcs', path, ...objects]);
    return path;
  }

  /**
   * @param archive of `archive()`
   * @param driven whether the harness has a function for an input, and is to be driven by a fuzzer
   */
  async harness(name, archive, driven = true) {
    const output = join(this.folder, name);
    const sources = [join(harnesses, `${name}.cc`)];
    const parts = join(harnesses, `${name.replace(/_.*/, '')}_parts.c`);
    if (existsSync(parts)) {
      const object = join(this.folder, `${basename(parts)}.o`);
      // As the launcher itself is compiled: strings are not what the compiler knows of strings.
      const flags = ['-std=gnu11', '-w', '-fno-builtin', ...this.flags, ...this.include];
      await this.#run(this.compiler.c, [...flags, '-c', '-o', object, parts]);
      // It is no program's beginning here; and what it remembers gets names.
      const renamed = ['data', 'bss'].flatMap(name => [
        '--rename-section',
        `.${name}=launcher_${name},alloc,load,data,contents`,
      ]);
      await this.#run('objcopy', ['--redefine-sym', '_start=launcher_start', ...renamed, object]);
      sources.push(object);
    }
    const flags = this.#cxx();
    if (driven && this.compiler.fuzzer) flags.push('-fsanitize=fuzzer');
    else if (driven) sources.push(join(harnesses, 'loop.cc'));
    await this.#run(this.compiler.cxx, [
      ...flags,
      '-o',
      output,
      ...sources,
      archive,
      '-luv',
      '-lpthread',
    ]);
    return output;
  }

  #cxx() {
    return ['-std=c++20', '-w', ...this.flags, ...this.include];
  }

  async #run(command, args) {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${code}`);
  }
}

/** The harnesses that take an input. */
export const driven = ['netlink_answers', 'proc_files', 'launcher_request'];

/** What processes have written to `log_path=path`, which they have put their pids behind. */
export function reportsFrom(path) {
  const names = readdirSync(dirname(path)).filter(name => name.startsWith(`${basename(path)}.`));
  return names
    .map(name => {
      const text = readFileSync(join(dirname(path), name), 'utf8');
      rmSync(join(dirname(path), name));
      return text;
    })
    .join('');
}

/** What a sanitizer said, from the line that begins it. */
export function reportIn(text) {
  const at = text.search(
    /==\d+==ERROR|WARNING: ThreadSanitizer|runtime error:|SUMMARY: |AddressSanitizer|libFuzzer: /,
  );
  return at < 0 ? text.slice(-3000) : text.slice(text.lastIndexOf('\n', at) + 1).slice(0, 6000);
}
