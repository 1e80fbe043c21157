#include "coprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Milliseconds. */
#define PATIENCE 10000

#ifdef LATCHD_TEST
/* The hooks reach it too. */
#define ENVIRONMENT environ
#else
static char *const plain[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
#define ENVIRONMENT plain
#endif

/* The agent's ends of the two pipes; -1 once closed. */
struct ends {
    int in;
    int out;
};

static void shut(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* It dies with the agent: two that write the same file at once, one of a dead agent's and one of the next, could leave
 * neither's. What it writes to standard error goes where the agent's own words go. */
static void become(const struct program *program, const char *verb, int in, int out, pid_t agent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != agent) _exit(127);
    const char *argv[PROGRAM_WORDS + 2] = {NULL};
    size_t count = 0;
    for (; program->argv[count] != NULL; count++) argv[count] = program->argv[count];
    argv[count] = verb;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || chdir("/") != 0) _exit(127);
    /* execve changes nothing that it is given; its type is older than const. */
    union {
        const char **given;
        char **wanted;
    } words = {argv};
    execve(program->argv[0], words.wanted, ENVIRONMENT);
    _exit(127);
}

static pid_t spawn(const struct program *program, const char *verb, struct ends *ends)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    bool piped = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0;
    pid_t agent = getpid(), child = piped ? fork() : -1;
    if (child == 0) become(program, verb, in[0], out[1], agent);
    shut(&in[0]);
    shut(&out[1]);
    *ends = (struct ends){in[1], out[0]};
    if (child < 0) {
        shut(&ends->in);
        shut(&ends->out);
    }
    return child;
}

static void feed(struct ends *ends, struct span *input)
{
    ssize_t put = write(ends->in, input->at, input->length);
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (put > 0) {
        input->at += put;
        input->length -= (size_t)put;
    }
    if (put <= 0 || input->length == 0) shut(&ends->in);
}

/* What does not fit is read and dropped, so that the coprocess comes to its end. */
static void drain(struct ends *ends, char *output, size_t room, size_t *length)
{
    char more[256];
    ssize_t got = read(ends->out, more, sizeof more);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
        shut(&ends->out);
        return;
    }
    size_t fits = room - *length < (size_t)got ? room - *length : (size_t)got;
    memcpy(output + *length, more, fits);
    *length += fits;
}

/* Both ways until the coprocess closes its standard output; false where that takes too long. */
static bool converse(struct ends *ends, struct span input, char *output, size_t room, size_t *length)
{
    int64_t end = clock_waiting() + PATIENCE;
    fcntl(ends->in, F_SETFL, O_NONBLOCK);
    if (input.length == 0) shut(&ends->in);
    while (ends->out >= 0) {
        struct pollfd look[] = {{.fd = ends->out, .events = POLLIN}, {.fd = ends->in, .events = POLLOUT}};
        int64_t left = end - clock_waiting();
        if (left <= 0 || (poll(look, 2, (int)left) < 0 && errno != EINTR)) return false;
        if (look[0].revents != 0) drain(ends, output, room, length);
        if (ends->in >= 0 && look[1].revents != 0) feed(ends, &input);
    }
    return true;
}

/* Its exit status; COPROCESS_FAILED where it was ended, by us if need be. */
static int reap(pid_t child, bool done)
{
    int status;
    pid_t gone = 0;
    int64_t end = clock_waiting() + PATIENCE;
    if (!done) kill(child, SIGKILL);
    for (;;) {
        gone = waitpid(child, &status, WNOHANG);
        if (gone > 0) return done && WIFEXITED(status) ? WEXITSTATUS(status) : COPROCESS_FAILED;
        if (gone < 0 && errno != EINTR) return COPROCESS_FAILED;
        if (done && clock_waiting() > end) {
            kill(child, SIGKILL);
            done = false;
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

int coprocess_run(const struct program *program, const char *verb, struct span input, char *output, size_t room,
               size_t *length)
{
    struct ends ends;
    *length = 0;
    if (program->argv[0] == NULL) return COPROCESS_FAILED;
    pid_t child = spawn(program, verb, &ends);
    if (child < 0) return COPROCESS_FAILED;
    bool done = converse(&ends, input, output, room, length);
    shut(&ends.in);
    shut(&ends.out);
    return reap(child, done);
}
