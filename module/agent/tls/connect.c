#include "tls/connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
#include <psa/crypto.h>
#endif

#include "entropy.h"

/* How long the other end may be silent in the middle of something, in milliseconds. */
#define PATIENCE 30000

#define HOST_ROOM 256
#define PORT_ROOM 8

struct line {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt trusted;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
};

static void line_init(struct line *line)
{
    mbedtls_net_init(&line->net);
    mbedtls_ssl_init(&line->ssl);
    mbedtls_ssl_config_init(&line->config);
    mbedtls_x509_crt_init(&line->trusted);
    mbedtls_x509_crt_init(&line->certificate);
    mbedtls_pk_init(&line->key);
}

static void line_free(struct line *line)
{
    mbedtls_pk_free(&line->key);
    mbedtls_x509_crt_free(&line->certificate);
    mbedtls_x509_crt_free(&line->trusted);
    mbedtls_ssl_free(&line->ssl);
    mbedtls_ssl_config_free(&line->config);
    mbedtls_net_free(&line->net);
}

/* Says what failed, and mbedTLS's number for it. */
static bool failed(const char *what, const char *whom, int fault)
{
    char number[16];
    snprintf(number, sizeof number, "-0x%04x", (unsigned)-fault);
    complain(what, whom, " (mbedTLS ", number, ")", NULL);
    return false;
}

/* `host:port`, where the host may stand in brackets. */
static bool split(const char *address, char host[HOST_ROOM], char port[PORT_ROOM])
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon == address || colon[1] == '\0') return false;
    struct span name = {address, (size_t)(colon - address)};
    if (name.at[0] == '[' && name.at[name.length - 1] == ']') name = (struct span){name.at + 1, name.length - 2};
    return span_copy(host, HOST_ROOM, name) && span_copy(port, PORT_ROOM, span_of(colon + 1));
}

/* The key as mbedTLS wants it; the secret stays ours to wipe, the copy is mbedTLS's. */
static int load_own(struct line *line, const struct own *own)
{
    int fault = mbedtls_x509_crt_parse_der(&line->certificate, own->certificate, own->length);
    if (fault == 0) fault = mbedtls_pk_setup(&line->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (fault != 0) return fault;
    return mbedtls_ecp_read_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(line->key), own->secret, DEVICE_BYTES);
}

static void at_least_tls12(mbedtls_ssl_config *config)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* The server must be from one of the trusted CAs and have that name; the module shows its own certificate. */
static int configure(struct line *line, const char *name)
{
    mbedtls_ssl_config *config = &line->config;
    int fault = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT);
    if (fault != 0) return fault;
    at_least_tls12(config);
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(config, &line->trusted, NULL);
    mbedtls_ssl_conf_rng(config, entropy, NULL);
    mbedtls_ssl_conf_read_timeout(config, PATIENCE);
    fault = mbedtls_ssl_conf_own_cert(config, &line->certificate, &line->key);
    if (fault == 0) fault = mbedtls_ssl_setup(&line->ssl, config);
    if (fault == 0) fault = mbedtls_ssl_set_hostname(&line->ssl, name);
    mbedtls_ssl_set_bio(&line->ssl, &line->net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
    return fault;
}

