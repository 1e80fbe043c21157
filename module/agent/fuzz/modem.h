#ifndef LATCHD_FUZZ_MODEM_H
#define LATCHD_FUZZ_MODEM_H

#include <stdint.h>

#include "watch.h"

/* How a modem reads its lines (V.250 §5.2.2), any of these together. */
#define BACKSPACE_ERASES 1
#define DELETE_ERASES 2
#define KEEPS_SPACES 4   /* until the line ends: they can be erased */
#define KEEPS_CONTROLS 8 /* the same of control characters */
#define ENDS_LINES 16    /* at CR */
#define EIGHT_BITS 32    /* letters with their eighth bit set are others */

struct modem {
    unsigned how;
    size_t length;
    char line[8192];
};

/* Takes a byte; true where a line ends with it, or no more fits: modem_obeys_any is to be asked, and modem->length set
 * to 0. */
bool modem_hears(struct modem *modem, uint8_t byte);

/* True where the line has one of the words, as it was typed or with `\hh` decoded (V.250 §5.4.2.2). */
bool modem_obeys_any(const struct modem *modem, const struct words *words);

/* True where the line is a command line that begins by setting S3 or S5. */
bool modem_edits_otherwise(const struct modem *modem);

#endif
