/* SPDX-License-Identifier: MIT
 * Messages about the configuration, put together without stdio. */
#include "core/config_error.h"

#include "core/printable.h"
#include "core/proxy.h"
#include "core/text.h"

#include <string.h>

enum { SHOWN_WORD_MAX = 96, SHOWN_FILE_MAX = 200 };

/* Words may hold anything: keep the message one readable line. */
static void add_shown(struct text *text, const char *word, size_t len)
{
    size_t shown = len < SHOWN_WORD_MAX ? len : SHOWN_WORD_MAX, start = text->len;
    text_add_bytes(text, word, shown);
    printable_make(text->buf + start, text->len - start);
    if (shown < len)
        text_add(text, "...");
}

/* The end of a long path tells more than its start. */
static void add_file(struct text *text, const char *file)
{
    size_t len = strlen(file);
    if (len > SHOWN_FILE_MAX) {
        text_add(text, "...");
        file += len - SHOWN_FILE_MAX;
    }
    text_add(text, file);
}

/* "FILE:LINE: " */
static struct text start_line(const struct config_error *error)
{
    struct text text = text_start(error->text, CONFIG_ERROR_MAX);
    add_file(&text, error->file ? error->file : "configuration");
    text_add(&text, ":");
    text_add_number(&text, error->line);
    text_add(&text, ": ");
    return text;
}

static void add_secret(struct text *text, struct word word)
{
    char shown[2 * SHOWN_WORD_MAX];
    proxy_hide_secret(word.at, word.len, shown, sizeof(shown));
    add_shown(text, shown, strlen(shown));
}

static enum status end_line(struct text *text, const char *why)
{
    text_add(text, ": ");
    text_add(text, why);
    return STATUS_BAD_INPUT;
}

enum status config_error_word(struct config_error *error, struct word word, const char *why)
{
    if (word_is_url(word) || memchr(word.at, '@', word.len))
        return config_error_secret(error, word, why);
    struct text text = start_line(error);
    add_shown(&text, word.at, word.len);
    return end_line(&text, why);
}

enum status config_error_secret(struct config_error *error, struct word word, const char *why)
{
    struct text text = start_line(error);
    add_secret(&text, word);
    return end_line(&text, why);
}

enum status config_error_line(struct config_error *error, struct word word, const char *why,
                              unsigned line)
{
    char words[CONFIG_REASON_MAX];
    struct text text = text_start(words, sizeof(words));
    text_add(&text, why);
    text_add_number(&text, line);
    return config_error_word(error, word, words);
}

enum status config_error_variable(struct config_error *error, const char *variable,
                                  struct word word, const char *why)
{
    struct text text = text_start(error->text, CONFIG_ERROR_MAX);
    text_add(&text, variable);
    text_add(&text, ": ");
    add_secret(&text, word);
    return end_line(&text, why);
}

enum status config_error_no_default(struct config_error *error, const char *proxy)
{
    struct text text = text_start(error->text, CONFIG_ERROR_MAX);
    add_file(&text, error->file ? error->file : "no configuration file");
    if (proxy) {
        text_add(&text, ": no default: expected a line \"default ");
        add_shown(&text, proxy, strlen(proxy));
        text_add(&text, "\"");
    } else {
        text_add(&text, ": no proxy: expected lines \"proxy home socks5://HOST:1080\" and "
                        "\"default home\"");
        text_add(&text, error->file ? "" : " in " SYSCONFDIR "/socksify.conf");
        text_add(&text, ", or a URL by `socksify -p` or in SOCKSIFY_PROXY");
    }
    return STATUS_BAD_INPUT;
}

enum status config_error_no_memory(struct config_error *error)
{
    text_join(error->text, CONFIG_ERROR_MAX, status_text(STATUS_NO_MEMORY), NULL);
    return STATUS_NO_MEMORY;
}
