#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hooks.h"
#include "text.h"

void file_fill_standard(void)
{
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) close(fd);
}

static long read_all(int file, char *bytes, size_t room)
{
    size_t length = 0;
    for (;;) {
        char more;
        bool last = length == room;
        ssize_t got = read(file, last ? &more : bytes + length, last ? 1 : room - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) return (long)length;
        if (last) {
            errno = EFBIG;
            return -1;
        }
        length += (size_t)got;
    }
}

long file_read(int dir, const char *name, void *bytes, size_t room, struct stat *status)
{
    int file = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) return -1;
    long length = fstat(file, status) == 0 ? read_all(file, bytes, room) : -1;
    int why = errno;
    close(file);
    errno = why;
    return length;
}

static bool write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        if (!hook_step()) return false;
        ssize_t put = write(file, bytes, length);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes += put;
        length -= (size_t)put;
    }
    return true;
}

/* fchown clears bits of the mode, so it comes first. */
static bool dress(int file, const struct stat *like)
{
    struct stat now;
    if (fstat(file, &now) != 0) return false;
    if ((now.st_uid != like->st_uid || now.st_gid != like->st_gid) &&
        fchown(file, like->st_uid, like->st_gid) != 0) {
        return false;
    }
    return fchmod(file, like->st_mode & 07777) == 0;
}

/* An earlier cut may have left a file of this name: whatever it is, it is not opened again. */
static bool write_aside(int dir, const char *aside, const void *bytes, size_t length, const struct stat *like)
{
    if (!hook_step()) return false;
    if (unlinkat(dir, aside, 0) != 0 && errno != ENOENT) return false;
    if (!hook_step()) return false;
    int file = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return false;
    bool done = dress(file, like) && write_all(file, bytes, length) && hook_step() && fsync(file) == 0;
    return close(file) == 0 && done;
}

bool file_replace(int dir, const char *name, const char *aside, const void *bytes, size_t length,
                  const struct stat *like)
{
    bool written = write_aside(dir, aside, bytes, length, like) && hook_step() &&
                   renameat(dir, aside, dir, name) == 0;
    if (!written) {
        if (hook_step()) unlinkat(dir, aside, 0);
        return false;
    }
    return hook_step() && fsync(dir) == 0;
}

long file_read_trusted(const char *path, char *text, size_t room)
{
    struct stat status;
    long length = file_read(AT_FDCWD, path, text, room - 1, &status);
    if (length < 0) {
        complain("cannot read ", path, ": ", strerror(errno), NULL);
        return -1;
    }
    text[length] = '\0';
    bool safe = S_ISREG(status.st_mode) && (status.st_uid == 0 || status.st_uid == geteuid()) &&
                (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (safe) return length;
    complain(path, ": must be a regular file of root's that nobody else may write", NULL);
    return -1;
}
