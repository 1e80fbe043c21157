#include "watch.h"

#include <string.h>

#include "hold.h"
#include "modem.h"

/* Where the first byte of an input has both these bits, the first such byte stands for many of the byte before it:
 * long lines from short inputs. Only there, since they take long. */
#define LONG 0xc0
#define AGAIN 0xff
#define TIMES 1100

static struct words words;
static struct watch watch, line;
static struct modem modem;

/* No line of the modem has a word that the watch has not seen come. */
static void hold_line(void)
{
    hold(!modem_obeys_any(&modem, &words));
    if ((modem.how & ENDS_LINES) != 0) hold(!modem_edits_otherwise(&modem));
    modem.length = 0;
    line = (struct watch){0};
}

/* False once the watch has seen something: the filter lets no more of it through. */
static bool passes(uint8_t byte)
{
    int read = (modem.how & EIGHT_BITS) != 0 ? byte : byte & 0x7f;
    bool ends = read == '\r' && (modem.how & ENDS_LINES) != 0;
    if (!ends) {
        watch_feed(&watch, (char)byte);
        watch_feed(&line, (char)byte);
        if (watch_ends_with_any(&watch, &words) || watch_sets_editing(&line, false)) return false;
    } else if (watch_sets_editing(&line, true)) {
        return false;
    }
    if (modem_hears(&modem, byte)) hold_line();
    return true;
}

/* How the modem reads, a pattern up to a line feed, and what the host types. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *feed = size == 0 ? NULL : memchr(data, '\n', size);
    if (feed == NULL) return 0;
    words.count = 0;
    words_add(&words, (struct span){(const char *)data + 1, feed == data ? 0 : (size_t)(feed - data - 1)});
    if (words.count == 1 && memchr(words.word[0].at, '\\', words.word[0].length) != NULL) words.count = 0;
    words_add(&words, span_of("QADBKEY"));
    words_add(&words, span_of("+QCFG=\"usbcfg\","));
    watch = line = (struct watch){0};
    modem.how = data[0];
    modem.length = 0;
    bool is_long = (data[0] & LONG) == LONG;
    for (const uint8_t *at = feed + 1; at < data + size; at++) {
        size_t times = *at == AGAIN && is_long ? TIMES : 1;
        uint8_t byte = times > 1 ? at[-1] : *at;
        if (times > 1) is_long = false;
        for (size_t i = 0; i < times; i++) {
            if (!passes(byte)) return 0;
        }
    }
    hold_line();
    return 0;
}
