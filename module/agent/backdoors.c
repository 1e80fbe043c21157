#include "backdoors.h"

/* What V.250 lets a sender vary without another meaning: case, spaces, and here also quotes. Gives 0 for what
 * is left out. */
static char squeeze(char character)
{
    if (character <= ' ' || character == '"' || character == 0x7f) return 0;
    if (character >= 'a' && character <= 'z') return (char)(character - 'a' + 'A');
    return character;
}

bool backdoors_add(struct backdoors *backdoors, struct span pattern)
{
    if (backdoors->count == BACKDOORS_MOST) return false;
    struct text_pattern *added = &backdoors->pattern[backdoors->count];
    added->length = 0;
    for (size_t i = 0; i < pattern.length; i++) {
        char kept = squeeze(pattern.at[i]);
        if (kept == 0) continue;
        if (added->length == BACKDOOR_ROOM) return false;
        added->at[added->length++] = kept;
    }
    if (added->length == 0) return false;
    backdoors->count++;
    return true;
}
