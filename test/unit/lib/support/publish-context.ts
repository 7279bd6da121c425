import type { PublishContext } from '../../../../lib/interfaces/outbox-publisher';

/** A relay that lets everything be sent. */
export const mayGoOn: PublishContext = { mayContinue: () => true };

/** A relay that answers so, and then always as it did last. */
export function answering(...answers: boolean[]): PublishContext & { readonly asked: () => number } {
  let asked = 0;
  return {
    mayContinue: () => answers[Math.min(asked++, answers.length - 1)] ?? true,
    asked: () => asked,
  };
}
