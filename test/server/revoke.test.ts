import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, done, refused } from '../fixture/client.ts';
import { Deployment, type ServerProcess } from '../fixture/deployment.ts';
import { type Ended, run } from '../fixture/program.ts';

/** The only officer's key was stolen: what is left to whoever runs the machine (docs/operations.md). */

let deployment: Deployment;
let running: ServerProcess;
let thief: Client;

before(async () => {
  const made = await Deployment.make();
  deployment = made.deployment;
  running = await deployment.start();
  thief = await deployment.redeem(made.code);
});
after(async () => {
  running.child.kill('SIGKILL');
  await running.gone;
  deployment.remove();
});

const onTheMachine = (...args: string[]): Promise<Ended> =>
  run('server/main.js', '-c', deployment.config, ...args).ended;

test('who is not there is said, and nothing done', async () => {
  const { code, stderr } = await onTheMachine('revoke', 'nobody');
  assert.deepEqual([code, stderr], [3, 'latchkey-server: There is no principal nobody.\n']);
  await done(thief.get('/v1/whoami'));
});

test('beside the server: the thief is out at the next request, with the codes they made; init lets the officer in again', async () => {
  const once = () => ({ 'Idempotency-Key': crypto.randomUUID() });
  const body = { name: 'accomplice', kind: 'person', roles: ['officer'] };
  await done(thief.post('/v1/principals', body, once()));
  const { json } = await done(thief.post('/v1/enrolments', { principal: 'accomplice' }, once()));
  assert.equal((await onTheMachine('init')).code, 3, 'an officer can get in');

  const { code, stdout, stderr } = await onTheMachine('revoke', 'officer', '--json');
  assert.deepEqual([code, stdout], [0, '{"principal":"officer","enrolments":1}\n'], stderr);
  await refused('certificate-revoked', thief.get('/v1/whoami'));
  await assert.rejects(deployment.redeem(String(json['code'])), /code-withdrawn/);

  const invited = await onTheMachine('init', '--json');
  const officer = await deployment.redeem((JSON.parse(invited.stdout) as { code: string }).code);
  await done(officer.get('/v1/principals'));
  const whole = await onTheMachine('check');
  assert.equal(whole.code, 0, whole.stdout);
});
