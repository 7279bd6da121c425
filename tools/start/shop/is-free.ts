import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether nobody listens on the port, on any address. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
