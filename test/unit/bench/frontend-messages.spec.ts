import { FrontendMessages } from '../../../bench/idle/frontend-messages';

function message(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + Buffer.byteLength(body));
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
}

function withCode(code: number, body = ''): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, Buffer.from(body)]);
}

const SSL_REQUEST = withCode(80_877_103);
const START_UP = withCode(196_608, 'user\0ada\0\0');
const SENT = Buffer.concat([START_UP, message('p', 'secret\0'), message('Q', 'select 1\0'), message('S', '')]);

function typesIn(chunks: readonly Buffer[]): string {
  let types = '';
  const messages = new FrontendMessages((type) => (types += type));
  chunks.forEach((chunk) => messages.read(chunk));
  return types;
}

describe('The messages of a client of PostgreSQL', () => {
  it('are found behind the start-up message', () => {
    expect(typesIn([SENT])).toBe('pQS');
  });

  it('are found in whatever pieces they come', () => {
    for (let size = 1; size < SENT.length; size++) {
      const pieces = Array.from({ length: Math.ceil(SENT.length / size) }, (_, n) =>
        SENT.subarray(n * size, (n + 1) * size),
      );
      expect(typesIn(pieces)).toBe('pQS');
    }
  });

  it('are found where the client asks for encryption first', () => {
    expect(typesIn([SSL_REQUEST, SENT])).toBe('pQS');
  });
});
