#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"

/* How soon it is tried again, in milliseconds: a line that hangs up as soon as it is open costs no more. */
#define AGAIN 1000

static bool is_stdio(const struct wire *wire)
{
    return strcmp(wire->path, "stdio") == 0;
}

static void unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void wire_init(struct wire *wire, const char *path)
{
    wire->path = path;
    wire->in = wire->out = -1;
    wire->tried = clock_waiting() - AGAIN;
}

/* Bytes pass as they are; the rate and the handshake stay as they were set. */
static void make_raw(int tty)
{
    struct termios settings;
    if (tcgetattr(tty, &settings) != 0) return;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    tcsetattr(tty, TCSANOW, &settings);
}

void wire_open(struct wire *wire)
{
    int64_t now = clock_waiting();
    if (wire->in >= 0 || now - wire->tried < AGAIN) return;
    wire->tried = now;
    if (is_stdio(wire)) {
        wire->in = STDIN_FILENO;
        wire->out = STDOUT_FILENO;
        unblock(wire->in);
        unblock(wire->out);
        return;
    }
    wire->in = wire->out = open(wire->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    /* What waited for who has gone is not for the next. */
    wire->waiting.start = wire->waiting.length = 0;
    if (wire->in >= 0) make_raw(wire->in);
    else if (!wire->complained) complain("cannot open ", wire->path, " yet: ", strerror(errno), NULL);
    wire->complained = wire->in < 0;
}

static int hang_up(struct wire *wire)
{
    if (is_stdio(wire)) return -1;
    close(wire->in);
    wire->in = wire->out = -1;
    return 0;
}

int wire_read(struct wire *wire, char *bytes, size_t room)
{
    ssize_t got = read(wire->in, bytes, room);
    if (got > 0) return (int)got;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return hang_up(wire);
}

int wire_flush(struct wire *wire)
{
    if (wire->out < 0 || outbox_flush(&wire->waiting, wire->out)) return 0;
    return hang_up(wire);
}
