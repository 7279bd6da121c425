/** What processes tell each other: hints, which may get lost. */
export type WakeUp =
  /** Events were committed in these lanes (a bit for each). */
  | { readonly kind: 'events'; readonly lanes: bigint }
  /** A relay has joined, left, or given lanes back. */
  | { readonly kind: 'shares'; readonly from: string }
  /** A listener makes sure that it hears. */
  | { readonly kind: 'test'; readonly token: string };

export function toPayload(wakeUp: WakeUp): string {
  switch (wakeUp.kind) {
    case 'events':
      return `events ${wakeUp.lanes.toString(16)}`;
    case 'shares':
      return `shares ${wakeUp.from}`;
    case 'test':
      return `test ${wakeUp.token}`;
  }
}

/** Undefined for what another version may send one day. */
export function fromPayload(payload: string): WakeUp | undefined {
  const [kind, value = ''] = payload.split(' ');
  switch (kind) {
    case 'events':
      return /^[0-9a-f]{1,16}$/.test(value) ? { kind, lanes: BigInt(`0x${value}`) } : undefined;
    case 'shares':
      return { kind, from: value };
    case 'test':
      return { kind, token: value };
    default:
      return undefined;
  }
}
