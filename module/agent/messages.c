#include "messages.h"

#include <string.h>

#include "base64url.h"

/* A token lives from 1 to so many seconds. */
#define LONGEST_TOKEN 3600

static void read_bytes(struct cursor *cursor, char *text, size_t room, size_t bytes)
{
    struct span given = cursor_string(cursor);
    cursor_check(cursor, is_bytes(given, bytes));
    span_copy(text, room, given);
}

static void read_scope(struct cursor *cursor, enum scope *scope)
{
    cursor_check(cursor, scope_named(cursor_string(cursor), scope));
}

/* The password of a token or a bundle; version 0 where there is none. */
static void read_optional_password(struct cursor *cursor, struct password *pw)
{
    pw->ver = 0;
    pw->hash[0] = '\0';
    if (cursor_take(cursor, ",\"pw\":")) read_password(cursor, pw);
}

bool decode_token(struct token *token, struct cursor cursor)
{
    char by[NAME_ROOM];
    cursor_need(&cursor, "{\"iss\":");
    read_name(&cursor, token->iss);
    cursor_need(&cursor, ",\"aud\":");
    read_name(&cursor, token->aud);
    cursor_need(&cursor, ",\"sub\":");
    read_hwid(&cursor, token->sub);
    cursor_need(&cursor, ",\"nonce\":");
    read_bytes(&cursor, token->nonce, sizeof token->nonce, NONCE_BYTES);
    cursor_need(&cursor, ",\"jti\":");
    read_uuid7(&cursor, token->jti);
    cursor_need(&cursor, ",\"iat\":");
    uint32_t iat = cursor_uint(&cursor);
    cursor_need(&cursor, ",\"exp\":");
    token->exp = cursor_uint(&cursor);
    cursor_need(&cursor, ",\"scope\":");
    read_scope(&cursor, &token->scope);
    cursor_need(&cursor, ",\"for\":");
    token->seconds = cursor_uint(&cursor);
    cursor_need(&cursor, ",\"by\":");
    read_name(&cursor, by);
    read_optional_password(&cursor, &token->pw);
    cursor_need(&cursor, "}");
    cursor_check(&cursor, token->exp > iat && token->exp - iat <= LONGEST_TOKEN);
    return cursor_done(&cursor);
}

static void read_keys(struct cursor *cursor, struct manifest *manifest)
{
    manifest->count = 0;
    cursor_need(cursor, "[");
    do {
        cursor_check(cursor, manifest->count < ISSUER_KEYS_MOST);
        if (cursor->bad) return;
        read_rsa_key(cursor, ISSUER_BITS, &manifest->keys[manifest->count++]);
    } while (cursor_take(cursor, ","));
    cursor_need(cursor, "]");
}

static size_t read_log_keys(struct cursor *cursor, char kids[LOG_KEYS_MOST][SHA256_TEXT + 1])
{
    size_t count = 0;
    cursor_need(cursor, "[");
    do {
        cursor_check(cursor, count < LOG_KEYS_MOST);
        if (cursor->bad) return 0;
        read_log_key(cursor, kids[count++]);
    } while (cursor_take(cursor, ","));
    cursor_need(cursor, "]");
    return count;
}

static void read_roots(struct cursor *cursor, struct manifest *manifest)
{
    manifest->has_roots = cursor_take(cursor, ",\"roots\":[");
    if (!manifest->has_roots) return;
    read_rsa_key(cursor, ROOT_BITS, &manifest->roots[0]);
    cursor_need(cursor, ",");
    read_rsa_key(cursor, ROOT_BITS, &manifest->roots[1]);
    cursor_need(cursor, "]");
}

/* Keys of one kind stand twice only under one name; keys of different kinds never share one. */
static bool all_differ(const struct manifest *manifest, size_t logs, char kids[][SHA256_TEXT + 1])
{
    for (size_t i = 1; i < manifest->count; i++) {
        if (rsa_key_named(manifest->keys, i, span_of(manifest->keys[i].kid)) != NULL) return false;
    }
    if (logs == 2 && strcmp(kids[0], kids[1]) == 0) return false;
    return !manifest->has_roots || strcmp(manifest->roots[0].kid, manifest->roots[1].kid) != 0;
}

bool decode_manifest(struct manifest *manifest, struct cursor cursor)
{
    char logs[LOG_KEYS_MOST][SHA256_TEXT + 1];
    cursor_need(&cursor, "{\"iss\":");
    read_name(&cursor, manifest->iss);
    cursor_need(&cursor, ",\"ver\":");
    manifest->ver = cursor_count(&cursor);
    cursor_need(&cursor, ",\"keys\":");
    read_keys(&cursor, manifest);
    cursor_need(&cursor, ",\"log\":");
    size_t count = read_log_keys(&cursor, logs);
    read_roots(&cursor, manifest);
    cursor_need(&cursor, "}");
    return cursor_done(&cursor) && all_differ(manifest, count, logs);
}

bool decode_bundle(struct bundle *bundle, struct cursor cursor)
{
    cursor_need(&cursor, "{\"iss\":");
    read_name(&cursor, bundle->iss);
    cursor_need(&cursor, ",\"aud\":");
    read_name(&cursor, bundle->aud);
    cursor_need(&cursor, ",\"jti\":");
    read_uuid7(&cursor, bundle->jti);
    bundle->bound = cursor_take(&cursor, ",\"sub\":");
    bundle->pw.ver = 0;
    if (bundle->bound) {
        read_hwid(&cursor, bundle->sub);
        cursor_need(&cursor, ",\"dkt\":");
        read_bytes(&cursor, bundle->dkt, sizeof bundle->dkt, SHA256_BYTES);
        cursor_need(&cursor, ",\"pw\":");
        read_password(&cursor, &bundle->pw);
    }
    cursor_need(&cursor, "}");
    return cursor_done(&cursor);
}

bool decode_certificate(struct certificate *certificate, struct cursor cursor)
{
    cursor_need(&cursor, "{\"iss\":");
    read_name(&cursor, certificate->iss);
    cursor_need(&cursor, ",\"aud\":");
    read_name(&cursor, certificate->aud);
    cursor_need(&cursor, ",\"sub\":");
    read_hwid(&cursor, certificate->sub);
    cursor_need(&cursor, ",\"dkt\":");
    read_bytes(&cursor, certificate->dkt, sizeof certificate->dkt, SHA256_BYTES);
    cursor_need(&cursor, ",\"crt\":");
    struct span crt = cursor_string(&cursor);
    certificate->length = 0;
    cursor_check(&cursor, crt.length > 0 && base64url_decode(certificate->der, sizeof certificate->der,
                                                             &certificate->length, crt));
    cursor_need(&cursor, "}");
    return cursor_done(&cursor);
}
