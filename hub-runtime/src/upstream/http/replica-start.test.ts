/** A start where there are several replicas, or none that is ready. */
import { afterEach, describe, expect, test } from 'vitest';

import {
  call,
  closeWorld,
  connectorTo,
  discovery,
  draining,
  eventually,
  FakeFeed,
  methods,
  modern,
  type Options,
  refusal,
  resultOf,
  serve,
  starting,
  type TinyReply,
} from '../testing/index.ts';

afterEach(closeWorld);

const gone = '127.0.0.1:9';
const ok = { result: { resultType: 'complete', ok: true } };

describe('a start', () => {
  const connect = (feed: FakeFeed, more: Options = {}, url = 'http://files-server.default.svc:8080/mcp') => {
    const { connector } = connectorTo(url, {
      ...more,
      target: { endpoints: feed },
    });
    return connector.connect(
      { purpose: 'primary', caller: undefined, verdict: undefined },
      new AbortController().signal,
    );
  };

  test('HT-0.09 without any replica', async () => {
    expect(await refusal(connect(new FakeFeed()))).toMatchObject({ reason: 'NoEndpoints', retryable: true });
    expect(await refusal(connect(new FakeFeed(draining('127.0.0.1:1'))))).toMatchObject({ reason: 'NoEndpoints' });
  });

  test.each([
    ['InstallFailed', false],
    ['Starting', true],
    ['CrashLoop', false],
    ['RegistryUnreachable', true],
  ])('HT-0.09 the only replica is starting and says why: %s', async (reason, retryable) => {
    const data = { reason, message: 'because of that' };
    const server = await serve(() => ({ status: 503, error: { code: -32_603, message: 'not ready', data } }));
    const error = await refusal(connect(new FakeFeed(starting(server.address))));
    expect(error).toMatchObject({ reason, retryable, message: 'because of that' });
    expect(methods(server)).toEqual(['server/discover']);
    await eventually(() => server.sockets === 0, 'nothing is kept');
  });

  test.each([
    ['it serves already', { result: discovery }],
    ['a reason nobody knows', { status: 503, error: { code: 1, message: 'm', data: { reason: 'toString' } } }],
    ['no reason', { status: 503 }],
    [
      'a reason without words that people read',
      { status: 500, error: { code: 1, message: 'm', data: { reason: 'Exited' } } },
    ],
  ] satisfies [string, TinyReply][])('a replica that is starting opens nothing: %s', async (_title, reply) => {
    const server = await serve(() => reply);
    expect(await refusal(connect(new FakeFeed(starting(server.address))))).toMatchObject({ reason: 'NoEndpoints' });
    expect(methods(server)).toEqual(['server/discover']);
  });

  test('a reason without a message is said in the words of the table', async () => {
    const server = await serve(() => ({ status: 503, error: { code: 1, message: 'm', data: { reason: 'Exited' } } }));
    expect(await refusal(connect(new FakeFeed(server.address)))).toMatchObject({
      reason: 'Exited',
      message: 'the process ended',
    });
  });

  test('the first replica cannot be reached: the next one is taken', async () => {
    const server = await serve(modern(() => ok));
    const conversation = await connect(new FakeFeed(gone, '127.0.0.1:7', server.address));
    expect(resultOf(await call(conversation))).toMatchObject({ ok: true });
    await conversation.close('end');
  });

  test('HT-0.09 nobody has told of replicas yet, and its Service has none either', async () => {
    const feed = new FakeFeed();
    feed.forget();
    const refused = connect(feed, {}, `http://${gone}/mcp`);
    expect(await refusal(refused)).toMatchObject({ reason: 'NoEndpoints', retryable: true });
  });

  test('none can be reached', async () => {
    expect(await refusal(connect(new FakeFeed(gone, '127.0.0.1:7')))).toMatchObject({ reason: 'Unreachable' });
  });
});
