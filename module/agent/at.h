#ifndef LATCHD_AT_H
#define LATCHD_AT_H

#include "claims.h"

/* The longest command line, without its line end, and the longest piece of a message (protocol.md §8). */
#define COMMAND_MOST 400
#define PIECE_MOST 256

/* The first two have no name; the rest stand as `AT+QLATCH=?` lists them. */
enum verb {
    VERB_VERBS,
    VERB_STATE,
    VERB_IDENTITY,
    VERB_CHALLENGE,
    VERB_DATA,
    VERB_UNLOCK,
    VERB_KEYS,
    VERB_PROVISION,
    VERB_LOCK,
    VERB_RECEIPTS,
    VERB_CSR,
    VERB_CERTIFICATE,
    VERBS
};

const char *verb_name(enum verb verb);

struct command {
    enum verb verb;
    /* Of a challenge. */
    enum scope scope;
    /* A challenge's seconds, a piece's offset, the `seq` above which receipts are wanted. */
    uint32_t number;
    struct span piece;
};

/* One command of a V.250 line. UNKNOWN also stands for whatever follows it. */
enum statement_kind { STATEMENT_LATCH, STATEMENT_ECHO, STATEMENT_INFO, STATEMENT_UNKNOWN };

struct statement {
    enum statement_kind kind;
    struct command command;
    bool echo;
};

/* Takes the `AT` off the front of a line, in either case and perhaps behind spaces; false for a line without
 * it, which a module passes over in silence. */
bool at_begin(struct span line, struct span *rest);

/* False for a line that is over-long or not printable ASCII. */
bool at_clean(struct span line);

/* Takes the next statement off `rest`, which is not empty, and the spaces behind it. */
struct statement at_next(struct span *rest);

#endif
