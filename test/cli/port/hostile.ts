import fc from 'fast-check';

/** What a hostile or broken peer sends, one character for each byte; `LINE` stands for the line it was sent. */
export const fragment: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\r',
    'OK',
    'ERROR',
    '+QLATCH: "locked",0,"QC-0001-ABCD",3',
    'LINE',
    '+CME ERROR: 904',
    '+CME ERROR: 5',
    '+QLATCH: "keys",1',
    '+QLATCH: "',
    '+QLATCHIND: "locked","timeout"',
    '+QLATCH: "challenge","a.b.c"',
    '\x1b[2J\x1b]0;x\x07',
    '\0',
  ),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.nat(5000).map((length) => 'A'.repeat(length)),
);

/** For each line that it is sent: bursts of fragments, each so many milliseconds later. */
export const behaviour = fc.array(
  fc.array(fc.record({ delay: fc.nat(4000), text: fc.array(fragment, { maxLength: 8 }) }), { maxLength: 3 }),
  { minLength: 1, maxLength: 12 },
);
