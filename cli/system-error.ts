/** The system's name for what went wrong, such as `ENOENT`; empty for an error of any other kind. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
