/**
 * A request's target in origin-form (RFC 9112 §3.2), which express routes by. For one that it cannot
 * parse it would answer by itself, past rates and diagnostics; that becomes `/`, where nothing is.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  if (!URL.canParse(target)) return '/';
  const { pathname, search } = new URL(target);
  return pathname.startsWith('/') ? `${pathname}${search}` : '/';
}
