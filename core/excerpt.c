/* SPDX-License-Identifier: MIT
 * Looking back into a configuration's text. */
#include "core/excerpt.h"

/* From the first word to the end of the last one; *rest is in front of it, and then behind it. */
static struct word whole_line(struct word *rest)
{
    struct word word, line = {rest->at, 0};
    if (word_next(rest, &line))
        while (word_next(rest, &word))
            line.len = (size_t)(word.at + word.len - line.at);
    word_skip_line(rest);
    return line;
}

struct word excerpt_line(const struct config_file *file, unsigned number)
{
    struct word rest = config_file_text(file);
    for (unsigned line = 1; line < number && rest.len > 0; line++)
        word_skip_line(&rest);
    return number > 0 ? whole_line(&rest) : (struct word){rest.at, 0};
}

static bool holds(const struct config_file *file, struct word heading)
{
    struct word word, rest = {heading.at + 1, heading.len - 2}; /* without the brackets */
    word_next(&rest, &word);                                    /* app */
    while (word_next(&rest, &word))
        if (config_file_has_program(file, word))
            return true;
    return false;
}

bool excerpt_next_section(const struct config_file *file, struct excerpt_section *section)
{
    struct word rest = section->line > 0 ? section->rest : config_file_text(file);
    for (unsigned line = section->line + 1; rest.len > 0; line++) {
        struct word text = whole_line(&rest);
        if (text.len < 2 || text.at[0] != '[')
            continue;
        *section = (struct excerpt_section){line, text, holds(file, text), rest};
        return true;
    }
    return false;
}
