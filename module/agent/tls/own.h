#ifndef LATCH_TLS_OWN_H
#define LATCH_TLS_OWN_H

#include "config.h"
#include "tls.h"
#include "tls/der.h"

/* The TLS key and its certificate. They lie in the file `tls` of the agent's store, sealed to the hardware ID as the
 * agent's own file is. */
struct own {
    unsigned char secret[DEVICE_BYTES];
    /* 0 bytes before the first certificate. */
    size_t length;
    unsigned char certificate[CERTIFICATE_MOST];
};

enum own_state { OWN_THERE, OWN_NONE, OWN_BROKEN };

/* Reads them; complains where the store is not the agent's, or the file is another module's or broken. */
enum own_state own_load(struct own *own, const struct config *config);

/* Writes them; false, with the file as it was, where that cannot be done. */
bool own_save(const struct own *own, const struct config *config);

/* Coordinates of the public half, x and y side by side. */
bool own_point(const struct own *own, unsigned char point[COORDINATES]);

#endif
