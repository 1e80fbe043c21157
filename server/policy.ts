import type { Role } from '../protocol/api.ts';

export type Action = 'request' | 'approve' | 'issue' | 'reveal' | 'provision' | 'review' | 'administer';

/** What a decision knows. Cedar sees the principal's roles as its parents, the rest as resource and context. */
export interface PolicyQuestion {
  readonly action: Action;
  readonly principal: {
    readonly name: string;
    readonly kind: 'person' | 'station';
    readonly roles: readonly Role[];
  };
  /** hwid for modules and unlocks; a word such as `principals` for the rest. */
  readonly resource: {
    readonly type: 'Module' | 'Unlock' | 'Log' | 'Server';
    readonly id: string;
    readonly owner?: string;
  };
  readonly context: {
    readonly scope?: string;
    readonly seconds?: number;
    readonly reason?: boolean;
    /** Names of the configured ticket patterns that the ticket matches. */
    readonly tickets?: readonly string[];
    readonly approvals?: number;
  };
}

/** `need` is the words of the forbid that stopped it, or of the missing permit. */
export type PolicyAnswer =
  | { readonly permitted: true }
  | { readonly permitted: false; readonly need: string };

export interface Policy {
  permits(question: PolicyQuestion): PolicyAnswer;
}
