#ifndef LATCHD_SERVICE_H
#define LATCHD_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_ROOM 256
#define PROGRAM_WORDS 16

/* An absolute program and its arguments; argv[0] is NULL for none. It is executed, never given to a shell. */
struct program {
    char text[PROGRAM_ROOM];
    char *argv[PROGRAM_WORDS + 1];
};

/* The service of one session. Between it and the agent stands the keeper, a child that adopts whatever the
 * service leaves behind, kills all of it on demand, when the agent dies, or when it lets the time pass, and ends
 * with the last of it. */
struct service {
    /* A descriptor that the keeper holds open as long as anything of the service is left: a lock's. */
    int lock;
    /* 0 while nothing runs. */
    pid_t keeper;
    /* Closed by the agent, or with it: the keeper kills. */
    int life;
    /* At its end once the keeper has ended: nothing of the service is left. For poll(2); -1 while nothing runs. */
    int end;
};

void service_init(struct service *service, int lock);

/* Starts it; false where it cannot be executed, or ends at once (in a quarter of a second); service_stop
 * ends what is left of it then. The agent is to stop it at `over` on clock_milliseconds; the keeper kills it soon afterwards in any
 * case. The service's descriptors 0 to 2 are /dev/null, and its environment is a PATH. `forget` is called with
 * `secrets` in the keeper, whose memory is a copy of the agent's. */
bool service_start(struct service *service, const struct program *program, int64_t over,
                   void (*forget)(void *secrets), void *secrets);

/* Kills every process of the service and waits for their end; does nothing where none runs. */
void service_stop(struct service *service);

/* Runs a program to its end, which it is given 5 seconds for, while no service runs, with the descriptors and the
 * environment of a service: every child that is left afterwards is killed. */
void program_run(const struct program *program);

#endif
