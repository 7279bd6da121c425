import { asJson, asText, databaseName, resultFaults, type RunResult } from '../../../../tools/start/run/result';

const WELL: RunResult = {
  duplicates: 0,
  seconds: 4.2,
  consumed: 450,
  lost: 0,
  phantom: 0,
  outOfOrder: 0,
  published: 450,
  committed: 450,
  rolledBack: 50,
  broker: 'kafka',
  database: 'embedded',
};

describe('result of a run', () => {
  it('is JSON with its fields in a fixed order', () => {
    expect(asJson(WELL)).toBe(
      '{"database":"embedded","broker":"kafka","committed":450,"rolledBack":50,"published":450,"consumed":450,' +
        '"lost":0,"phantom":0,"outOfOrder":0,"duplicates":0,"seconds":4.2}',
    );
  });

  it('is well with and without duplicates', () => {
    expect(resultFaults(WELL, 500)).toEqual([]);
    expect(resultFaults({ ...WELL, duplicates: 3 }, 500)).toEqual([]);
    expect(asText(WELL, 500, [])).toContain('All is well, after 4.2 s.');
  });

  it.each([
    [{ lost: 1 }, '1 committed events were never consumed'],
    [{ phantom: 2 }, '2 events were consumed that never committed'],
    [{ outOfOrder: 3 }, '3 events came after a later one of their key'],
    [{ published: 449 }, '449 events are recorded as published, but 450 orders committed'],
    [{ rolledBack: 49 }, '500 orders were placed, but 499 are accounted for'],
  ])('is not well with %j', (change, fault) => {
    const faults = resultFaults({ ...WELL, ...change }, 500);
    expect(faults).toEqual([fault]);
    expect(asText({ ...WELL, ...change }, 500, faults)).toMatch(/Not well, after 4\.2 s:\n {2}- /);
  });

  it('calls a local PostgreSQL embedded', () => {
    expect([databaseName('local'), databaseName('docker'), databaseName('external')]).toEqual([
      'embedded',
      'docker',
      'external',
    ]);
  });
});
