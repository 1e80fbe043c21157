#include <stdlib.h>
#include <string.h>

#include "filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const shut[] = {"+QLINUXCMD", "+QADBKEY", "+QCFG=USBCFG,"};
#define SHUT (sizeof shut / sizeof shut[0])

static struct outbox host, modem;
static struct latch latch;
static struct config config;
static struct port port;
static struct filter filter;
static struct words words;

/* What a modem without line editing reads: no case, no spaces, quotes or control characters (V.250 §5.2.2). */
static size_t plainly(char *to)
{
    size_t length = 0;
    for (size_t i = 0; i < modem.length; i++) {
        char at = (char)(modem.bytes[modem.start + i] & 0x7f);
        if (at >= 'a' && at <= 'z') at = (char)(at - 'a' + 'A');
        if (at > ' ' && at != '"' && at != 0x7f) to[length++] = at;
    }
    return length;
}

/* No back door reaches the modem, whatever the host types and whenever the modem speaks. */
static void hold_shut(void)
{
    static char text[OUTBOX_ROOM];
    size_t length = plainly(text);
    for (size_t i = 0; i < SHUT; i++) {
        if (memmem(text, length, shut[i], strlen(shut[i])) != NULL) __builtin_trap();
    }
}

/* Pieces: a byte whose top bit says who speaks and whose rest how much, then that much. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > OUTBOX_ROOM / 2) return 0;
    memset(&host, 0, sizeof host);
    memset(&modem, 0, sizeof modem);
    memset(&words, 0, sizeof words);
    for (size_t i = 0; i < SHUT; i++) words_add(&words, (struct span){shut[i], strlen(shut[i])});
    latch.config = &config;
    port_init(&port, &latch, &host);
    filter_init(&filter, &port, &words, &host, &modem);
    while (size > 1) {
        size_t length = data[0] & 0x7f;
        bool modem_speaks = (data[0] & 0x80) != 0;
        if (length > size - 1) length = size - 1;
        struct span piece = {(const char *)data + 1, length};
        if (modem_speaks && outbox_left(&host) > length) filter_modem(&filter, piece);
        if (!modem_speaks && filter_host(&filter, piece) > length) __builtin_trap();
        data += 1 + length;
        size -= 1 + length;
    }
    hold_shut();
    return 0;
}
