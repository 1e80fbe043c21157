#ifndef LATCHD_SESSION_H
#define LATCHD_SESSION_H

#include "latch.h"

/* The receipts and the one session of a module (protocol.md §5.3, §6.1). Codes are 0 or those of
 * `+CME ERROR`. */

/* What a receipt says beside who says it, and its number; `why` and `dig` may be NULL. */
struct event {
    const char *jti;
    const char *event;
    const char *why;
    uint32_t elapsed;
    uint32_t pwv;
    const char *dig;
};

/* Signs a receipt under the next `seq`; it is not yet kept. False where no number can be had (914). */
bool session_receipt(struct latch *latch, struct receipt *receipt, const struct event *event);

/* Keeps a `refused` receipt, as long as one can be made: the refusal stands without it. */
void session_refuse(struct latch *latch, const char *jti, const char *why);

/* As session_refuse, for a token that was accepted and is on flash: its receipt is owed as a session's is. */
void session_refuse_accepted(struct latch *latch, const char *why);

/* Makes a token accepted: `last`, `pw` and the session's `jti` in one write, then the password file. */
int session_accept(struct latch *latch, const struct token *token);

/* Starts the service of an accepted token. Nothing opens that cannot be recorded. */
int session_open(struct latch *latch, const struct token *token, struct receipt *receipt);

/* Ends the session and every process in it; the `closed` receipt is empty where nothing was open. 914 where
 * none can be made: the session has ended all the same, and owes it. It stays on flash until the next call,
 * session_look or the next start has made one, and no other is accepted before. */
int session_end(struct latch *latch, const char *why, struct receipt *receipt);

/* Ends the session if its time is over, and says so, or if its service has ended. Tries what it owes, if it is time. */
void session_look(struct latch *latch);

/* Milliseconds until the module locks itself, 0 when it is locked. */
int64_t session_remaining(const struct latch *latch);

/* Milliseconds until session_look must be called for the time's sake; -1 for no time. */
int64_t session_patience(const struct latch *latch);

#endif
