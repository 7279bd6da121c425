import { execFileSync } from 'node:child_process';
import { newClusterId, serverProperties, shellCommand } from '../../../../tools/parts/kafka/broker-files';
import { javaVersion } from '../../../../tools/parts/kafka/java';
import { cacheDirectory, downloadFailure, downloadProgress } from '../../../../tools/parts/kafka/maven';

describe('what a local broker is made of', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['openjdk version "25" 2025-09-16', 25],
    ['java version "1.8.0_421"', 8],
    ['no runtime present', 0],
  ])('reads the version from: %s', (said, version) => {
    expect(javaVersion(said)).toBe(version);
  });

  it('binds the broker and its controller to this machine only', () => {
    const properties = serverProperties({ nodeId: 1, port: 1, controllerPort: 2, directory: '/d' }).split('\n');
    expect(properties).toContain('listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2');
    expect(properties).toContain('advertised.listeners=PLAINTEXT://127.0.0.1:1');
    expect(properties).toContain('log.dirs=/d/data');
  });

  it('leaves the control of a cluster to its first broker', () => {
    const properties = serverProperties({ nodeId: 2, port: 3, controllerPort: 2, directory: '/d' }).split('\n');
    expect(properties).toEqual(
      expect.arrayContaining([
        'process.roles=broker',
        'node.id=2',
        'controller.quorum.voters=1@127.0.0.1:2',
        'listeners=PLAINTEXT://127.0.0.1:3',
      ]),
    );
  });

  it('makes cluster ids that are unique and cannot be taken for an option', () => {
    const ids = Array.from({ length: 500 }, newClusterId);
    expect(new Set(ids).size).toBe(500);
    expect(ids.every((id) => /^[\w][\w-]{21}$/.test(id))).toBe(true);
  });

  it('prints a command that a shell reads back word for word', () => {
    const words = ['-cp', '/a folder/*', "it's", '$HOME', 'plain=1'];
    const script = 'console.log(JSON.stringify(process.argv.slice(1)))';
    const said = execFileSync('sh', ['-c', shellCommand([process.execPath, '-e', script, '--', ...words])]);
    expect(JSON.parse(said.toString())).toEqual(words);
  });

  it('keeps the jars where the user keeps caches', () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: '/caches' })).toBe('/caches/nestjs-outboxed/kafka-4.1.0');
    expect(cacheDirectory({})).toMatch(/\.cache.nestjs-outboxed.kafka-4\.1\.0$/);
  });

  it('counts what Maven says it has downloaded', () => {
    const said = [
      '[INFO] Downloading from central: https://host/a.pom',
      '[INFO] Downloaded from central: https://host/a.pom (9.8 kB at 20 kB/s)',
      '[INFO] Downloaded from central: https://host/a.jar (1.5 MB at 20 kB/s)',
      'Downloaded from mirror: https://host/b.jar (500 kB at 20 kB/s)',
    ].join('\n');
    expect(downloadProgress(said)).toBe('2 jars, 2.0 MB so far');
    expect(downloadProgress('')).toBe('0 jars, 0.0 MB so far');
  });

  it('names the cause of a failed download', () => {
    expect(downloadFailure('[INFO] x\n[ERROR] Unknown host\n[ERROR] more')).toBe('Unknown host');
    expect(downloadFailure('exec: java: not found\n')).toBe('exec: java: not found');
  });
});
