#include "state.h"

#include <string.h>

#include "hold.h"
#include "seal.h"

/* What latch.c does with a state that was taken: the roots are named again, a receipt is kept. */
static void use(struct state *state)
{
    static struct rsa_key root;
    static const struct receipt receipt = {.seq = 1, .length = 5, .jws = "a.b.c"};
    for (size_t i = 0; state->has_roots && i < ROOTS; i++) {
        bool named = rsa_key_from_bytes(&root, ROOT_BITS, state->roots[i]);
        hold(named == (state->roots[i][0] >= 0x80));
        hold(!named || memcmp(root.n, state->roots[i], sizeof root.n) == 0);
    }
    state_keep(state, &receipt);
    hold(state->receipts <= RECEIPTS_KEPT);
    hold(span_is(receipt_jws(&state->receipt[state->receipts - 1]), "a.b.c"));
}

/* The stored state as it is inside its seal: whatever is taken is what this agent would have written. And the seal
 * itself, which nothing made up here can pass. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state;
    static unsigned char bytes[SEAL_OVERHEAD + STATE_MOST];
    if (state_decode(&state, data, size)) {
        hold(state_encode(&state, bytes) == size && memcmp(bytes, data, size) == 0);
        use(&state);
    }
    if (size > sizeof bytes) return 0;
    memcpy(bytes, data, size);
    hold(!unseal(bytes, size, "LTE4-00A1B2C3D4E5"));
    return 0;
}
