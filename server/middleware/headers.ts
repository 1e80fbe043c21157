import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/**
 * The headers that stand in every answer. What helmet sets for pages does nothing for JSON that no
 * page may load; these three do. They never change, so helmet is asked once.
 */
export function securityHeaders(): Readonly<Record<string, string>> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const setters = [
    helmet.xContentTypeOptions(),
    helmet.strictTransportSecurity({ maxAge: 31_536_000 }),
    helmet.contentSecurityPolicy({
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
    }),
  ];
  for (const set of setters) set(request, response, () => {});
  return Object.fromEntries(
    Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]),
  );
}
