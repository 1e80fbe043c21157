#ifndef LATCHD_FILES_H
#define LATCHD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Whoever starts a program may leave it none of its descriptors 0 to 2: nothing else is opened in their place. */
void file_fill_standard(void);

/* Reads a whole file of at most `room` bytes; -1 with errno where that cannot be done (EFBIG: longer). */
long file_read(int dir, const char *name, void *bytes, size_t room, struct stat *status);

/* Replaces `name` in `dir`, so that after a power cut it holds the old bytes or the new: write aside under
 * `aside`, fsync, rename, fsync of the directory. Owner and mode are those of `like`. False where a step
 * failed; the file is then the old one, or, where only the directory could not be synced, either. */
bool file_replace(int dir, const char *name, const char *aside, const void *bytes, size_t length,
                  const struct stat *like);

/* Reads a file that decides something: a regular file of root's or of the agent's own user that nobody
 * else may write, at most `room` - 1 bytes; a NUL is put behind it. Complains and gives -1 otherwise. */
long file_read_trusted(const char *path, char *text, size_t room);

#endif
