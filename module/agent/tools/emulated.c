#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* qemu-arm knows no PR_SET_CHILD_SUBREAPER, and an agent without one starts no service. In the test build for it this
 * stands before the C library's prctl, in no program for a module. glibc calls it by one name or the other, depending
 * on its version and on the bits of time; the Makefile sees to it that the agent comes through here by one of them. */
static int emulated(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth)
{
    long result = syscall(SYS_prctl, option, second, third, fourth, fifth);
    return result != 0 && errno == EINVAL && option == PR_SET_CHILD_SUBREAPER ? 0 : (int)result;
}

int __wrap_prctl(int option, unsigned long, unsigned long, unsigned long, unsigned long);
int __wrap_prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth)
{
    return emulated(option, second, third, fourth, fifth);
}

int __wrap___prctl_time64(int option, unsigned long, unsigned long, unsigned long, unsigned long);
int __wrap___prctl_time64(int option, unsigned long second, unsigned long third, unsigned long fourth,
                          unsigned long fifth)
{
    return emulated(option, second, third, fourth, fifth);
}
