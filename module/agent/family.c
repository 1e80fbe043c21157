#include "family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* No process has a higher number (the kernel's PID_MAX_LIMIT). */
#define PIDS (sizeof(long) == 4 ? 32768 : 4194304)
/* Most systems use no more. */
#define FEW_PIDS 32768

/* getdents64(2) as the kernel writes it; readdir(3) would allocate. */
struct entry {
    uint64_t inode;
    int64_t next;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* The parent in /proc/PID/stat, which stands behind the name in parentheses and a letter; 0 where it
 * cannot be read. */
static pid_t parent_of(int proc, const char *name)
{
    char path[32], stat[512];
    size_t length = strlen(name);
    if (length > 16) return 0;
    memcpy(path, name, length);
    memcpy(path + length, "/stat", 6);
    int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t got = read(file, stat, sizeof stat - 1);
    close(file);
    stat[got < 0 ? 0 : got] = '\0';
    const char *behind = strrchr(stat, ')');
    return behind == NULL || strlen(behind) < 4 ? 0 : (pid_t)strtol(behind + 4, NULL, 10);
}

/* Kills those that /proc shows; false where it shows none. */
static bool kill_shown(int proc)
{
    _Alignas(struct entry) char room[4096];
    pid_t self = getpid();
    bool shown = false;
    long got;
    if (proc < 0 || lseek(proc, 0, SEEK_SET) != 0) return false;
    while ((got = syscall(SYS_getdents64, proc, room, sizeof room)) > 0) {
        for (long at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)(const void *)(room + at);
            at += entry->length;
            if (entry->name[0] < '1' || entry->name[0] > '9') continue;
            if (parent_of(proc, entry->name) != self) continue;
            kill((pid_t)strtol(entry->name, NULL, 10), SIGKILL);
            shown = true;
        }
    }
    return shown;
}

/* True while there are children. */
static bool reap(void)
{
    pid_t gone;
    do gone = waitpid(-1, NULL, WNOHANG);
    while (gone > 0 || (gone < 0 && errno == EINTR));
    return gone == 0;
}

/* Kills whoever is a child by the kernel's own word: waitid(2) finds no others. Slower, but /proc is what root makes
 * of it, and who mounts something over it, or over its own entry there, is not shown. */
static void kill_hidden(void)
{
    for (pid_t pid = 2; pid < PIDS; pid++) {
        siginfo_t found;
        if (pid % FEW_PIDS == 0 && !reap()) return;
        if (waitid(P_PID, (id_t)pid, &found, WEXITED | WNOHANG | WNOWAIT) == 0) kill(pid, SIGKILL);
    }
}

void family_kill(int64_t milliseconds)
{
    int64_t end = clock_waiting() + milliseconds;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned round = 1; reap() && clock_waiting() < end; round++) {
        /* One that is shown does not stand in for one that is not. */
        if (!kill_shown(proc) || round % 64 == 0) kill_hidden();
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    if (proc >= 0) close(proc);
}
