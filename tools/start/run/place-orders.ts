import { plannedOrder } from './order-plan';

export interface Placed {
  /** Ids of the orders that were answered with 201. */
  readonly accepted: readonly string[];
  /** How many were answered with 409, as planned. */
  readonly refused: number;
  /** Everything else: what was asked for and what came. */
  readonly faults: readonly string[];
}

export interface PlaceOptions {
  readonly url: string;
  readonly count: number;
  readonly runId: string;
  readonly signal: AbortSignal;
}

const AT_A_TIME = 8;
const ANSWER_WITHIN_MS = 30_000;

/** Places the planned orders, several at a time. */
export async function placeOrders({ url, count, runId, signal }: PlaceOptions): Promise<Placed> {
  const accepted: string[] = [];
  const faults: string[] = [];
  let refused = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count && !signal.aborted; n = next++) {
      const { customerId, fails } = plannedOrder(n, runId);
      const answer = await post(`${url}/orders`, {
        customerId,
        items: [{ sku: fails ? 'samovar' : 'sticker', quantity: 1 }],
      });
      if (!fails && answer.status === 201) accepted.push(answer.id);
      else if (fails && answer.status === 409) refused++;
      else faults.push(`order ${n + 1} should have been answered with ${fails ? 409 : 201}: ${answer.said}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return { accepted, refused, faults };
}

interface Answer {
  /** 0 if there was none. */
  readonly status: number;
  readonly id: string;
  readonly said: string;
}

async function post(url: string, body: unknown): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const text = await response.text();
    const { id = '' } = response.ok ? (JSON.parse(text) as { id?: string }) : {};
    return { status: response.status, id, said: `${response.status} ${text.slice(0, 200)}` };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { status: 0, id: '', said: cause instanceof Error ? cause.message : String(cause) };
  }
}
