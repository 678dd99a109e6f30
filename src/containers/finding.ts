/** What finds containers, a fifth of the library: loaded by the first call that looks for one. */
import { lazyModule } from '../base/lazy-module.ts';

export const finding: () => Promise<typeof import('./search.ts')> = lazyModule(
  () => import('./search.ts'),
  './containers.js',
);
