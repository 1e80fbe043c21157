#include "outbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

size_t outbox_left(const struct outbox *outbox)
{
    return OUTBOX_ROOM - outbox->length;
}

bool outbox_add(struct outbox *outbox, struct span bytes)
{
    if (bytes.length > outbox_left(outbox)) return false;
    if (outbox->start + outbox->length + bytes.length > OUTBOX_ROOM) {
        memmove(outbox->bytes, outbox->bytes + outbox->start, outbox->length);
        outbox->start = 0;
    }
    memcpy(outbox->bytes + outbox->start + outbox->length, bytes.at, bytes.length);
    outbox->length += bytes.length;
    return true;
}

bool outbox_flush(struct outbox *outbox, int fd)
{
    while (outbox->length > 0) {
        ssize_t put = write(fd, outbox->bytes + outbox->start, outbox->length);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno == EAGAIN;
        outbox->start += (size_t)put;
        outbox->length -= (size_t)put;
    }
    return true;
}
