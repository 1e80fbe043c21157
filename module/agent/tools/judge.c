/* What the agent reads and decides, in one process and without its port, so that many cases cost little: all of its
 * sources but main.c, loop.c and clock.c. Standard input has one case a line, words between spaces, bytes in
 * hexadecimal, "-" for none:
 *   token HWID ISS PWV NOW NONCE SCOPE FOR KEYS JWS    its `+CME ERROR` or 0, its `why`, and what becomes of the nonce
 *   manifest VER ROOTS JWS                             the same number; VER is the held one's
 *   bundle HWID DKT ISS PWV KEYS JWS                   the same number
 *   certificate HWID DKT ISS X Y KEYS JWS              the same number; X and Y are the TLS key's
 *   claims KIND PAYLOAD                                "taken" or "refused": a token's, manifest's or bundle's
 *   is KIND TEXT                                       "taken" or "refused": a hwid, uuid7, crypt or base64url, or
 *                                                      the DER of a certificate of 64 zero bytes
 *   at LINE                                            the statements of the line
 *   state BYTES                                        what is written where they are taken, or "refused"
 *   unseal HWID BYTES                                  what was sealed, or "refused"
 *   shadow FILE USER HASH                              "done" or "failed"
 *   filter DOORS TALK                                  what the modem is sent, and what the host is
 *   port TALK                                          what a host without a modem is told
 * ISS is bytes too; KEYS and ROOTS are moduli as in a JWK, DOORS words in bytes, TALK pieces, with commas between
 * them: h and bytes of the host's, m and bytes of the modem's, t and milliseconds to wait, g for a modem that has
 * gone, r for one that reads what waits for it, x for a host that has gone, u for an unsolicited code; of a port n and how much the host reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "check.h"
#include "clock.h"
#include "filter.h"
#include "seal.h"
#include "shadow.h"
#include "tls/der.h"

#define LINE_MOST (1 << 18)

static int64_t waited;

int64_t clock_milliseconds(void)
{
    return waited;
}

int64_t clock_waiting(void)
{
    return waited;
}

static bool trusted;
static uint32_t now;

bool clock_trusted(uint32_t *seconds)
{
    *seconds = now;
    return trusted;
}

static void give_up(const char *why)
{
    fprintf(stderr, "judge: %s\n", why);
    exit(2);
}

static char *next(void)
{
    char *word = strtok(NULL, " \n");
    if (word == NULL) give_up("a case has too few words");
    return word;
}

static bool is_none(const char *word)
{
    return strcmp(word, "-") == 0;
}

static uint32_t next_uint(void)
{
    return (uint32_t)strtoul(next(), NULL, 10);
}

/* Where the bytes of a case lie, each in a room of its own, so that reading past its end is found. */
static char *rooms[256];
static size_t room_count;

