#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "family.h"
#include "text.h"

/* Milliseconds. */
#define QUICK 250
#define EXEC_PATIENCE 5000
#define PROGRAM_PATIENCE 5000
#define KILL_PATIENCE 5000
/* So much later than the agent the keeper kills what is over; and so often it looks, since ppoll(2) does not count the
 * time that the module sleeps. */
#define GRACE 5000
#define LOOK 1000

/* The agent has a dozen descriptors, and they are the lowest. */
#define DESCRIPTORS 256

static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};

/* True where `fd` is readable, or at its end, within that time. */
static bool readable_within(int fd, int64_t wait)
{
    int64_t end = clock_waiting() + wait;
    for (;;) {
        struct pollfd look = {.fd = fd, .events = POLLIN};
        int64_t left = end - clock_waiting();
        int got = poll(&look, 1, left < 0 ? 0 : (int)left);
        if (got >= 0 || errno != EINTR) return got > 0;
    }
}

/* Signals as a program expects to find them. */
static void plain_signals(void)
{
    static const int changed[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGCHLD};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) signal(changed[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Returns only where that cannot be executed. Descriptors 0 to 2 are closed. */
static void execute(const struct program *program)
{
    setsid();
    plain_signals();
    umask(022);
    if (chdir("/") != 0) _exit(127);
    if (open("/dev/null", O_RDWR) != 0 || dup2(0, 1) < 0 || dup2(0, 2) < 0) _exit(127);
    execve(program->argv[0], program->argv, environment);
}

static void on_child(int number)
{
    (void)number;
}

/* SIGCHLD comes while the keeper waits, and at no other time. */
static void keeper_signals(sigset_t *waiting)
{
    struct sigaction action = {.sa_handler = on_child};
    sigset_t child;
    plain_signals();
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, waiting);
}

/* What a keeper knows of its agent. */
struct keeping {
    pid_t agent;
    int life;
    /* On clock_milliseconds. */
    int64_t until;
};

/* True once the agent wants an end or cannot want anything any more: it has ended, be it that somebody else holds the
 * other end of `life`, or it has let the time pass, stopped or waiting for flash that does not answer. */
static bool is_over(const struct keeping *keeping, const sigset_t *waiting)
{
    static const struct timespec look_again = {LOOK / 1000, LOOK % 1000 * 1000000};
    struct pollfd look = {.fd = keeping->life, .events = POLLIN};
    if (ppoll(&look, 1, &look_again, waiting) > 0) return true;
    return getppid() != keeping->agent || clock_milliseconds() >= keeping->until;
}

/* Ends when nothing of the service is left; kills it when it is over, or the program itself fails. */
static void keep(pid_t program, const struct keeping *keeping, const sigset_t *waiting)
{
    for (;;) {
        int status;
        pid_t gone = waitpid(-1, &status, WNOHANG);
        if (gone < 0 && errno != EINTR) _exit(0);
        bool failed = gone == program && (!WIFEXITED(status) || WEXITSTATUS(status) != 0);
        if (failed || (gone <= 0 && is_over(keeping, waiting))) {
            family_kill(KILL_PATIENCE);
            _exit(1);
        }
    }
}

/* The keeper. `started` is closed by a successful exec, or gets a byte. */
static void be_keeper(const struct program *program, const struct keeping *keeping, int started)
{
    sigset_t waiting;
    setsid();
    keeper_signals(&waiting);
    pid_t child = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? fork() : -1;
    if (child == 0) {
        execute(program);
        if (write(started, "", 1) != 1) _exit(126);
        _exit(127);
    }
    close(started);
    if (child < 0) _exit(1);
    keep(child, keeping, &waiting);
}

static bool pipes(int life[2], int started[2], int end[2])
{
    life[0] = life[1] = started[0] = started[1] = end[0] = end[1] = -1;
    return pipe2(life, O_CLOEXEC) == 0 && pipe2(started, O_CLOEXEC) == 0 && pipe2(end, O_CLOEXEC) == 0;
}

static void shut(int fd)
{
    if (fd >= 0) close(fd);
}

void service_init(struct service *service, int lock)
{
    *service = (struct service){lock, 0, -1, -1};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Among what goes are the agent's ends of the pipes, or the keeper would keep itself alive, and what the agent was
 * started with. */
static void close_others(const int *kept, size_t count)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        bool keep = false;
        for (size_t i = 0; i < count; i++) keep = keep || fd == kept[i];
        if (!keep) close(fd);
    }
}

/* True once the program runs, and still does after a while. */
static bool lives(int started, int end)
{
    char byte;
    if (!readable_within(started, EXEC_PATIENCE) || read(started, &byte, 1) != 0) return false;
    return !readable_within(end, QUICK);
}

bool service_start(struct service *service, const struct program *program, int64_t over,
                   void (*forget)(void *secrets), void *secrets)
{
    int life[2], started[2], end[2];
    pid_t agent = getpid();
    if (program->argv[0] == NULL) return false;
    pid_t keeper = pipes(life, started, end) ? fork() : -1;
    if (keeper == 0) {
        const int kept[] = {service->lock, life[0], started[1], end[1]};
        close_others(kept, sizeof kept / sizeof *kept);
        forget(secrets);
        be_keeper(program, &(struct keeping){agent, life[0], over + GRACE}, started[1]);
        _exit(1);
    }
    shut(life[0]);
    shut(started[1]);
    shut(end[1]);
    *service = (struct service){service->lock, keeper < 0 ? 0 : keeper, life[1], end[0]};
    bool running = keeper > 0 && lives(started[0], end[0]);
    shut(started[0]);
    return running;
}

void service_stop(struct service *service)
{
    shut(service->life);
    if (service->keeper > 0) {
        if (!readable_within(service->end, KILL_PATIENCE + 1000)) {
            complain("a process of the session does not end", NULL);
            kill(service->keeper, SIGKILL);
        }
        waitpid(service->keeper, NULL, 0);
    }
    shut(service->end);
    *service = (struct service){service->lock, 0, -1, -1};
    /* What outlived its keeper is a child of the agent's now. */
    family_kill(KILL_PATIENCE);
}

void program_run(const struct program *program)
{
    if (program->argv[0] == NULL) return;
    pid_t child = fork();
    if (child == 0) {
        close_others(NULL, 0);
        execute(program);
        _exit(127);
    }
    if (child < 0) return;
    int64_t end = clock_waiting() + PROGRAM_PATIENCE;
    while (waitpid(child, NULL, WNOHANG) == 0 && clock_waiting() < end) {
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    family_kill(KILL_PATIENCE);
}
