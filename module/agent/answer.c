#include "answer.h"

void answer_word(struct text *line, struct span word)
{
    text_add(line, line->length == 0 ? "+QLATCH: \"" : ",\"");
    text_add_span(line, word);
    text_add(line, "\"");
}

void answer_number(struct text *line, uint32_t number)
{
    text_add(line, ",");
    text_add_uint(line, number);
}

void answer_say(const struct latch *latch, const struct text *line)
{
    latch->say(latch->listener, span_of_text(line));
}

void answer_jws(const struct latch *latch, const char *name, struct span jws)
{
    TEXT(line, ANSWER_MOST);
    answer_word(&line, span_of(name));
    answer_word(&line, jws);
    answer_say(latch, &line);
}
