import { describe, expect, test } from 'vitest';

import { refuseOwnEndpoint } from './own-endpoint.ts';

describe('a hub is no server of its own', () => {
  const own = 'http://127.0.0.1:7575';

  test.each([
    'http://127.0.0.1:7575/mcp',
    'http://localhost:7575/hubs/default/desk/mcp',
    'http://[::1]:7575/mcp',
    'http://0.0.0.0:7575/',
    'http://127.0.0.1:7575',
  ])('%s is refused', (url) => {
    expect(() => refuseOwnEndpoint(url, own)).toThrow(
      expect.objectContaining({ reason: 'OwnEndpoint', retryable: false }),
    );
  });

  test.each([
    'http://127.0.0.1:7576/mcp',
    'http://192.0.2.7:7575/mcp',
    'http://localhost/mcp',
    'https://localhost/mcp',
  ])('%s is another', (url) => {
    expect(() => refuseOwnEndpoint(url, own)).not.toThrow();
  });

  test('ports that are not written count', () => {
    expect(() => refuseOwnEndpoint('http://localhost/mcp', 'http://localhost:80')).toThrow();
    expect(() => refuseOwnEndpoint('https://hub.test/mcp', 'http://hub.test:443')).toThrow();
  });

  test('a hub on a pipe has no address', () => {
    expect(() => refuseOwnEndpoint('http://127.0.0.1:7575/mcp', undefined)).not.toThrow();
  });
});
