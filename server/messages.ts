import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/**
 * The classes that a server of this app makes its requests and responses from. express gives every one
 * that comes the prototype of its own, and V8 forgets each time what it had learnt about the old: a
 * sixth of an unlock's cost. Objects that are born with that prototype stay as they are.
 */
export function messageClasses(app: Express) {
  class Request extends IncomingMessage {}
  class Response extends ServerResponse {}
  Object.setPrototypeOf(Request.prototype, app.request);
  Object.setPrototypeOf(Response.prototype, app.response);
  Object.assign(app, { request: Request.prototype, response: Response.prototype });
  return { IncomingMessage: Request, ServerResponse: Response };
}
