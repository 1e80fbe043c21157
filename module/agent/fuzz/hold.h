#ifndef LATCHD_FUZZ_HOLD_H
#define LATCHD_FUZZ_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the fuzzer where a rule does not hold: libFuzzer keeps the input, and the stack says which rule. */
static inline void hold(bool rule)
{
    if (!rule) __builtin_trap();
}

#endif
