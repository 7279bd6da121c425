import { createTraceState } from '@opentelemetry/api';
import { isSampled, read, written } from '../../../../lib/observe/tracing/trace-context';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a trace context', () => {
  it.each([
    [0, '00'],
    [1, '01'],
    [3, '03'],
  ])('is written with its flags: %d', (traceFlags, flags) => {
    expect(written({ traceId: TRACE, spanId: SPAN, traceFlags })).toEqual({
      traceparent: `00-${TRACE}-${SPAN}-${flags}`,
      tracestate: null,
    });
  });

  it('is written with its state, if that is not empty', () => {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };
    expect(written({ ...context, traceState: createTraceState('a=1,b=2') }).tracestate).toBe('a=1,b=2');
    expect(written({ ...context, traceState: createTraceState('') }).tracestate).toBeNull();
  });

  it('is read as it was written', () => {
    const context = read(`00-${TRACE}-${SPAN}-01`, 'a=1', createTraceState);
    expect(context).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    expect(context?.traceState?.serialize()).toBe('a=1');
    expect(read(`00-${TRACE}-${SPAN}-00`, undefined, createTraceState)).not.toHaveProperty('traceState');
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `01-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
  ])('is none where it is not a valid one: %p', (text) => {
    expect(read(text, undefined, createTraceState)).toBeUndefined();
  });

  it.each([
    [0, false],
    [1, true],
    [2, false],
    [3, true],
  ])('with the flags %d is sampled: %p', (traceFlags, sampled) => {
    expect(isSampled({ traceId: TRACE, spanId: SPAN, traceFlags })).toBe(sampled);
  });
});
