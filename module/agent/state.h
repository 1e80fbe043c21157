#ifndef LATCHD_STATE_H
#define LATCHD_STATE_H

#include "compose.h"
#include "jws.h"
#include "messages.h"

/* So many receipts are kept (protocol.md §6.5). */
#define RECEIPTS_KEPT 32

struct receipt {
    uint32_t seq;
    uint32_t length;
    char jws[SIGNED_MOST];
};

/* The session that is open, or was when the power went; `jti` is "" for none. */
struct session_record {
    char jti[UUID_ROOM];
    enum scope scope;
    uint32_t seconds;
};

/* What a module remembers through a restart, all of it written at once or not at all. */
struct state {
    unsigned char device[DEVICE_BYTES];
    bool provisioned;
    /* Highest `seq` reserved: at the next start counting goes on above it. */
    uint32_t reserved;
    /* The manifest held, compact; it was checked when it came. 0 characters for none. */
    size_t manifest_length;
    char manifest[MESSAGE_MOST];
    /* Successors that a manifest named, which stand in for the roots of the firmware. */
    bool has_roots;
    unsigned char roots[ROOTS][MODULUS_MOST];
    struct password pw;
    /* `jti` of the last token accepted, "" for none. */
    char last[UUID_ROOM];
    struct session_record session;
    /* By `seq`. */
    size_t receipts;
    struct receipt receipt[RECEIPTS_KEPT];
};

#define STATE_MOST                                                                                           \
    (DEVICE_BYTES + 1 + 4 + 2 + MESSAGE_MOST + ROOTS * MODULUS_MOST + 4 + 1 + CRYPT_ROOM + 1 + UUID_ROOM + 1 + \
     UUID_ROOM + 5 + 1 + RECEIPTS_KEPT * (4 + 2 + SIGNED_MOST))

/* Writes at most STATE_MOST bytes; returns how many. */
size_t state_encode(const struct state *state, unsigned char *bytes);

/* Takes what state_encode writes and nothing else. */
bool state_decode(struct state *state, const unsigned char *bytes, size_t length);

struct span receipt_jws(const struct receipt *receipt);

/* Keeps one more, and no more than the last RECEIPTS_KEPT. */
void state_keep(struct state *state, const struct receipt *receipt);

#endif