static struct span bytes_of(const char *hexadecimal)
{
    size_t length = is_none(hexadecimal) ? 0 : strlen(hexadecimal) / 2;
    char *bytes = malloc(length + (length == 0));
    if (bytes == NULL || room_count == sizeof rooms / sizeof *rooms) give_up("no room");
    rooms[room_count++] = bytes;
    for (size_t i = 0; i < length; i++) {
        char digits[3] = {hexadecimal[2 * i], hexadecimal[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(digits, NULL, 16);
    }
    return (struct span){bytes, length};
}

static void clear_rooms(void)
{
    while (room_count > 0) free(rooms[--room_count]);
}

static void say_bytes(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) printf("%02x", ((const unsigned char *)bytes)[i]);
    if (length == 0) printf("-");
}

/* The part before the next comma; `rest` is what lies behind it, NULL at the end. */
static char *part_of(char **rest)
{
    char *part = *rest, *comma = strchr(part, ',');
    if (comma != NULL) *comma++ = '\0';
    *rest = comma;
    return part;
}

static size_t next_keys(struct rsa_key *keys, size_t most, unsigned bits)
{
    size_t count = 0;
    char *rest = next();
    if (is_none(rest)) return 0;
    while (rest != NULL) {
        if (count == most || !rsa_key_from(&keys[count++], bits, span_of(part_of(&rest)))) give_up("no such keys");
    }
    return count;
}

static struct envelope envelope;
static struct manifest held;

static void token_case(void)
{
    static struct token token;
    struct nonce live = {.live = true};
    memset(&token, 0, sizeof token);
    struct beliefs beliefs = {.hwid = next(), .manifest = &held};
    span_copy(held.iss, sizeof held.iss, bytes_of(next()));
    beliefs.pwv = next_uint();
    char *time = next(), *nonce = next();
    trusted = !is_none(time);
    now = (uint32_t)strtoul(time, NULL, 10);
    span_copy(live.text, sizeof live.text, span_of(nonce));
    scope_named(span_of(next()), &live.scope);
    live.seconds = next_uint();
    held.count = next_keys(held.keys, ISSUER_KEYS_MOST, ISSUER_BITS);
    struct verdict verdict =
        check_token(&token, &envelope, bytes_of(next()), &beliefs, is_none(nonce) ? NULL : &live);
    printf("%d %s %s\n", verdict.cme, verdict.why == NULL ? "-" : verdict.why,
           verdict.nonce_dies ? "dies" : "lives");
}

static void manifest_case(void)
{
    static struct manifest manifest;
    struct rsa_key roots[ROOTS] = {0};
    char *ver = next();
    held.ver = (uint32_t)strtoul(ver, NULL, 10);
    struct beliefs beliefs = {.manifest = is_none(ver) ? NULL : &held, .roots = roots};
    next_keys(roots, ROOTS, ROOT_BITS);
    printf("%d\n", check_manifest(&manifest, &envelope, bytes_of(next()), &beliefs));
}

static void bundle_case(void)
{
    static struct bundle bundle;
    memset(&bundle, 0, sizeof bundle);
    struct beliefs beliefs = {.hwid = next(), .dkt = next()};
    struct span iss = bytes_of(next());
    span_copy(held.iss, sizeof held.iss, iss);
    beliefs.pwv = next_uint();
    beliefs.manifest = iss.length == 0 ? NULL : &held;
    held.count = next_keys(held.keys, ISSUER_KEYS_MOST, ISSUER_BITS);
    printf("%d\n", check_bundle(&bundle, &envelope, bytes_of(next()), &beliefs));
}

static void say_taken(bool taken)
{
    puts(taken ? "taken" : "refused");
}

static void claims_case(void)
{
    static struct token token;
    static struct manifest manifest;
    static struct bundle bundle;
    char kind = next()[0];
    struct cursor cursor = cursor_over(bytes_of(next()));
    say_taken(kind == 't'   ? decode_token(&token, cursor)
              : kind == 'm' ? decode_manifest(&manifest, cursor)
                            : decode_bundle(&bundle, cursor));
}

static void is_case(void)
{
    static const unsigned char point[COORDINATES];
    char kind = next()[0];
    struct span text = bytes_of(next());
    say_taken(kind == 'h'   ? is_hwid(text)
              : kind == 'u' ? is_uuid7(text)
              : kind == 'c' ? is_crypt(text)
              : kind == 'd' ? der_certifies((const unsigned char *)text.at, text.length, point)
                            : base64url_valid(text));
}

static void say_command(const struct command *command)
{
    const char *verb = command->verb == VERB_STATE ? "state" : verb_name(command->verb);
    printf(" %s", verb == NULL ? "verbs" : verb);
    if (command->verb == VERB_CHALLENGE) printf(":%s:%u", scope_name(command->scope), command->number);
    if (command->verb == VERB_RECEIPTS || command->verb == VERB_DATA) printf(":%u", command->number);
    if (command->verb != VERB_DATA) return;
    printf(":");
    say_bytes(command->piece.at, command->piece.length);
}

static void at_case(void)
{
    struct span line = bytes_of(next()), rest;
    bool begins = at_begin(line, &rest), clean = at_clean(line);
    printf(!begins ? "silent" : clean ? "line" : "line unknown");
    while (begins && clean && rest.length > 0) {
        struct statement statement = at_next(&rest);
        if (statement.kind == STATEMENT_LATCH) say_command(&statement.command);
        if (statement.kind == STATEMENT_ECHO) printf(" echo:%d", statement.echo);
        if (statement.kind == STATEMENT_INFO) printf(" info");
        if (statement.kind == STATEMENT_UNKNOWN) printf(" unknown");
        if (statement.kind == STATEMENT_UNKNOWN) break;
    }
    printf("\n");
}

static void state_case(void)
{
    static struct state state;
    static unsigned char written[STATE_MOST];
    struct span bytes = bytes_of(next());
    if (state_decode(&state, (const unsigned char *)bytes.at, bytes.length)) {
        say_bytes(written, state_encode(&state, written));
    } else {
        printf("refused");
    }
    printf("\n");
}

static void unseal_case(void)
{
    const char *hwid = next();
    struct span sealed = bytes_of(next());
    char *bytes = rooms[0];
    if (unseal((unsigned char *)bytes, sealed.length, hwid)) {
        say_bytes(bytes + SEAL_OVERHEAD, sealed.length - SEAL_OVERHEAD);
    } else {
        printf("refused");
    }
    printf("\n");
}

static void shadow_case(void)
{
    const char *file = next(), *user = next(), *hash = next();
    puts(shadow_set(file, user, is_none(hash) ? "" : hash) ? "done" : "failed");
}

static struct outbox host, modem;
static struct filter filter;
static struct port port;

/* What the host has said and the filter not taken yet: it is offered again whenever something has happened. */
static struct outbox waiting;

static void read_modem(void)
{
    if (modem.length > 0) say_bytes(modem.bytes + modem.start, modem.length);
    modem.start = modem.length = 0;
}

static void talk(char *piece)
{
    struct span bytes = {piece + 1, 0};
    if (piece[0] == 't') waited += strtoll(piece + 1, NULL, 10);
    else bytes = bytes_of(piece + 1);
    if (piece[0] == 'h') outbox_add(&waiting, bytes);
    if (piece[0] == 'm') filter_modem(&filter, bytes);
    if (piece[0] == 'g') filter_modem_gone(&filter);
    if (piece[0] == 'r') read_modem();
    if (piece[0] == 'x') filter_host_gone(&filter);
    if (piece[0] == 'u') port_say(&port, span_of("+QLATCHIND: \"locked\",\"timeout\""));
    size_t taken = filter_host(&filter, (struct span){waiting.bytes + waiting.start, waiting.length});
    waiting.start += taken;
    waiting.length -= taken;
}

/* What latchd checks, and then latch-tls. */
static void certificate_case(void)
{
    static struct certificate certificate;
    unsigned char point[COORDINATES];
    size_t half[2] = {0};
    struct beliefs beliefs = {.hwid = next(), .dkt = next()};
    struct span iss = bytes_of(next());
    span_copy(held.iss, sizeof held.iss, iss);
    beliefs.manifest = iss.length == 0 ? NULL : &held;
    char *x = next(), *y = next();
    bool made = base64url_decode(point, DEVICE_BYTES, &half[0], span_of(x)) &&
                base64url_decode(point + DEVICE_BYTES, DEVICE_BYTES, &half[1], span_of(y));
    held.count = next_keys(held.keys, ISSUER_KEYS_MOST, ISSUER_BITS);
    int code = check_certificate(&certificate, &envelope, bytes_of(next()), &beliefs);
    bool own = made && der_certifies(certificate.der, certificate.length, point);
    printf("%d\n", code == 0 && !own ? 903 : code);
}

static void open_port(void)
{
    static struct latch latch;
    static struct config config = {.hwid = "LTE4-00A1B2C3D4E5", .firmware = "test 1"};
    host.start = host.length = 0;
    latch.config = &config;
    latch.say = port_say;
    latch.listener = &port;
    port_init(&port, &latch, &host);
}

static void read_host(size_t length)
{
    if (length > host.length) length = host.length;
    if (length > 0) say_bytes(host.bytes + host.start, length);
    host.start += length;
    host.length -= length;
}

static void port_case(void)
{
    open_port();
    for (char *pieces = next(); pieces != NULL;) {
        char *piece = part_of(&pieces);
        if (piece[0] == 'h') port_receive(&port, bytes_of(piece + 1));
        if (piece[0] == 'x') port_host_gone(&port);
        if (piece[0] == 'n') read_host(strtoul(piece + 1, NULL, 10));
    }
    read_host(host.length);
    printf("\n");
}

static void filter_case(void)
{
    static struct words doors;
    memset(&filter, 0, sizeof filter);
    modem.start = modem.length = 0;
    waiting.start = waiting.length = doors.count = 0;
    char *words = next(), *pieces = next();
    while (words != NULL) {
        if (!words_add(&doors, bytes_of(part_of(&words)))) give_up("no such door");
    }
    open_port();
    filter_init(&filter, &port, &doors, &host, &modem);
    while (pieces != NULL) talk(part_of(&pieces));
    say_bytes(modem.bytes + modem.start, modem.length);
    printf(" ");
    say_bytes(host.bytes + host.start, host.length);
    printf("\n");
}

int main(void)
{
    static const struct {
        const char *kind;
        void (*judge)(void);
    } kinds[] = {{"token", token_case},   {"manifest", manifest_case}, {"bundle", bundle_case},
                 {"certificate", certificate_case},
                 {"claims", claims_case}, {"is", is_case},             {"at", at_case},
                 {"state", state_case},   {"unseal", unseal_case},     {"shadow", shadow_case},
                 {"filter", filter_case},
                 {"port", port_case}};
    static char line[LINE_MOST];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *kind = strtok(line, " \n");
        size_t i = 0;
        while (i < sizeof kinds / sizeof kinds[0] && (kind == NULL || strcmp(kind, kinds[i].kind) != 0)) i++;
        if (i == sizeof kinds / sizeof kinds[0]) give_up("a case of no known kind");
        kinds[i].judge();
        clear_rooms();
    }
    return 0;
}
