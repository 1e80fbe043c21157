#include "filter.h"

#include <string.h>

#include "clock.h"

/* A modem that has been silent for so long (milliseconds) is not interrupted by an answer of ours: it works for
 * minutes, or has found nothing to answer. One that goes on talking for so long may be. */
#define QUIET 5000
#define TALK 60000

void filter_init(struct filter *filter, struct port *port, const struct words *backdoors, struct outbox *host,
                 struct outbox *modem)
{
    filter->port = port;
    filter->backdoors = backdoors;
    filter->host = host;
    filter->modem = modem;
    words_add(&filter->own, span_of("QLATCH"));
}

int64_t filter_patience(const struct filter *filter)
{
    if (filter->data) return outbox_left(filter->modem) == 0 ? -1 : 0;
    int64_t quiet = filter->quiet_since + QUIET, talk = filter->busy_since + TALK;
    int64_t left = (quiet < talk ? quiet : talk) - clock_waiting();
    return !filter->busy || left < 0 ? 0 : left;
}

static bool is_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* What every command line has somewhere. */
static const struct word attention = {2, "AT"};

/* ---- from the host ---- */

enum fate { FORWARDED, OWN, SHUT };

/* What the modem will have been sent if a line goes on, and what of it in its own line. */
struct outlook {
    struct watch all;
    struct watch line;
};

/* Takes the next byte of the line that the modem reads: a CR with its eighth bit set may end one, and begin another. */
static bool feed_line(struct watch *line, char byte)
{
    bool may_end = byte != '\r' && (byte & 0x7f) == '\r';
    return watch_feed(line, may_end ? ';' : byte);
}

/* What is to become of the held line. */
static enum fate judge(const struct filter *filter, struct outlook *after)
{
    enum fate fate = filter->overlong ? SHUT : FORWARDED;
    after->all = filter->watch;
    after->line = filter->begun;
    for (size_t i = 0; i < filter->length; i++) {
        watch_feed(&after->all, filter->line[i]);
        feed_line(&after->line, filter->line[i]);
        if (watch_ends_with_any(&after->all, &filter->own)) return OWN;
        if (watch_ends_with_any(&after->all, filter->backdoors)) fate = SHUT;
        if (watch_sets_editing(&after->line, false)) fate = SHUT;
    }
    return watch_sets_editing(&after->line, true) ? SHUT : fate;
}

/* True for a line that a modem may answer. */
static bool is_command(const struct filter *filter)
{
    struct watch line = {0};
    for (size_t i = 0; i < filter->length; i++) {
        watch_feed(&line, filter->line[i]);
        if (watch_ends_with(&line, &attention)) return true;
    }
    return false;
}

/* The modem's line has ended: by CR (V.250 §5.2.1), where LF may be one of the characters that are passed over. */
static void begin_after(struct filter *filter, char byte)
{
    if (byte == '\r') filter->begun = (struct watch){0};
}

/* A modem that has left 64 KiB unread is not there any more: what comes is lost, and the agent goes on. */
static void forward(struct filter *filter, const struct outlook *after)
{
    if (!outbox_add(filter->modem, (struct span){filter->line, filter->length})) return;
    filter->watch = after->all;
    filter->begun = after->line;
    begin_after(filter, filter->line[filter->length - 1]);
    if (is_command(filter)) {
        filter->busy = true;
        filter->busy_since = filter->quiet_since = clock_waiting();
    }
}

/* The echo of the port is the modem's, which has not seen this line. */
static void answer(struct filter *filter)
{
    filter->port->echo = false;
    port_receive(filter->port, (struct span){filter->line, filter->length});
}

/* The held line has ended. False where it has to wait. */
static bool finish(struct filter *filter)
{
    struct outlook after;
    enum fate fate = judge(filter, &after);
    if (fate == FORWARDED) {
        forward(filter, &after);
        return true;
    }
    if (filter_patience(filter) > 0) return false;
    filter->busy = false;
    if (fate == SHUT) port_say(filter->port, span_of("ERROR"));
    else answer(filter);
    return true;
}

