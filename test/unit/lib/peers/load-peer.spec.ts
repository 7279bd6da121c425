import { loadPeer } from '../../../../lib/peers/load-peer';

const missing = (name: string): Error =>
  Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });

describe('an optional package', () => {
  const failing = (error: unknown) => (): never => {
    throw error;
  };

  it('is what it exports', () => {
    const exported = { version: 1 };
    expect(loadPeer('kafka-of-tests', () => exported)).toBe(exported);
  });

  it('is null where it is not installed', () => {
    expect(loadPeer('kafka-of-tests', failing(missing('kafka-of-tests')))).toBeNull();
  });

  it.each([
    ['it lacks a package of its own', missing('tdigest')],
    ['a package is missing whose name begins with its own', missing('kafka-of-tests-extra')],
    ['it is broken', new SyntaxError("Unexpected token 'kafka-of-tests'")],
    ['it throws something that is no error', 'kafka-of-tests'],
  ])('fails where %s', (_why, error) => {
    let thrown: unknown;
    try {
      loadPeer('kafka-of-tests', failing(error));
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBe(error);
  });
});
