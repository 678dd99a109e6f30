/** Tests of Node's that differ with our functions, in which modes, and why; docs/children.md has them too. */
const all = ['plain', 'target', 'unshare', 'pid', 'pidns'];
const network = 'parent and child talk over TCP, and are in different networks';
const numbers = 'the child reports its pid of inside, and the test kills that outside';
const mock = "it replaces a private function of Node's that ours do not call";
const first =
  'Node as the first process drops its own default of SIGTERM, so that it is ended after five seconds';
const words = 'the code of the error is the same, its words are ours';

export const differences = {
  'test-child-process-disconnect.js': {
    modes: ['target', 'unshare', 'pid', 'pidns'],
    why: network,
  },
  'test-child-process-detached.js': { modes: ['pid', 'pidns'], why: numbers },
  'test-child-process-fork-detached.js': { modes: ['pid', 'pidns'], why: numbers },
  'test-child-process-spawn-argv0.js': { modes: all, why: words },
  'test-child-process-spawnsync-kill-signal.js': { modes: all, why: mock },
  'test-child-process-spawnsync-shell.js': { modes: all, why: mock },
  'test-child-process-spawnsync-timeout.js': { modes: ['pid'], why: first },
  'test-child-process-windows-hide.js': { modes: all, why: mock },
};
