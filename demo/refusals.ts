import { PortError } from '../cli/port/fault.ts';
import { ModuleClient } from '../cli/port/module.ts';
import { usePort } from '../cli/port/open.ts';
import { lastUpload } from './transcript.ts';

/** Hands the token that opened a module to it again. @returns what a person would read */
export function tryAgain(transcript: string, port: string): Promise<string> {
  return refusal(port, (module) => module.unlock(lastUpload(transcript, 'unlock')));
}

/** Hands the token that opened one module to another that has a live challenge. */
export function tryElsewhere(transcript: string, port: string): Promise<string> {
  return refusal(port, async (module) => {
    await module.challenge('console', 600);
    await module.unlock(lastUpload(transcript, 'unlock'));
  });
}

async function refusal(port: string, attempt: (module: ModuleClient) => Promise<unknown>): Promise<string> {
  try {
    await usePort(port, {}, async (opened) => attempt(await ModuleClient.connect(opened)));
  } catch (error) {
    if (error instanceof PortError && error.code === 'module-refused') {
      return `${error.message}\n${error.next ?? ''}`;
    }
    throw error;
  }
  throw new Error('the module took a token that it must refuse');
}
