/**
 * node examples/files.mjs PID|NAME PATH [TEXT]: adds a line to a file of a container, and reads it from
 * outside and from inside.
 */
import fs from 'node:fs/promises';
import { evaluate, openRoot } from 'linux-namespaces';
import { targetOf } from './target.mjs';

const [name, path, text] = process.argv.slice(2);
const target = await targetOf(name);

// From outside: nothing is run in there, and no link in there leads to a file of ours.
const root = openRoot(target);
if (text !== undefined) await root.appendFile(path, `${text}\n`);
const outside = await root.readFile(path, 'utf8');
root.close();

// From inside: a function of ours, with the rights of the container.
const inside = await evaluate(target, 'all', file => fs.readFile(file, 'utf8'), path);

process.stdout.write(outside);
console.log(inside === outside ? '(the same inside)' : `(inside it is)\n${inside}`);
