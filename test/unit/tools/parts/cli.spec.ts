import { answer } from '../../../../tools/parts/cli/commands';
import { describeAsJson, describeForPeople } from '../../../../tools/parts/cli/describe';
import type { Control } from '../../../../tools/parts/service/control';
import { ExternalControl } from '../../../../tools/parts/service/external-control';
import { DatabasePart, KafkaPart } from '../../../../tools/parts/service/part';
import { Parts } from '../../../../tools/parts/start-parts';

const NOBODY_LISTENS = 'postgres://u:p@127.0.0.1:1/x';

function control(pid: number | undefined): Control & { start: jest.Mock } {
  const done = (): Promise<void> => Promise.resolve();
  return { pid, kill: done, stop: done, start: jest.fn(done) };
}

function parts(database: Control, kafka: Control): Parts {
  return new Parts(
    new DatabasePart('local', database, NOBODY_LISTENS),
    new KafkaPart('local', kafka, ['127.0.0.1:1'], 'java kafka.Kafka server.properties'),
  );
}

describe('npm run parts', () => {
  it('prints lines that can be exported, the pids, and the command that starts the broker again', () => {
    const text = describeForPeople(parts(control(11), control(12)), 13).split('\n');
    expect(text).toContain(`DATABASE_URL=${NOBODY_LISTENS}`);
    expect(text).toContain('KAFKA_BROKERS=127.0.0.1:1');
    expect(text).toContain('pids: postgres 11, kafka 12, this process 13');
    expect(text).toContain('  java kafka.Kafka server.properties');
  });

  it('prints one line of JSON for a program', () => {
    const line = describeAsJson(parts(control(11), control(12)), 13);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({
      databaseUrl: NOBODY_LISTENS,
      kafkaBrokers: ['127.0.0.1:1'],
      sources: { postgres: 'local', kafka: 'local' },
      pids: { postgres: 11, kafka: 12, parts: 13 },
      restartCommands: { kafka: 'java kafka.Kafka server.properties' },
    });
  });

  it('starts a killed part again when told to', async () => {
    const database = control(undefined);
    await expect(answer('start postgres', parts(database, control(1)))).resolves.toMatch(/^postgres serves again/);
    expect(database.start).toHaveBeenCalledTimes(1);
  });

  it('says what serves and what does not', async () => {
    const said = await answer('status', parts(control(11), control(undefined)));
    expect(said.split('\n')).toEqual([
      expect.stringMatching(/^postgres: does not serve \(.*ECONNREFUSED.*\), pid 11, local$/),
      expect.stringMatching(/^kafka: does not serve \(.*ECONNREFUSED.*\), not run by this process, local$/),
    ]);
  });

  it('answers anything else with what it understands', async () => {
    await expect(answer('help', parts(control(1), control(2)))).resolves.toMatch(/start kafka, start postgres, status/);
  });

  it('leaves a part it found running alone', async () => {
    const part = new KafkaPart('external', new ExternalControl('KAFKA_BROKERS'), ['b:1']);
    expect(part.controllable).toBe(false);
    await expect(part.kill('SIGKILL')).rejects.toThrow('KAFKA_BROKERS');
    await expect(part.stop()).resolves.toBeUndefined();
  });
});
