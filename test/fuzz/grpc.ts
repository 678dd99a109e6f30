/** Answers of gRPC: each call's, from any bytes. What is no message is a RangeError, and nothing else. */
import {
  containersIn,
  containersOfPodsIn,
  namespacesIn,
  podsIn,
} from '../../src/containers/grpc-answers.ts';

export function grpcAnswers(bytes: Buffer): void {
  const pods = read(() => new Map(podsIn(bytes))) ?? new Map();
  const all = [
    ...(read(() => containersIn(bytes)) ?? []),
    ...(read(() => containersOfPodsIn(bytes, pods)) ?? []),
    ...pods,
  ];
  for (const name of read(() => namespacesIn(bytes)) ?? []) {
    if (typeof name !== 'string') throw new Error('a namespace is no text');
  }
  for (const [id, { labels, podLabels, created, image, snapshot }] of all) {
    if (!/^[\w.+-]+$/.test(id)) throw new Error(`its id is ${id}`);
    const texts = [...Object.values(labels ?? {}), ...Object.values(podLabels ?? {})];
    if (snapshot !== undefined) texts.push(snapshot.key, snapshot.snapshotter);
    if (image !== undefined) texts.push(image);
    if (texts.some(text => typeof text !== 'string')) throw new Error('what should be is no text');
    if (created !== undefined && Number.isNaN(created.getTime())) throw new Error('no time');
  }
}

function read<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
