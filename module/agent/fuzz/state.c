#include "state.h"

#include <string.h>

#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The stored state as it is inside its seal: whatever is taken is what this agent would have written. And the seal
 * itself, which nothing made up here can pass. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state;
    static unsigned char bytes[SEAL_OVERHEAD + STATE_MOST];
    if (state_decode(&state, data, size)) {
        if (state_encode(&state, bytes) != size || memcmp(bytes, data, size) != 0) __builtin_trap();
    }
    if (size > sizeof bytes) return 0;
    memcpy(bytes, data, size);
    if (unseal(bytes, size, "LTE4-00A1B2C3D4E5")) __builtin_trap();
    return 0;
}
