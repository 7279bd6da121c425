import { EndedEarlyError, PartsError } from '../../../../tools/parts/errors';
import { freePorts, withFreePorts } from '../../../../tools/parts/service/free-ports';

describe('free ports', () => {
  it('are all different', async () => {
    expect(new Set(await freePorts(8)).size).toBe(8);
  });

  it('are asked for again when one was taken in between', async () => {
    let next = 1;
    const find = (): Promise<number[]> => Promise.resolve([next++]);
    const use = ([port]: number[]): Promise<number | undefined> =>
      port === 3 ? Promise.resolve(port) : Promise.reject(new EndedEarlyError('x', 'code 1', 'Address already in use'));
    await expect(withFreePorts(1, use, find)).resolves.toBe(3);
  });

  it('are not asked for again when the failure has another cause', async () => {
    const find = jest.fn(() => Promise.resolve([1]));
    await expect(withFreePorts(1, () => Promise.reject(new PartsError('broken')), find)).rejects.toThrow('broken');
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('are given up after five times', async () => {
    const find = jest.fn(() => Promise.resolve([1]));
    const use = (): Promise<never> => Promise.reject(new EndedEarlyError('x', 'code 1', 'Failed to bind'));
    await expect(withFreePorts(1, use, find)).rejects.toThrow(EndedEarlyError);
    expect(find).toHaveBeenCalledTimes(5);
  });
});
