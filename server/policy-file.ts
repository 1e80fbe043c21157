import { readFileSync } from 'node:fs';
import {
  type ActionConstraint,
  type DetailedError,
  type EntityUidJson,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs';
import { type Action, actions, cedarPolicy, type Policy } from './policy.ts';

/** The policy that a server has unless its configuration names another file. */
export const defaultPolicyFile = new URL('../deploy/policies/default.cedar', import.meta.url);
const schemaFile = new URL('../deploy/policies/latchkey.cedarschema', import.meta.url);

/** One permit or forbid of a policy file. */
export interface Rule {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** The words a person reads whom this rule stops. */
  readonly need: string;
  readonly actions: readonly Action[];
  /** It asks which resource it is about, and not only for the resource's attributes. */
  readonly asksWhich: boolean;
  readonly text: string;
}

/** A policy file that cannot be used; the message lists every fault as `file:line: fault`. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/**
 * Reads a policy file and makes ready to ask it.
 * @throws PolicyError where it does not parse, does not fit the schema, or has a rule without @need
 */
export function loadPolicy(file: string | URL = defaultPolicyFile): Policy {
  const name = typeof file === 'string' ? file : file.pathname;
  return parsePolicy(readFileSync(file, 'utf8'), name);
}

/** As `loadPolicy`, from the text; `name` is what faults call it. */
export function parsePolicy(text: string, name: string): Policy {
  const checked = validate({
    schema: readFileSync(schemaFile, 'utf8'),
    policies: { staticPolicies: text },
  });
  const faults =
    checked.type === 'failure' ? checked.errors : checked.validationErrors.map(({ error }) => error);
  if (faults.length > 0) throw new PolicyError(faults.map((fault) => describe(fault, text, name)).join('\n'));
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure' || parts.policy_templates.length > 0) {
    throw new PolicyError(`${name}: templates are not supported`);
  }
  return cedarPolicy(parts.policies.map((rule, index) => readRule(rule, index, name)));
}

function readRule(text: string, index: number, name: string): Rule {
  const parsed = policyToJson(text);
  if (parsed.type === 'failure') throw new PolicyError(`${name}: ${parsed.errors[0]?.message}`);
  const { effect, action, annotations } = parsed.json;
  const { need } = annotations ?? {};
  if (!need) throw new PolicyError(`${name}: this ${effect} has no @need("…"):\n${text}`);
  return {
    ...{ id: `rule-${index}`, effect, need, text },
    actions: actionsOf(action),
    asksWhich: asksWhich(parsed.json),
  };
}

/** Cedar's JSON names a variable `{"Var":…}`; an attribute of the resource is `{".":{"left":{"Var":"resource"},…}}`. */
function asksWhich({ resource, conditions }: PolicyJson): boolean {
  const apart = JSON.stringify(conditions).replaceAll('".":{"left":{"Var":"resource"}', '');
  return resource.op !== 'All' || apart.includes('{"Var":"resource"}');
}

/** The actions that a rule's scope names; the schema has no action groups. */
function actionsOf(constraint: ActionConstraint): readonly Action[] {
  if (constraint.op === 'All') return actions;
  const named =
    'entities' in constraint ? constraint.entities : 'entity' in constraint ? [constraint.entity] : [];
  const ids = named.map(idOf);
  return actions.filter((action) => ids.includes(action));
}

function idOf(uid: EntityUidJson): string {
  return '__entity' in uid ? uid.__entity.id : uid.id;
}

/** `file:line: message`; Cedar's locations are offsets in UTF-8. */
function describe(fault: DetailedError, text: string, name: string): string {
  const start = fault.sourceLocations?.[0]?.start;
  const before = start === undefined ? '' : Buffer.from(text).subarray(0, start).toString();
  const where = start === undefined ? name : `${name}:${before.split('\n').length}`;
  return `${where}: ${fault.message}${fault.help ? ` (${fault.help})` : ''}`;
}
