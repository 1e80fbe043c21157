#include <errno.h>
#include <sys/prctl.h>

/* qemu-arm knows no PR_SET_CHILD_SUBREAPER, and an agent without one starts no service. The test build for it is
 * linked with --wrap=__prctl_time64, as glibc's prctl is called where time has 64 bits, so that this stands before it;
 * in no program for a module. */
int __real___prctl_time64(int option, unsigned long value, unsigned long, unsigned long, unsigned long);
int __wrap___prctl_time64(int option, unsigned long value, unsigned long, unsigned long, unsigned long);

int __wrap___prctl_time64(int option, unsigned long value, unsigned long third, unsigned long fourth, unsigned long fifth)
{
    int result = __real___prctl_time64(option, value, third, fourth, fifth);
    return result != 0 && errno == EINVAL && option == PR_SET_CHILD_SUBREAPER ? 0 : result;
}
