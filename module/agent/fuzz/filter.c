#include "filter.h"

#include <string.h>

#include "hold.h"
#include "modem.h"
#include "stage.h"

static const char *const shut[] = {"+QLINUXCMD", "+QADBKEY", "+QCFG=\"usbcfg\","};
#define SHUT (sizeof shut / sizeof shut[0])

/* A piece of an input has this bit where the modem speaks, and in the rest how many bytes; 0 bytes for one of these,
 * which the next byte names. */
#define MODEM_SPEAKS 0x80
enum turn { TIME_PASSES, HOST_GOES, MODEM_GOES, HOST_REPEATS, TURNS };
#define LONG_AGO 6000
/* The host repeats itself where the first byte of an input has both these bits, and once: long lines take long. */
#define LONG 0xc0
#define TIMES 40

static struct outbox host, modem_side;
static struct latch latch;
static struct config config;
static struct port port;
static struct filter filter;
static struct words words;
static struct modem modem;
/* What the host said last, and what of it has not been taken. */
static struct span said, waiting;
static int repeats;

/* No back door reaches the modem, whatever the host types and whenever the modem speaks, nor what would have it read
 * otherwise. */
static void hold_shut(void)
{
    hold(!modem_obeys_any(&modem, &words) && !modem_obeys_any(&modem, &filter.own));
    if ((modem.how & ENDS_LINES) != 0) hold(!modem_edits_otherwise(&modem));
    modem.length = 0;
}

static void hold_all_shut(void)
{
    for (size_t i = 0; i < modem_side.length; i++) {
        if (modem_hears(&modem, (uint8_t)modem_side.bytes[modem_side.start + i])) hold_shut();
    }
    hold_shut();
}

/* Gives the filter what waits. Once its patience is over it takes some, unless the modem leaves its data unread. */
static void give(bool patient)
{
    while (waiting.length > 0) {
        size_t taken = filter_host(&filter, waiting);
        hold(taken <= waiting.length);
        waiting.at += taken;
        waiting.length -= taken;
        if (waiting.length == 0 || !patient) return;
        int64_t patience = filter_patience(&filter);
        hold(taken > 0 || patience > 0 || outbox_left(&modem_side) == 0);
        if (patience <= 0 && taken == 0) return;
        stage.now += patience;
    }
}

static void turn(enum turn what)
{
    switch (what) {
    case TIME_PASSES: stage.now += LONG_AGO; break;
    case HOST_GOES: waiting.length = 0; filter_host_gone(&filter); break;
    case MODEM_GOES: filter_modem_gone(&filter); break;
    case HOST_REPEATS:
        for (; repeats > 0; repeats--) {
            give(true);
            waiting = said;
        }
        break;
    case TURNS: break;
    }
    give(false);
}

static void speak(bool modem_speaks, struct span piece)
{
    if (modem_speaks) {
        if (outbox_left(&host) > piece.length) filter_modem(&filter, piece);
        give(false);
        return;
    }
    give(true);
    waiting = said = piece;
    give(false);
}

static void begin(unsigned how)
{
    stage.now = 1;
    repeats = (how & LONG) == LONG ? TIMES : 0;
    host.start = host.length = modem_side.start = modem_side.length = 0;
    said.length = waiting.length = words.count = 0;
    for (size_t i = 0; i < SHUT; i++) words_add(&words, span_of(shut[i]));
    memset(&filter, 0, sizeof filter);
    latch.config = &config;
    port_init(&port, &latch, &host);
    filter_init(&filter, &port, &words, &host, &modem_side);
    modem.how = how;
    modem.length = 0;
}

/* How the modem reads, and then pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    begin(data[0]);
    for (data++, size--; size > 1;) {
        size_t length = data[0] & (MODEM_SPEAKS - 1), most = length == 0 ? 1 : size - 1;
        struct span piece = {(const char *)data + 1, length < most ? length : most};
        if (length == 0) turn(data[1] % TURNS);
        else speak((data[0] & MODEM_SPEAKS) != 0, piece);
        size_t whole = 1 + (length == 0 ? 1 : piece.length);
        data += whole;
        size -= whole;
    }
    give(true);
    hold_all_shut();
    return 0;
}
