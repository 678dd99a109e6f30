/** Container engines for tests: Debian's, each started by a test and gone with it. */
export { type Containerd, images, startContainerd } from './containerd.ts';
export { type PodContainer, type RunningPod, runPod } from './cri.ts';
export { type Docker, hasContainerdStore, startDocker } from './docker.ts';
export { debootstrap, imageArchive, server } from './images.ts';
export { isNewer, Machine, missing } from './machine.ts';
export { addUser, type Podman, startPodman, user } from './podman.ts';
export { type Runtime, startCrun, startRunc } from './runtimes.ts';
