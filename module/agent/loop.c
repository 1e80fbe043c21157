#include "loop.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "filter.h"
#include "wire.h"

/* So often at least, in milliseconds, the time is looked at while a session is open, since poll(2) does not
 * count the time that the module sleeps; and so often a tty that is not there is tried again. */
#define LOOK 1000

/* So much of what the modem says, and an unsolicited line of ours, must have room on the way to the host. */
#define ROOM 1024

static volatile sig_atomic_t ending;

static struct wire host, modem;
static struct port port;
static struct filter filter;

/* What the host has sent and the filter has not taken. */
static char sent[512];
static size_t sent_length;

static void on_signal(int number)
{
    if (number != SIGUSR1) ending = 1;
}

/* Signals come while the loop waits, and at no other time. */
static void catch_signals(sigset_t *waiting)
{
    static const int caught[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) {
        sigaddset(&blocked, caught[i]);
        sigaction(caught[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) sigdelset(waiting, caught[i]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
}

static bool filtering(const struct latch *latch)
{
    return latch->config->modem[0] != '\0';
}

static void lessen(int64_t *wait, int64_t other)
{
    if (other >= 0 && (*wait < 0 || other < *wait)) *wait = other;
}

/* How long the loop may sleep; NULL for as long as nothing happens. */
static struct timespec *patience(const struct latch *latch, struct timespec *room)
{
    int64_t wait = latch_patience(latch);
    if (host.in < 0 || (filtering(latch) && modem.in < 0)) lessen(&wait, LOOK);
    if (sent_length > 0) lessen(&wait, filter_patience(&filter));
    if (wait < 0) return NULL;
    if (wait > LOOK) wait = LOOK;
    *room = (struct timespec){(time_t)(wait / 1000), (long)(wait % 1000 * 1000000)};
    return room;
}

static struct pollfd reading(const struct wire *wire, bool wanted)
{
    return (struct pollfd){.fd = wanted ? wire->in : -1, .events = POLLIN};
}

static struct pollfd writing(const struct wire *wire)
{
    return (struct pollfd){.fd = wire->waiting.length > 0 ? wire->out : -1, .events = POLLOUT};
}

/* False at the end of standard input. */
static bool from_host(const struct latch *latch)
{
    int got = wire_read(&host, sent, sizeof sent);
    if (got < 0) return false;
    if (filtering(latch)) {
        sent_length = (size_t)got;
    } else {
        port_receive(&port, (struct span){sent, (size_t)got});
    }
    return true;
}

/* What it had not ended is nobody's: the next host begins anew. */
static void host_gone(void)
{
    sent_length = 0;
    filter_host_gone(&filter);
    port_host_gone(&port);
}

static void from_modem(void)
{
    char bytes[512];
    int got = wire_read(&modem, bytes, sizeof bytes);
    if (got > 0) filter_modem(&filter, (struct span){bytes, (size_t)got});
}

/* Gives the filter what it has not taken yet. */
static void pass_on(void)
{
    size_t taken = filter_host(&filter, (struct span){sent, sent_length});
    sent_length -= taken;
    memmove(sent, sent + taken, sent_length);
}

static void serve(struct latch *latch, const sigset_t *waiting)
{
    struct timespec room;
    while (!ending) {
        wire_open(&host);
        if (filtering(latch)) wire_open(&modem);
        struct pollfd look[] = {
            reading(&host, sent_length == 0),
            reading(&modem, outbox_left(&host.waiting) >= ROOM),
            writing(&host),
            writing(&modem),
            {.fd = latch->service.end, .events = POLLIN},
        };
        int got = ppoll(look, sizeof look / sizeof *look, patience(latch, &room), waiting);
        latch_look(latch);
        if (got > 0 && look[0].revents != 0 && !from_host(latch)) return;
        if (got > 0 && look[1].revents != 0) from_modem();
        if (sent_length > 0) pass_on();
        if (wire_flush(&host) < 0) return;
        wire_flush(&modem);
        if (host.in < 0) host_gone();
        if (filtering(latch) && modem.in < 0) filter_modem_gone(&filter);
    }
}

bool loop_run(struct latch *latch, const struct config *config)
{
    sigset_t waiting;
    catch_signals(&waiting);
    port_init(&port, latch, &host.waiting);
    latch->say = port_say;
    latch->listener = &port;
    wire_init(&host, config->at);
    wire_init(&modem, config->modem);
    if (config->modem[0] != '\0') {
        filter_init(&filter, &port, &config->backdoors, &host.waiting, &modem.waiting);
    }
    if (!latch_start(latch, config)) return false;
    serve(latch, &waiting);
    latch_stop(latch);
    wire_flush(&host);
    return true;
}
