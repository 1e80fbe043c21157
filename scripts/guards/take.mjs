// What the lists of guards have in common.

/**
 * One guard a line of a list: its file, its name, the text and what it becomes, the test that must notice.
 * @param files what stands in each file, by the guard's name; under `test` the test that must notice where a guard
 *   names none
 */
export function listed(files) {
  return Object.entries(files).flatMap(([file, { test: own = 'vectors', ...ones }]) =>
    Object.entries(ones).map(([name, [find, put, test = own]]) => ({ file, name, find, put, test })),
  );
}

/**
 * @returns the guard's file, which reads `text`, without the guard
 * @throws where the guard does not stand there exactly once: then nobody knows what would be taken out
 */
export function without({ file, name, find, put }, text) {
  if (text.split(find).length !== 2) {
    throw new Error(`${file}: ${name}: ${JSON.stringify(find)} is not there exactly once`);
  }
  return text.replace(find, () => put);
}
