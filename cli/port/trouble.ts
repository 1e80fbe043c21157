import { cmeErrors, isCme } from '../../protocol/cme.ts';
import { nextStep } from './advice.ts';
import { escapeWire } from './escape.ts';
import { ModuleRefusal, PortError } from './fault.ts';

/** What was going on when a module did not answer as it should. */
export interface Circumstances {
  readonly port: string;
  /** The command line. */
  readonly sent: string;
  /** What arrived since, at most its last few hundred characters, as it came. */
  readonly seen: string;
  /** What on this machine may be the reason. */
  readonly hint: string | undefined;
}

/** Nothing that ends an answer came in `limit` milliseconds. */
export function silent(circumstances: Circumstances, limit: number): PortError {
  const { port, hint } = circumstances;
  const { sent, seen, text } = wire(circumstances);
  const guess =
    hint ??
    (/login:|password:|[#$] ?$/i.test(circumstances.seen)
      ? 'This looks like a console; the AT port is another one.'
      : seen === ''
        ? 'Check that this is the module’s AT port (latchkey ports), its power and the cable.'
        : 'Check the speed (--baud) and that this is the module’s AT port (latchkey ports).');
  return new PortError(
    'module-silent',
    `The module on ${port} gave no answer in ${limit / 1000} s. ${text}`,
    {
      next: guess,
      details: { sent, seen },
    },
  );
}

/** An answer came, but not one that the command can have. */
export function garbled(circumstances: Circumstances): PortError {
  const { port, hint } = circumstances;
  const { sent, seen, text } = wire(circumstances);
  return new PortError('module-garbled', `The answer from ${port} makes no sense. ${text}`, {
    next:
      hint ??
      'Try again; if it stays, check the speed (--baud), the cable, and that no other program uses the port.',
    details: { sent, seen },
  });
}

/** `+CME ERROR`, with what it means where it is one of ours. */
export function refused(port: string, sent: string, cme: number): ModuleRefusal {
  const meaning = isCme(cme)
    ? cmeErrors[cme]
    : 'which is not one of Latchkey’s: it comes from the AT stack in between';
  return new ModuleRefusal(
    cme,
    `The module on ${port} refused ${shorten(sent)}: ${cme}, ${meaning}.`,
    isCme(cme) ? nextStep[cme] : 'Look the number up in the module’s AT manual.',
  );
}

/** A plain `ERROR`: whoever answers speaks AT, but does not know `+QLATCH`. */
export function notLatchkey(port: string, sent: string): PortError {
  return new PortError('not-a-latchkey-module', `The modem on ${port} answered ERROR to ${shorten(sent)}.`, {
    next: 'It is not a Latchkey module, or answers Latchkey on another of its ports: try the others that latchkey ports lists.',
    details: { sent: shorten(sent) },
  });
}

function wire({ sent, seen }: Circumstances): { sent: string; seen: string; text: string } {
  const shown = { sent: shorten(sent), seen: shorten(seen.replaceAll(sent, '(echo)')) };
  const text = `Sent “${shown.sent}”, seen ${shown.seen === '' ? 'nothing' : `“${shown.seen}”`}.`;
  return { ...shown, text };
}

/** What was on the wire, for a reader: escaped, and without the messages in it, which are not for errors. */
function shorten(text: string): string {
  return text
    .split(/[\w.-]{40,}/)
    .map((part) => escapeWire(part))
    .join('…');
}

/** The port was closed on our side while somebody still waited for it. */
export function closedByUs(port: string): PortError {
  return new PortError('port-gone', `${port} was closed.`);
}
