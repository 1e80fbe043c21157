#include "state.h"

#include <string.h>

#define PROVISIONED 1
#define HAS_ROOTS 2

struct writer {
    unsigned char *at;
    size_t length;
};

struct reader {
    const unsigned char *at;
    size_t left;
    bool bad;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
    memcpy(writer->at + writer->length, bytes, length);
    writer->length += length;
}

/* Big-endian, in `size` bytes. */
static void put_uint(struct writer *writer, size_t number, unsigned size)
{
    while (size-- > 0) writer->at[writer->length++] = (unsigned char)(number >> 8 * size);
}

static void put_text(struct writer *writer, const char *text)
{
    size_t length = strlen(text);
    put_uint(writer, length, 1);
    put(writer, text, length);
}

static void take(struct reader *reader, void *bytes, size_t length)
{
    if (length > reader->left) reader->bad = true;
    if (reader->bad) {
        memset(bytes, 0, length);
        return;
    }
    memcpy(bytes, reader->at, length);
    reader->at += length;
    reader->left -= length;
}

static uint32_t take_uint(struct reader *reader, unsigned size)
{
    unsigned char bytes[4];
    uint32_t number = 0;
    take(reader, bytes, size);
    for (unsigned i = 0; i < size; i++) number = number << 8 | bytes[i];
    return number;
}

/* A length of at most `most`. */
static size_t take_length(struct reader *reader, unsigned size, size_t most)
{
    size_t length = take_uint(reader, size);
    if (length <= most) return length;
    reader->bad = true;
    return 0;
}

static void take_text(struct reader *reader, char *text, size_t room)
{
    size_t length = take_length(reader, 1, room - 1);
    take(reader, text, length);
    text[length] = '\0';
    if (strlen(text) != length) reader->bad = true;
}

size_t state_encode(const struct state *state, unsigned char *bytes)
{
    struct writer writer = {bytes, 0};
    put(&writer, state->device, DEVICE_BYTES);
    put_uint(&writer, (state->provisioned ? PROVISIONED : 0) | (state->has_roots ? HAS_ROOTS : 0), 1);
    put_uint(&writer, state->reserved, 4);
    put_uint(&writer, state->manifest_length, 2);
    put(&writer, state->manifest, state->manifest_length);
    if (state->has_roots) put(&writer, state->roots, sizeof state->roots);
    put_uint(&writer, state->pw.ver, 4);
    put_text(&writer, state->pw.hash);
    put_text(&writer, state->last);
    put_text(&writer, state->session.jti);
    put_uint(&writer, state->session.scope, 1);
    put_uint(&writer, state->session.seconds, 4);
    put_uint(&writer, state->receipts, 1);
    for (size_t i = 0; i < state->receipts; i++) {
        put_uint(&writer, state->receipt[i].seq, 4);
        put_uint(&writer, state->receipt[i].length, 2);
        put(&writer, state->receipt[i].jws, state->receipt[i].length);
    }
    return writer.length;
}

static bool empty_or(bool (*is)(struct span), const char *text)
{
    return text[0] == '\0' || is(span_of(text));
}

/* A store that can be unsealed was written by this agent; this is for the day when it was not. */
static bool makes_sense(const struct state *state)
{
    return state->session.scope < SCOPES && empty_or(is_uuid7, state->last) &&
           empty_or(is_uuid7, state->session.jti) && (state->pw.ver == 0) == (state->pw.hash[0] == '\0') &&
           empty_or(is_crypt, state->pw.hash) && (!state->provisioned || state->manifest_length > 0);
}

bool state_decode(struct state *state, const unsigned char *bytes, size_t length)
{
    struct reader reader = {bytes, length, false};
    memset(state, 0, sizeof *state);
    take(&reader, state->device, DEVICE_BYTES);
    uint32_t flags = take_uint(&reader, 1);
    state->provisioned = (flags & PROVISIONED) != 0;
    state->has_roots = (flags & HAS_ROOTS) != 0;
    state->reserved = take_uint(&reader, 4);
    state->manifest_length = take_length(&reader, 2, MESSAGE_MOST);
    take(&reader, state->manifest, state->manifest_length);
    if (state->has_roots) take(&reader, state->roots, sizeof state->roots);
    state->pw.ver = take_uint(&reader, 4);
    take_text(&reader, state->pw.hash, sizeof state->pw.hash);
    take_text(&reader, state->last, sizeof state->last);
    take_text(&reader, state->session.jti, sizeof state->session.jti);
    state->session.scope = (enum scope)take_uint(&reader, 1);
    state->session.seconds = take_uint(&reader, 4);
    state->receipts = take_length(&reader, 1, RECEIPTS_KEPT);
    for (size_t i = 0; i < state->receipts; i++) {
        state->receipt[i].seq = take_uint(&reader, 4);
        state->receipt[i].length = (uint32_t)take_length(&reader, 2, SIGNED_MOST);
        take(&reader, state->receipt[i].jws, state->receipt[i].length);
    }
    return !reader.bad && reader.left == 0 && flags <= (PROVISIONED | HAS_ROOTS) && makes_sense(state);
}

struct span receipt_jws(const struct receipt *receipt)
{
    return (struct span){receipt->jws, receipt->length};
}

void state_keep(struct state *state, const struct receipt *receipt)
{
    if (state->receipts == RECEIPTS_KEPT) {
        memmove(&state->receipt[0], &state->receipt[1], (RECEIPTS_KEPT - 1) * sizeof *receipt);
        state->receipts--;
    }
    state->receipt[state->receipts++] = *receipt;
}
