import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Role } from '../../protocol/api/principals.ts';
import type { Action, PolicyQuestion } from '../../server/policy.ts';
import { defaultPolicyFile, loadPolicy, PolicyError, parsePolicy } from '../../server/policy-file.ts';

const policy = loadPolicy();

/** alice asking for her own console unlock as an engineer, but for what the case changes. */
function question(
  action: Action,
  roles: readonly Role[] = ['engineer'],
  context: PolicyQuestion['context'] = {},
  owner = 'alice',
): PolicyQuestion {
  const unlockActions: readonly Action[] = ['approve', 'issue', 'reveal'];
  const withContext: readonly Action[] = ['request', 'approve', 'issue'];
  const asked = { scope: 'console', seconds: 1800, reason: true, tickets: [], approvals: 0, ...context };
  return {
    action,
    principal: { name: 'alice', kind: 'person', roles },
    resource: unlockActions.includes(action)
      ? { type: 'Unlock', id: '0190', owner }
      : action === 'review'
        ? { type: 'Log', id: context.scope ?? 'events' }
        : { type: 'Module', id: 'QC-0001-0001' },
    context: withContext.includes(action) ? asked : {},
  };
}

const decisions: [string, PolicyQuestion, string | undefined][] = [
  ['an engineer requests console for 1800 s', question('request'), undefined],
  ['an engineer is issued console', question('issue'), undefined],
  ['an engineer reveals', question('reveal'), undefined],
  ['1801 s', question('request', ['engineer'], { seconds: 1801 }), 'at most 1800 seconds'],
  ['1801 s issued', question('issue', ['engineer'], { seconds: 1801 }), 'at most 1800 seconds'],
  ['adb', question('request', ['engineer'], { scope: 'adb' }), 'the scope console'],
  ['an empty reason', question('request', ['engineer'], { reason: false }), 'a reason that says something'],
  [
    'an engineer resets',
    question('request', ['engineer'], { scope: 'reset' }),
    'the role officer, because reset gives the module a new identity',
  ],
  ['an officer resets', question('request', ['officer'], { scope: 'reset' }), undefined],
  [
    'an officer opens a console',
    question('request', ['officer']),
    'the role engineer, because officers may only reset',
  ],
  ['an auditor requests', question('request', ['auditor']), 'the role engineer or the role officer'],
  ['another’s unlock is issued', question('issue', ['engineer'], {}, 'bob'), 'an unlock of your own'],
  ['another’s password', question('reveal', ['engineer'], {}, 'bob'), 'an unlock of your own'],
  ['an auditor reveals', question('reveal', ['auditor']), 'the role engineer or the role officer'],
  ['an approver approves', question('approve', ['approver'], {}, 'bob'), undefined],
  [
    'an approver approves their own',
    question('approve', ['approver', 'engineer']),
    'somebody else: nobody approves an unlock of their own',
  ],
  ['a station provisions', question('provision', ['station']), undefined],
  ['an engineer provisions', question('provision'), 'the role station or the role officer'],
  ['an auditor reviews events', question('review', ['auditor']), undefined],
  ['an approver reviews unlocks', question('review', ['approver'], { scope: 'unlocks' }), undefined],
  [
    'an approver reviews events',
    question('review', ['approver']),
    'the role auditor or the role officer or the role approver',
  ],
  ['an officer administers', question('administer', ['officer']), undefined],
  ['a station administers', question('administer', ['station']), 'the role officer'],
  ['somebody without roles', question('request', []), 'the role engineer or the role officer'],
];

for (const [title, asked, need] of decisions) {
  test(`default policy: ${title}: ${need === undefined ? 'permitted' : `needs ${need}`} (DESIGN §6)`, () => {
    assert.deepEqual(
      policy.permits(asked),
      need === undefined ? { permitted: true } : { permitted: false, need },
    );
  });
}

test('several forbids: every need is named', () => {
  const answer = policy.permits(question('request', ['engineer'], { seconds: 9999, reason: false }));
  assert.deepEqual(answer, { permitted: false, need: 'a reason that says something; at most 1800 seconds' });
});

