import { ConfigError } from '../../../sample-app/src/config/config.error';
import { DatabaseUnavailableError } from '../../../sample-app/src/database/database.errors';
import { startUpMessage } from '../../../sample-app/src/start-up-message';
import { OutboxOptionsInvalidError } from 'nestjs-outboxed';

describe('what is said when the shop or its relay cannot start', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

  it.each([
    ['wrong environment', new ConfigError(['PORT is wrong']), 'PORT is wrong'],
    ['wrong options', new OutboxOptionsInvalidError(['batchSize is 0']), 'batchSize is 0'],
    [
      'no database',
      new DatabaseUnavailableError('postgres://u:secret@db/shop', refused),
      'PostgreSQL at db:5432 (database "shop")',
    ],
    [
      'no database under any address',
      new DatabaseUnavailableError('postgres://db:1/shop', new AggregateError([refused])),
      'ECONNREFUSED',
    ],
    ['occupied port', Object.assign(new Error('listen'), { code: 'EADDRINUSE' }), 'Port 3000 is in use'],
    ['forbidden port', Object.assign(new Error('listen'), { code: 'EACCES' }), 'Port 3000 may not be used'],
  ])('%s: in a few lines, without a stack or a password', (_, error, expected) => {
    const message = startUpMessage(error, 'shop', 3000);
    expect(message).toContain(expected);
    expect(message).not.toMatch(/^ +at |secret/m);
    expect(message.split('\n').length).toBeLessThanOrEqual(2);
  });

  it('a surprise: with its stack', () => {
    expect(startUpMessage(new TypeError('x is not a function'), 'relay')).toMatch(
      /^The relay could not start\.\n.*x is not a function\n +at /,
    );
  });
});
