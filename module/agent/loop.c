#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

/* The time is looked at so often at least while a session is open, in milliseconds: poll(2) does not count the
 * time that the module sleeps. */
#define LOOK 1000

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    if (number != SIGUSR1) ending = 1;
}

static void catch_signals(sigset_t *waiting)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigdelset(waiting, SIGTERM);
    sigdelset(waiting, SIGINT);
    sigdelset(waiting, SIGUSR1);
}

static void unblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static struct timespec *patience(const struct latch *latch, struct timespec *room)
{
    int64_t wait = latch_patience(latch);
    if (wait < 0) return NULL;
    if (wait > LOOK) wait = LOOK;
    *room = (struct timespec){(time_t)(wait / 1000), (long)(wait % 1000 * 1000000)};
    return room;
}

/* Reads what the host has sent; false at its end. */
static bool receive(struct port *port)
{
    char bytes[512];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    port_receive(port, (struct span){bytes, (size_t)got});
    return got > 0;
}

static void serve(struct latch *latch, struct port *port, const sigset_t *waiting)
{
    while (!ending) {
        struct timespec room;
        struct pollfd look[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = port->host->length > 0 ? STDOUT_FILENO : -1, .events = POLLOUT},
            {.fd = latch->service.end, .events = POLLIN},
        };
        int got = ppoll(look, sizeof look / sizeof *look, patience(latch, &room), waiting);
        latch_look(latch);
        if (got > 0 && look[0].revents != 0 && !receive(port)) return;
        if (!outbox_flush(port->host, STDOUT_FILENO)) return;
    }
}

bool loop_run(struct latch *latch, const struct config *config)
{
    static struct outbox host;
    static struct port port;
    sigset_t waiting;
    catch_signals(&waiting);
    port_init(&port, latch, &host);
    latch->say = port_say;
    latch->listener = &port;
    if (!latch_start(latch, config)) return false;
    unblock(STDIN_FILENO);
    unblock(STDOUT_FILENO);
    serve(latch, &port, &waiting);
    latch_stop(latch);
    outbox_flush(&host, STDOUT_FILENO);
    return true;
}
