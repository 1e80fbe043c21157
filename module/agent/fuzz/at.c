#include "at.h"

#include <stdlib.h>
#include <string.h>

#include "hold.h"

static void hold_statement(const struct statement *statement, struct span line)
{
    const struct command *command = &statement->command;
    if (statement->kind != STATEMENT_LATCH) return;
    hold(command->verb < VERBS && command->scope < SCOPES);
    const char *name = command->verb < VERB_IDENTITY ? "+" : verb_name(command->verb);
    hold(memmem(line.at, line.length, name, strlen(name)) != NULL);
    name = command->verb == VERB_CHALLENGE ? scope_name(command->scope) : "";
    hold(memmem(line.at, line.length, name, strlen(name)) != NULL);
    if (command->verb != VERB_DATA) return;
    hold(command->piece.length <= PIECE_MOST && command->piece.at >= line.at);
    hold(command->piece.at + command->piece.length <= line.at + line.length);
    hold(memchr(command->piece.at, '"', command->piece.length) == NULL);
}

/* Whole lines: each statement of one lies inside it, and reading always comes to its end. */
static void read_line(struct span line)
{
    struct span rest;
    if (!at_clean(line) || !at_begin(line, &rest)) return;
    while (rest.length > 0) {
        size_t before = rest.length;
        struct statement statement = at_next(&rest);
        if (statement.kind == STATEMENT_UNKNOWN) return;
        hold(rest.length < before && rest.at + rest.length == line.at + line.length);
        hold_statement(&statement, line);
    }
}

/* Lines as a host types them; each in a room of its own, so that reading past its end is found. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\r', size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        char *line = malloc(length);
        if (line == NULL && length > 0) return 0;
        if (length > 0) memcpy(line, data, length);
        read_line((struct span){line, length});
        free(line);
        if (end == NULL) return 0;
        data += length + 1;
        size -= length + 1;
    }
    return 0;
}
