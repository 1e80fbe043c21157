/** What a USB serial interface of a module is for, where the maker’s layout is known. */
export interface Hint {
  readonly maker: string;
  /** AT is the port to talk to; `modem` also answers AT, but is the one that dials. */
  readonly use: 'at' | 'modem' | 'diagnostics' | 'position' | 'unknown';
}

type Layout = Readonly<Record<number, Hint['use']>>;

/** By USB vendor: the interface numbers that nearly all of its LTE modules share. A guess for any one of them. */
const makers: Readonly<Record<string, readonly [maker: string, layout: Layout]>> = {
  // EC2x, EG2x, EM/EP06, RM5xx: USB interfaces 0 DM, 1 NMEA, 2 AT, 3 modem (kernel option.c, 2c7c).
  '2c7c': ['Quectel', { 0: 'diagnostics', 1: 'position', 2: 'at', 3: 'modem' }],
  // MC73xx, EM74xx, EM75xx: 0 DM, 2 NMEA, 3 AT and modem (kernel qcserial.c, QCSERIAL_SWI).
  '1199': ['Sierra Wireless', { 0: 'diagnostics', 2: 'position', 3: 'at' }],
};

/** @returns undefined for a vendor that is not a known maker of modules */
export function usbHint(vendor: string | undefined, interfaceNumber: number | undefined): Hint | undefined {
  const [maker, layout] = makers[vendor?.toLowerCase() ?? ''] ?? [];
  if (maker === undefined || layout === undefined) return undefined;
  return { maker, use: (interfaceNumber === undefined ? undefined : layout[interfaceNumber]) ?? 'unknown' };
}
