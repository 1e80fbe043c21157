import type { Cme } from '../../protocol/cme.ts';

/** What a user does about each refusal of a module's. */
export const nextStep: Readonly<Record<Cme, string>> = {
  901: 'Try once more. If it stays, the module belongs to another server than the one you are enrolled at.',
  902: 'It was damaged on the way, or is a forgery: ask for a new token. After three of these the module forgets its challenge.',
  903: 'Each token and bundle is for one module: ask for one with a challenge of this module’s.',
  904: 'A challenge lives for 600 s, and until a restart, a newer challenge or a newer key manifest: begin again with a new one.',
  905: 'Hand the module the newest key manifest first: latchkey unlock does so by itself while the server can be reached.',
  906: 'Ask for a new token. Where it is new, a clock is off: the module’s or the server’s.',
  907: 'Use a token made for this challenge: what the module asked for bounds what it accepts.',
  908: 'Wait two seconds, then try again.',
  909: 'Nothing is to be done if it belongs to this server (latchkey status); else an officer’s reset token comes first.',
  910: 'Nothing: the module already holds this manifest or a newer one.',
  911: 'Provision it first: latchkey provision.',
  912: 'Try again: pieces of the message were lost on the way.',
  913: 'The token is spent and nothing was opened: restart the module, then begin again with a new challenge.',
  914: 'Its storage is full or failing: restart the module, then try again; if it stays, the module needs repair.',
  915: 'The server’s record of this module’s password is behind: upload its receipts (latchkey receipts), then begin again.',
};