/* What is wrong with the server's certificate, in mbedTLS's words, or false. */
static bool distrusted(const struct line *line, const char *name)
{
    char words[256];
    uint32_t flags = mbedtls_ssl_get_verify_result(&line->ssl);
    if (flags == 0 || flags == UINT32_MAX) return false;
    if (mbedtls_x509_crt_verify_info(words, sizeof words, "", flags) < 0) words[0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    complain("this is not ", name, ": ", words, NULL);
    return true;
}

static bool handshake(struct line *line, const char *name)
{
    int fault;
    do fault = mbedtls_ssl_handshake(&line->ssl);
    while (fault == MBEDTLS_ERR_SSL_WANT_READ || fault == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (fault == 0) return true;
    return !distrusted(line, name) && failed("no TLS connection to ", name, fault);
}

static bool open_line(struct line *line, const struct peer *peer, const struct own *own)
{
    char host[HOST_ROOM], port[PORT_ROOM];
    if (!split(peer->address, host, port)) {
        complain(peer->address, ": not HOST:PORT", NULL);
        return false;
    }
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if (psa_crypto_init() != PSA_SUCCESS) return false;
#endif
    const char *name = peer->name == NULL ? host : peer->name;
    int fault = mbedtls_x509_crt_parse_file(&line->trusted, peer->ca);
    if (fault != 0) return failed("cannot read the CA file ", peer->ca, fault > 0 ? -fault : fault);
    fault = load_own(line, own);
    if (fault == 0) fault = configure(line, name);
    if (fault != 0) return failed("cannot use ", "the TLS key", fault);
    fault = mbedtls_net_connect(&line->net, host, port, MBEDTLS_NET_PROTO_TCP);
    if (fault != 0) return failed("cannot reach ", peer->address, fault);
    return handshake(line, name);
}

static bool write_all(const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t put = write(STDOUT_FILENO, bytes, length);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes += put;
        length -= (size_t)put;
    }
    return true;
}

static bool send_all(struct line *line, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        int put = mbedtls_ssl_write(&line->ssl, bytes, length);
        if (put == MBEDTLS_ERR_SSL_WANT_READ || put == MBEDTLS_ERR_SSL_WANT_WRITE) continue;
        if (put <= 0) return failed("the connection broke", "", put);
        bytes += put;
        length -= (size_t)put;
    }
    return true;
}

enum heard { HEARD_MORE, HEARD_END, HEARD_FAULT };

/* What the server says, to standard output unless it is only to be counted out. A refusal of the module's own
 * certificate comes here too: with TLS 1.3 the handshake does not wait for it. */
static enum heard hear(struct line *line, bool silent)
{
    unsigned char bytes[4096];
    int got = mbedtls_ssl_read(&line->ssl, bytes, sizeof bytes);
    if (got > 0) return silent || write_all(bytes, (size_t)got) ? HEARD_MORE : HEARD_FAULT;
    if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) return HEARD_MORE;
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
    if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) return HEARD_MORE;
#endif
    if (got == 0 || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return HEARD_END;
    (void)failed("the server broke the connection off", "", got);
    return HEARD_FAULT;
}

/* Takes what stands on standard input; `open` is false after its end, of which the server is told. */
static bool pass_on(struct line *line, bool *open)
{
    unsigned char bytes[4096];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0) return errno == EINTR;
    *open = got > 0;
    if (!*open) (void)mbedtls_ssl_close_notify(&line->ssl);
    return !*open || send_all(line, bytes, (size_t)got);
}

static bool copy(struct line *line)
{
    for (bool open = true;;) {
        struct pollfd look[] = {{.fd = line->net.fd, .events = POLLIN},
                                {.fd = open ? STDIN_FILENO : -1, .events = POLLIN}};
        bool waiting = mbedtls_ssl_get_bytes_avail(&line->ssl) > 0;
        if (poll(look, 2, waiting ? 0 : -1) < 0 && errno != EINTR) return false;
        if (waiting || look[0].revents != 0) {
            enum heard heard = hear(line, false);
            if (heard != HEARD_MORE) return heard == HEARD_END;
        }
        if (open && look[1].revents != 0 && !pass_on(line, &open)) return false;
    }
}

/* The server's answer to the end of the connection shows that it took the module's certificate. */
static bool ask(struct line *line, const struct peer *peer)
{
    enum heard heard;
    (void)mbedtls_ssl_close_notify(&line->ssl);
    do heard = hear(line, true);
    while (heard == HEARD_MORE);
    if (heard == HEARD_END) {
        printf("%s: %s, %s\n", peer->address, mbedtls_ssl_get_version(&line->ssl),
               mbedtls_ssl_get_ciphersuite(&line->ssl));
    }
    return heard == HEARD_END && fflush(stdout) == 0;
}

bool connect_to(const struct peer *peer, const struct own *own, bool check)
{
    static struct line line;
    line_init(&line);
    bool done = open_line(&line, peer, own) && (check ? ask(&line, peer) : copy(&line));
    line_free(&line);
    return done;
}