test('a rule that fails to evaluate refuses, though Cedar would skip it', () => {
  const failing = parsePolicy(
    `@need("a") permit (principal, action, resource);
     @need("b") forbid (principal, action == Action::"request", resource)
       when { context.seconds + 9223372036854775807 > 0 };`,
    'failing.cedar',
  );
  assert.deepEqual(failing.permits(question('request')), {
    permitted: false,
    need: 'a policy without errors; tell an officer',
  });
  assert.deepEqual(failing.permits(question('issue')), { permitted: true });
});

test('what a policy says of one module it says of no other, whichever was asked about first', () => {
  const naming = [
    'forbid (principal, action == Action::"request", resource == Module::"QC-0000-0002");',
    'forbid (principal, action, resource) when { resource == Module::"QC-0000-0002" };',
    'forbid (principal, action, resource) when { resource in [Module::"QC-0000-0002"] };',
  ];
  for (const rule of naming) {
    const named = parsePolicy(
      `@need("a") permit (principal, action, resource);\n@need("b") ${rule}`,
      'named.cedar',
    );
    const about = (id: string) =>
      named.permits({ ...question('request'), resource: { type: 'Module', id } }).permitted;
    assert.deepEqual(['QC-0000-0001', 'QC-0000-0002', 'QC-0000-0001'].map(about), [true, false, true], rule);
  }
});

test('an answer about one owner’s unlock is not another’s', () => {
  assert.equal(policy.permits(question('issue')).permitted, true);
  assert.equal(policy.permits(question('issue', ['engineer'], {}, 'bob')).permitted, false);
});

test('a policy file that does not parse is refused with file and line', () => {
  const text = '// é\n@need("x")\npermit (principal, action, resource);\n\nforbid (foo);\n';
  assert.throws(
    () => parsePolicy(text, 'own.cedar'),
    (error) => {
      assert.ok(error instanceof PolicyError);
      assert.match(error.message, /^own\.cedar:5: /);
      return true;
    },
  );
});

test('a policy file that does not fit the schema is refused with every fault and its line', () => {
  const text = `@need("x")\nforbid (principal, action == Action::"issue", resource) when { context.secnods > 3 };\n
@need("y")\nforbid (principal, action == Action::"open", resource);\n`;
  assert.throws(
    () => parsePolicy(text, 'own.cedar'),
    (error) => {
      assert.ok(error instanceof PolicyError);
      assert.match(error.message, /^own\.cedar:2: .*secnods/m);
      assert.match(error.message, /^own\.cedar:5: .*open/m);
      return true;
    },
  );
});

test('a rule without @need is refused: whom it stops would read nothing', () => {
  assert.throws(() => parsePolicy('permit (principal, action, resource);', 'own.cedar'), /no @need/);
});

test('the process survives that V8 deoptimizes permits() while Cedar runs', () => {
  // Cedar stringifies each call: there the caller is on the stack, and the process used to die.
  const script = `
    import { loadPolicy } from ${JSON.stringify(new URL('../../server/policy-file.js', import.meta.url).href)};
    const { permits } = loadPolicy();
    const deoptimize = new Function('f', '%DeoptimizeFunction(f)');
    const stringify = JSON.stringify;
    let armed = false;
    JSON.stringify = (value) => {
      if (armed && value.preparsedPolicySetId) deoptimize(permits);
      return stringify(value);
    };
    for (let round = 0; round < 20_000; round += 1) {
      armed = round % 1000 === 999;
      const principal = { name: 'p' + round, kind: 'person', roles: ['auditor'] };
      permits({ action: 'review', principal, resource: { type: 'Log', id: 'events' }, context: {} });
    }`;
  const args = ['--allow-natives-syntax', '--input-type=module', '-e', script];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
});

test('the default policy file parses under its own name', () => {
  assert.ok(parsePolicy(readFileSync(defaultPolicyFile, 'utf8'), 'default.cedar'));
});
