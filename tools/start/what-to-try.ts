/** Commands to paste. */
export function whatToTry(url: string, hasKafka: boolean): string {
  const order = (sku: string): string => `'{"customerId":"ada","items":[{"sku":"${sku}","quantity":2}]}'`;
  const post = `curl -s -X POST ${url}/orders -H 'content-type: application/json' -d`;
  return [
    '',
    `The shop serves ${url}${hasKafka ? '' : ' (without Kafka)'}. Try, in another terminal:`,
    '',
    '  # place an order; its event commits with it and reaches shipping',
    `  ${post} ${order('tea')}`,
    `  curl -s '${url}/shipments?customerId=ada'`,
    '',
    '  # cancel it (put the id of the answer above for ID)',
    `  curl -s -X POST ${url}/orders/ID/cancel`,
    '',
    '  # beyond the credit: refused after its event was added, so neither order nor event remains',
    `  ${post} ${order('samovar')}`,
    '',
    '  # the state of the outbox',
    `  curl -s ${url}/outbox/stats`,
    '',
    'Ctrl-C ends the shop and everything that was started for it.',
  ].join('\n');
}
