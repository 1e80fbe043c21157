#include "port.h"

#include "answer.h"
#include "command.h"

#define BACKSPACE 0x08

void port_init(struct port *port, struct latch *latch, struct outbox *host)
{
    port->latch = latch;
    port->host = host;
    port->echo = true;
    port->muted = false;
    port->length = 0;
}

void port_say(void *listener, struct span line)
{
    struct port *port = listener;
    TEXT(whole, ANSWER_MOST + 4);
    text_add(&whole, "\r\n");
    text_add_span(&whole, line);
    text_add(&whole, "\r\n");
    if (!port->muted) outbox_add(port->host, span_of_text(&whole));
}

static void say_code(struct port *port, int code)
{
    TEXT(line, 32);
    text_add(&line, "+CME ERROR: ");
    text_add_uint(&line, (uint32_t)code);
    port_say(port, span_of_text(&line));
}

/* False once the line has its final result code. */
static bool perform(struct port *port, const struct statement *statement)
{
    int code;
    switch (statement->kind) {
    case STATEMENT_ECHO: port->echo = statement->echo; return true;
    case STATEMENT_INFO:
        port_say(port, span_of("Latchkey"));
        port_say(port, span_of(port->latch->config->firmware));
        return true;
    case STATEMENT_LATCH:
        code = command_execute(port->latch, &statement->command);
        if (code != 0) say_code(port, code);
        return code == 0;
    case STATEMENT_UNKNOWN: break;
    }
    port_say(port, span_of("ERROR"));
    return false;
}

void port_run(struct port *port, struct span line)
{
    struct span rest;
    if (!at_begin(line, &rest)) return;
    if (!at_clean(line)) {
        port_say(port, span_of("ERROR"));
        return;
    }
    while (rest.length > 0) {
        struct statement statement = at_next(&rest);
        if (!perform(port, &statement)) return;
    }
    port_say(port, span_of("OK"));
}

void port_host_gone(struct port *port)
{
    port->length = 0;
}

static void collect(struct port *port, char byte)
{
    if (byte == BACKSPACE) {
        if (port->length > 0) port->length--;
    } else if (port->length < sizeof port->line) {
        port->line[port->length++] = byte;
    }
}

void port_receive(struct port *port, struct span bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.at[i];
        if (port->echo) outbox_add(port->host, (struct span){&bytes.at[i], 1});
        if (byte != '\r' && byte != '\n') {
            collect(port, byte);
            continue;
        }
        struct span line = {port->line, port->length};
        port->length = 0;
        port_run(port, line);
    }
}