/* True where the line that has begun as data has the letters that a command line has, and now a register's name and the
 * sign that sets it (V.250 §5.3.2). The name alone is in many a text. */
static bool sets_editing(const struct watch *begun)
{
    struct watch line = {0};
    bool command = false;
    if (begun->length == 0 || begun->at[begun->length - 1] != '=' || !watch_sets_editing(begun, false)) return false;
    for (size_t i = 0; i < begun->length; i++) {
        watch_feed(&line, begun->at[i]);
        command = command || watch_ends_with(&line, &attention);
    }
    return command || begun->cut;
}

/* A byte of data goes on at once, unless it completes what must not arrive. */
static void stream(struct filter *filter, char byte)
{
    if (filter->dropping && !is_end(byte)) return;
    bool fed = watch_feed(&filter->watch, byte), line_fed = feed_line(&filter->begun, byte);
    filter->dropping = (fed && (watch_ends_with_any(&filter->watch, &filter->own) ||
                                watch_ends_with_any(&filter->watch, filter->backdoors))) ||
                       (line_fed && sets_editing(&filter->begun));
    bool sent = !filter->dropping && outbox_add(filter->modem, (struct span){&byte, 1});
    if (fed && !sent) watch_take_back(&filter->watch);
    if (line_fed && !sent) watch_take_back(&filter->begun);
    if (sent) begin_after(filter, byte);
}

static void hold(struct filter *filter, char byte)
{
    if (filter->length < HELD_MOST - 1 || is_end(byte)) filter->line[filter->length++] = byte;
    else filter->overlong = true;
}

static void release(struct filter *filter)
{
    filter->length = 0;
    filter->overlong = false;
}

size_t filter_host(struct filter *filter, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.at[i];
        if (filter->data) {
            if (outbox_left(filter->modem) == 0) return i;
            stream(filter, byte);
            continue;
        }
        hold(filter, byte);
        if (!is_end(byte)) continue;
        if (!finish(filter)) {
            filter->length--;
            return i;
        }
        release(filter);
    }
    return bytes.length;
}

void filter_host_gone(struct filter *filter)
{
    release(filter);
}

/* ---- from the modem ---- */

static bool begins(const struct filter *filter, const char *word)
{
    size_t length = strlen(word);
    return filter->said_length >= length && memcmp(filter->said, word, length) == 0;
}

static bool is_line(const struct filter *filter, const char *word)
{
    return filter->said_length == strlen(word) && begins(filter, word);
}

/* Final result codes (V.250 §5.7.1, 3GPP TS 27.007 §9.2). */
static bool is_final(const struct filter *filter)
{
    return is_line(filter, "OK") || is_line(filter, "ERROR") || begins(filter, "+CME ERROR:") ||
           begins(filter, "+CMS ERROR:") || is_line(filter, "NO CARRIER") || is_line(filter, "BUSY") ||
           is_line(filter, "NO ANSWER") || is_line(filter, "NO DIALTONE") || begins(filter, "CONNECT");
}

/* What the host has typed ahead is data too. */
static void take_data(struct filter *filter)
{
    filter->data = filter->port->muted = true;
    for (size_t i = 0; i < filter->length; i++) stream(filter, filter->line[i]);
    release(filter);
}

/* Back at its commands, it owes nothing and takes no data. */
static void rest(struct filter *filter)
{
    filter->busy = filter->data = filter->dropping = filter->port->muted = false;
}

void filter_modem_gone(struct filter *filter)
{
    rest(filter);
    filter->said_length = 0;
}

static void end_line(struct filter *filter)
{
    if (is_final(filter)) rest(filter);
    if (begins(filter, "CONNECT")) take_data(filter);
    filter->said_length = 0;
}

void filter_modem(struct filter *filter, struct span bytes)
{
    outbox_add(filter->host, bytes);
    filter->quiet_since = clock_waiting();
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.at[i];
        if (is_end(byte)) {
            end_line(filter);
            continue;
        }
        if (filter->said_length < sizeof filter->said) filter->said[filter->said_length++] = byte;
        if (!filter->data && is_line(filter, "> ")) take_data(filter);
    }
}
