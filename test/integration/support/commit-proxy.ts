import { proxyServer } from './proxy-server';

const COMMIT = Buffer.from('COMMIT\0');

/**
 * Stands between an application and PostgreSQL, and passes everything on. When it is told to, it cuts the connection of the next COMMIT, between that
 * and its answer.
 */
export async function proxyThatCutsCommits(target: string): Promise<{ url: string; cutNextCommit: () => void }> {
  let isToCut = false;
  const { url } = await proxyServer(target, (client, dial) => {
    const server = dial();
    let isCutting = false;
    client.on('data', (sent) => {
      isCutting = isToCut && sent.includes(COMMIT);
      isToCut &&= !isCutting;
      server.write(sent);
    });
    server.on('data', (answer) => {
      // The answer shows that it has committed.
      if (isCutting) {
        client.destroy();
        server.destroy();
      } else {
        client.write(answer);
      }
    });
  });
  return {
    url,
    cutNextCommit: () => {
      isToCut = true;
    },
  };
}
