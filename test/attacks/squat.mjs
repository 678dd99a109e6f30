// A user's state names containers as root's are named: in a file of the user's, and by links to root's
// own state. It wins when root's is not found by its name, its id or its engine, or when a user's is
// meant by any of these once root's is gone.
import { chownSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folder, library, report } from './harness.mjs';

const { findContainer } = library;
const id = 'ab'.repeat(32);
const state = JSON.stringify([{ id, names: ['web'], layer: 'l', metadata: '{}' }]);
const uid = 1000;

function write(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

await report(async run => {
  const root = join(folder, `root${run}`);
  const own = join(root, 'var/lib/containers/storage/overlay-containers');
  const theirs = join(root, 'home/alice/.local/share/containers/storage');
  write(join(root, 'etc/passwd'), `alice:x:${uid}:${uid}::/home/alice:/bin/sh\n`);
  write(join(own, 'containers.json'), state);
  mkdirSync(join(root, `run/user/${uid}`), { recursive: true });
  mkdirSync(theirs, { recursive: true });
  const links = run % 2 === 1;
  if (links) symlinkSync(own, join(theirs, 'overlay-containers'));
  else write(join(theirs, 'overlay-containers/containers.json'), state);
  for (let path = join(theirs, 'overlay-containers'); path !== root; path = dirname(path)) {
    lchownSync(path, uid, uid);
  }
  if (!links) chownSync(join(theirs, 'overlay-containers/containers.json'), uid, uid);
  chownSync(join(root, `run/user/${uid}`), uid, uid);
  const names = ['web', id, id.slice(0, 12), 'podman:web'];
  const owners = () =>
    Promise.all(
      names.map(name =>
        findContainer(name, { root }).then(
          c => c.owner,
          () => -1,
        ),
      ),
    );
  const before = await owners();
  rmSync(join(own, 'containers.json'));
  const after = await owners();
  return before.some(owner => owner !== 0) || after.some(owner => owner !== -1);
});
