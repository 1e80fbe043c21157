import { setFlagsFromString } from 'node:v8';
import { type EntityJson, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Role } from '../protocol/api/principals.ts';
import type { Rule } from './policy-file.ts';

export const actions = [
  'request',
  'approve',
  'issue',
  'reveal',
  'provision',
  'review',
  'administer',
] as const;
export type Action = (typeof actions)[number];

/** What a decision knows. Cedar sees the principal's roles as its parents, the rest as resource and context. */
export interface PolicyQuestion {
  readonly action: Action;
  readonly principal: {
    readonly name: string;
    readonly kind: 'person' | 'station';
    readonly roles: readonly Role[];
  };
  /** hwid for modules, name for orders, id for unlocks; for the rest a word such as `principals`. */
  readonly resource: {
    readonly type: 'Module' | 'Order' | 'Unlock' | 'Log' | 'Server';
    readonly id: string;
    readonly owner?: string;
  };
  /** All of it for `request`, `approve` and `issue`; nothing for the others. */
  readonly context: {
    readonly scope?: string;
    readonly seconds?: number;
    readonly reason?: boolean;
    /** Names of the configured ticket patterns that the ticket matches. */
    readonly tickets?: readonly string[];
    /** Approvals that were given. */
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

/**
 * V8 11.3, which is Node 20's, inlines calls from JavaScript to WebAssembly, and dies ("unreachable
 * code" in Deoptimizer::DoComputeBuiltinContinuation) where the caller is deoptimized while such a call
 * runs and returns a reference. Under load that took the server down within minutes.
 */
setFlagsFromString('--no-turbo-inline-js-wasm-calls');

let sets = 0;

/**
 * Cedar behind `permits()`: one preparsed set per action, holding only the rules that can apply to it,
 * because Cedar's cost per call grows with the set.
 */
export function cedarPolicy(rules: readonly Rule[]): Policy {
  sets += 1;
  const prefix = `policy-${sets}`;
  for (const action of actions) preparse(`${prefix}/${action}`, rulesFor(action, rules));
  const needs = new Map(rules.map((rule) => [rule.id, rule.need]));
  const permits = new Map(actions.map((action) => [action, permitNeeds(rulesFor(action, rules))]));

  const asksWhich = new Map(
    actions.map((action) => [action, rulesFor(action, rules).some((rule) => rule.asksWhich)]),
  );

  return remembering(asksWhich, (question) => {
    const answer = statefulIsAuthorized(callOf(question, `${prefix}/${question.action}`));
    if (answer.type === 'failure') return refused(['a policy that can be evaluated; tell an officer']);
    const { decision, diagnostics } = answer.response;
    // Cedar skips a rule that fails: a forbid that fails would permit. So any failure refuses.
    if (diagnostics.errors.length > 0) return refused(['a policy without errors; tell an officer']);
    if (decision === 'allow') return { permitted: true };
    const stopped = diagnostics.reason.flatMap((id) => needs.get(id) ?? []);
    return refused(stopped.length > 0 ? stopped : [permits.get(question.action) ?? 'a permit for this']);
  });
}

const MOST_REMEMBERED = 4096;

/**
 * The same question has the same answer for as long as the policy lives, and is asked more than once:
 * whether an unlock may be issued first when it is requested, then for each token. Where no rule for an
 * action asks which resource it is about, the answer about one is the answer about all.
 */
function remembering(
  asksWhich: ReadonlyMap<Action, boolean>,
  ask: (question: PolicyQuestion) => PolicyAnswer,
): Policy {
  const answers = new Map<string, PolicyAnswer>();
  return {
    permits(question) {
      const key = keyOf(question, asksWhich.get(question.action) !== false);
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = ask(question);
      const [oldest] = answers.keys();
      if (answers.size === MOST_REMEMBERED && oldest !== undefined) answers.delete(oldest);
      answers.set(key, answer);
      return answer;
    },
  };
}

/** All that Cedar is told, in a fixed order. */
function keyOf({ action, principal, resource, context }: PolicyQuestion, which: boolean): string {
  const { name, kind, roles } = principal;
  const { type, id, owner } = resource;
  const { scope, seconds, reason, tickets, approvals } = context;
  const asked = [scope, seconds, reason, tickets, approvals];
  return JSON.stringify([action, name, kind, roles, type, which ? id : null, owner, asked]);
}

function preparse(set: string, rules: readonly Rule[]): void {
  const parsed = preparsePolicySet(set, {
    staticPolicies: Object.fromEntries(rules.map((rule) => [rule.id, rule.text])),
  });
  if (parsed.type === 'failure') throw new TypeError(parsed.errors[0]?.message ?? 'unparsable policy');
}

function callOf({ action, principal, resource, context }: PolicyQuestion, preparsedPolicySetId: string) {
  const caller = { type: 'Principal', id: principal.name };
  const target = { type: resource.type, id: resource.id };
  const entities: EntityJson[] = [
    {
      uid: caller,
      attrs: { kind: principal.kind },
      parents: principal.roles.map((id) => ({ type: 'Role', id })),
    },
  ];
  if (resource.owner !== undefined) {
    const owner = { __entity: { type: 'Principal', id: resource.owner } };
    entities.push({ uid: target, attrs: { owner }, parents: [] });
  }
  return {
    principal: caller,
    action: { type: 'Action', id: action },
    resource: target,
    context: { ...context, ...(context.tickets && { tickets: [...context.tickets] }) } as CedarContext,
    preparsedPolicySetId,
    entities,
  };
}

type CedarContext = Parameters<typeof statefulIsAuthorized>[0]['context'];

function rulesFor(action: Action, rules: readonly Rule[]): Rule[] {
  return rules.filter((rule) => rule.actions.includes(action));
}

function permitNeeds(rules: readonly Rule[]): string {
  const needs = rules.filter((rule) => rule.effect === 'permit').map((rule) => rule.need);
  return [...new Set(needs)].join(' or ') || 'a permit, which this server’s policy gives to nobody';
}

function refused(needs: readonly string[]): PolicyAnswer {
  return { permitted: false, need: [...needs].sort().join('; ') };
}
