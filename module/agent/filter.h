#ifndef LATCHD_FILTER_H
#define LATCHD_FILTER_H

#include "port.h"
#include "watch.h"

/* A longer line is none that a modem takes: it is dropped, and answered with ERROR. */
#define HELD_MOST 4096

/* The agent in front of a modem's AT processor. The host's lines are held until they end: those with `+QLATCH`
 * anywhere in them are the agent's, those with a back door are answered ERROR, and so are those that would have
 * the modem end or edit its lines in another way than is watched (S3, S5); all others go on untouched. While
 * the modem takes data (after `CONNECT` or `> `) bytes are not held; then a back door, or an `S3=` or `S5=` behind an
 * `AT`, loses its last letter and the rest of its line. What the modem says passes untouched. */
struct filter {
    struct port *port;
    const struct words *backdoors;
    struct words own;
    struct outbox *host;
    struct outbox *modem;
    /* What has reached the modem, and what of it stands in a line that it has not ended. */
    struct watch watch;
    struct watch begun;
    size_t length;
    bool overlong;
    char line[HELD_MOST];
    /* The modem owes an answer to a command, since when, and since when it has said nothing. */
    bool busy;
    int64_t busy_since;
    int64_t quiet_since;
    /* It takes data. */
    bool data;
    /* The rest of a line of data is dropped. */
    bool dropping;
    /* How the modem's line begins. */
    size_t said_length;
    char said[32];
};

void filter_init(struct filter *filter, struct port *port, const struct words *backdoors, struct outbox *host,
                 struct outbox *modem);

/* Takes bytes of the host's, and returns how many: fewer while one of the agent's own answers has to wait for
 * the modem's, or the modem does not read its data. What is left is to be given again when filter_patience says. */
size_t filter_host(struct filter *filter, struct span bytes);

/* Takes bytes of the modem's, for which the host's outbox has room. */
void filter_modem(struct filter *filter, struct span bytes);

/* Milliseconds after which bytes that were not taken are to be given again though the modem is silent; -1 for not
 * before it has read some of its data. */
int64_t filter_patience(const struct filter *filter);

/* The host has gone: its unfinished line is forgotten. */
void filter_host_gone(struct filter *filter);

/* The modem has gone: it owes nothing, takes no data, and what it had begun to say is no line of the next. */
void filter_modem_gone(struct filter *filter);

#endif
