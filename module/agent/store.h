#ifndef LATCHD_STORE_H
#define LATCHD_STORE_H

#include "seal.h"
#include "state.h"

/* What the module remembers, and the rule that it is on flash before anybody is told. One file, `state`, in
 * a directory of its own. */
struct store {
    int dir;
    /* It could not be opened because another agent uses it. */
    bool taken;
    const char *hwid;
    /* The next `seq`; one above the block when all are given. */
    uint64_t next;
    struct state state;
    struct state draft;
    unsigned char sealed[SEAL_OVERHEAD + STATE_MOST];
};

/* Opens the directory, made if need be (0700), for this agent alone, and reads what is in it; a new store
 * gets a device key. Complains and gives false where the directory is not safe, the file is another
 * module's or broken, or a new one cannot be written. */
bool store_open(struct store *store, const char *dir, const char *hwid);

/* A copy of what is remembered, to be changed and then committed or settled. A draft ends with the next
 * call of store_draft or store_seq. */
struct state *store_draft(struct store *store);

/* Writes the draft; false, with nothing changed, where that cannot be done (914). */
bool store_commit(struct store *store);

/* As store_commit, for what has happened and cannot be refused: a failed write is made good by the next. */
void store_settle(struct store *store);

/* A number never given before, whatever became of the power in between; false where none can be reserved. */
bool store_seq(struct store *store, uint32_t *seq);

/* Forgets every secret in memory: between two calls none stands anywhere but in `state`. */
void store_wipe(struct store *store);

#endif
