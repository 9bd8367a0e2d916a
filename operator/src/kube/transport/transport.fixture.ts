/** What the tests of this room ask of the API server, and how they look at its refusals. */
import type { KubeStage } from '../testing/index.ts';
import { type KubeAnswer, KubeError } from './index.ts';

export const widgetPath = '/apis/test.example/v1/namespaces/default/widgets/a';

/** Reads the widget "a". */
export function readWidget({ transport }: KubeStage, signal?: AbortSignal): Promise<KubeAnswer> {
  return transport.send({ method: 'GET', path: widgetPath }, signal);
}

export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof KubeError)) throw new Error(`no KubeError: ${String(error)}`);
  return error;
}
