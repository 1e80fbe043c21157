#include "config.h"

#include <string.h>

#include "hold.h"
#include "stage.h"

/* Ends one file of an input and begins the next. */
#define BETWEEN 0xff

static bool ends_inside(const char *text, size_t room)
{
    return text[0] != '\0' && memchr(text, '\0', room) != NULL;
}

/* Absolute, its words one behind the other in its own text. */
static void hold_program(const struct program *program)
{
    if (program->argv[0] == NULL) return;
    hold(program->argv[0][0] == '/');
    const char *from = program->text;
    for (size_t i = 0; program->argv[i] != NULL; i++) {
        hold(i < PROGRAM_WORDS && program->argv[i] >= from && program->argv[i][0] != '\0');
        from = program->argv[i] + strlen(program->argv[i]);
        hold(from < program->text + sizeof program->text);
    }
}

static void hold_config(const struct config *config)
{
    hold(ends_inside(config->at, sizeof config->at) && ends_inside(config->store, sizeof config->store));
    hold(ends_inside(config->user, sizeof config->user) && ends_inside(config->shadow, sizeof config->shadow));
    hold(ends_inside(config->firmware, sizeof config->firmware));
    hold(is_hwid(span_of(config->hwid)) && strlen(config->imei) == 15);
    hold(config->at[0] == '/' || strcmp(config->at, "stdio") == 0);
    hold(config->store[0] == '/' && config->shadow[0] == '/' && strchr(config->user, ':') == NULL);
    hold(config->modem[0] == '\0' || (config->modem[0] == '/' && config->backdoors.count > 0));
    hold(config->root_count == ROOTS && strcmp(config->roots[0].kid, config->roots[1].kid) != 0);
    for (size_t i = 0; i < ROOTS; i++) hold(config->roots[i].bytes == ROOT_BITS / 8);
    for (size_t i = 0; i < SERVICES; i++) {
        hold_program(&config->start[i]);
        hold_program(&config->stop[i]);
    }
}

/* The configuration, and then the files that it may name: their paths end in 1, 2, 3… */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    memset(&stage, 0, sizeof stage);
    for (size_t i = 0; i < sizeof stage.file / sizeof stage.file[0]; i++) {
        const uint8_t *end = size == 0 ? NULL : memchr(data, BETWEEN, size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        stage.file[i] = (struct span){(const char *)data, length};
        if (end == NULL) break;
        data += length + 1;
        size -= length + 1;
    }
    bool taken = config_read(&config, "/etc/0");
    hold(taken == (stage.complaints == 0));
    if (taken) hold_config(&config);
    return 0;
}
