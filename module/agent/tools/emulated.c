#include <errno.h>
#include <sys/prctl.h>

/* qemu-arm knows no PR_SET_CHILD_SUBREAPER, and an agent without one starts no service. The test build for it is
 * linked with --wrap=prctl, so that this stands before the C library's; in no program for a module. */
int __real_prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long);
int __wrap_prctl(int option, unsigned long value, unsigned long, unsigned long, unsigned long);

int __wrap_prctl(int option, unsigned long value, unsigned long third, unsigned long fourth, unsigned long fifth)
{
    int result = __real_prctl(option, value, third, fourth, fifth);
    return result != 0 && errno == EINVAL && option == PR_SET_CHILD_SUBREAPER ? 0 : result;
}
