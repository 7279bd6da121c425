import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';

/**
 * A span for each request for orders, in which the order and its event are written. Without a registered SDK (NODE_OPTIONS="--import ./your-tracing.mjs")
 * it costs nothing. A real service would rather have @opentelemetry/instrumentation-http do this, which must be loaded before anything else.
 */
@Injectable()
export class TraceRequests implements NestMiddleware {
  use(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const { method = 'GET', headers } = request;
    const parent = propagation.extract(context.active(), headers);
    const options = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } };
    const span = trace.getTracer('shop').startSpan(`${method} /orders`, options, parent);
    response.once('close', () => {
      span.setAttribute('http.response.status_code', response.statusCode);
      span.end();
    });
    context.with(trace.setSpan(parent, span), next);
  }
}
