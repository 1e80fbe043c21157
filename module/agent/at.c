#include "at.h"

#include <string.h>

/* No verb takes more than a name and two values. */
#define PARAMETERS_MOST 3

static const char *const names[VERBS] = {NULL,     NULL,   "identity",  "challenge", "data",     "unlock",
                                         "keys",   "provision", "lock", "receipts",  "csr", "certificate"};

const char *verb_name(enum verb verb)
{
    return names[verb];
}

struct parameter {
    bool is_text;
    struct span text;
    uint32_t number;
};

static void skip(struct span *rest, size_t count)
{
    rest->at += count;
    rest->length -= count;
}

static void skip_spaces(struct span *rest)
{
    while (rest->length > 0 && rest->at[0] == ' ') skip(rest, 1);
}

static bool take(struct span *rest, char wanted)
{
    if (rest->length == 0 || rest->at[0] != wanted) return false;
    skip(rest, 1);
    return true;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Takes a word of capitals and signs that may stand there in either case. */
static bool take_word(struct span *rest, const char *word)
{
    size_t length = strlen(word);
    if (rest->length < length) return false;
    for (size_t i = 0; i < length; i++) {
        char at = rest->at[i];
        if (at >= 'a' && at <= 'z') at = (char)(at - 'a' + 'A');
        if (at != word[i]) return false;
    }
    skip(rest, length);
    return true;
}

bool at_begin(struct span line, struct span *rest)
{
    *rest = line;
    skip_spaces(rest);
    if (!take_word(rest, "AT")) return false;
    skip_spaces(rest);
    return true;
}

bool at_clean(struct span line)
{
    if (line.length > COMMAND_MOST) return false;
    for (size_t i = 0; i < line.length; i++) {
        if (line.at[i] < ' ' || line.at[i] > '~') return false;
    }
    return true;
}

/* `E`, `E0`, `E1`, `I`, `I0`, and a `;` that they do not need (V.250 §5.3.1). A digit that is not theirs makes
 * them another command, unless spaces stand before it: then they are whole, and it is the next. */
static bool take_basic(struct span *rest, struct statement *statement)
{
    struct span at = *rest;
    bool echo = take_word(&at, "E");
    if (!echo && !take_word(&at, "I")) return false;
    struct span bare = at;
    skip_spaces(&at);
    bool one = echo && at.length > 0 && at.at[0] == '1';
    if (one || (at.length > 0 && at.at[0] == '0')) skip(&at, 1);
    if (at.length > 0 && is_digit(at.at[0])) {
        if (bare.length == 0 || bare.at[0] != ' ') return false;
        at = bare;
        one = false;
    }
    skip_spaces(&at);
    take(&at, ';');
    statement->kind = echo ? STATEMENT_ECHO : STATEMENT_INFO;
    statement->echo = one;
    *rest = at;
    return true;
}

/* A string, or a number up to 4294967295. */
static bool take_parameter(struct span *rest, struct parameter *parameter)
{
    skip_spaces(rest);
    parameter->is_text = take(rest, '"');
    parameter->text = (struct span){rest->at, 0};
    if (parameter->is_text) {
        while (rest->length > 0 && rest->at[0] != '"' && rest->at[0] != '\\') {
            skip(rest, 1);
            parameter->text.length++;
        }
        return take(rest, '"');
    }
    struct cursor cursor = cursor_over(*rest);
    parameter->number = cursor_uint(&cursor);
    if (cursor.bad) return false;
    skip(rest, (size_t)(cursor.at - rest->at));
    return true;
}

/* Parameters up to a `;` or the end of the line; how many, or 0 where that is not what stands there. */
static size_t take_parameters(struct span *rest, struct parameter parameters[PARAMETERS_MOST])
{
    size_t count = 0;
    do {
        if (count == PARAMETERS_MOST || !take_parameter(rest, &parameters[count++])) return 0;
        skip_spaces(rest);
    } while (take(rest, ','));
    return rest->length == 0 || take(rest, ';') ? count : 0;
}

/* The command that the parameters make; false where they make none. The text of a number is empty, and no name is. */
static bool read_command(struct command *command, const struct parameter *given, size_t count)
{
    enum verb verb = VERB_IDENTITY;
    while (verb < VERBS && !span_is(given[0].text, names[verb])) verb++;
    command->verb = verb;
    switch (verb) {
    case VERB_CHALLENGE:
        if (count != 3 || given[2].is_text) return false;
        command->number = given[2].number;
        return scope_named(given[1].text, &command->scope);
    case VERB_DATA:
        if (count != 3 || given[1].is_text || !given[2].is_text) return false;
        command->number = given[1].number;
        command->piece = given[2].text;
        return command->piece.length <= PIECE_MOST;
    case VERB_RECEIPTS:
        command->number = given[1].number;
        return count == 2 && !given[1].is_text;
    default: return verb < VERBS && count == 1;
    }
}

/* `+QLATCH` in its three forms, each up to a `;` or the end of the line (V.250 §5.4). */
static bool take_latch(struct span *rest, struct statement *statement)
{
    struct parameter parameters[PARAMETERS_MOST] = {0};
    statement->kind = STATEMENT_LATCH;
    if (!take_word(rest, "+QLATCH")) return false;
    skip_spaces(rest);
    bool equals = take(rest, '=');
    if (equals) skip_spaces(rest);
    if (take(rest, '?')) {
        statement->command.verb = equals ? VERB_VERBS : VERB_STATE;
        skip_spaces(rest);
        return rest->length == 0 || take(rest, ';');
    }
    return equals && read_command(&statement->command, parameters, take_parameters(rest, parameters));
}

struct statement at_next(struct span *rest)
{
    struct statement statement = {.kind = STATEMENT_UNKNOWN};
    if (take_basic(rest, &statement) || take_latch(rest, &statement)) {
        skip_spaces(rest);
        return statement;
    }
    return (struct statement){.kind = STATEMENT_UNKNOWN};
}
