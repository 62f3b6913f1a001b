/* SPDX-License-Identifier: MIT
 * The file in two parts. The sections of programs stand after the general lines but are read before
 * them, because their rules come first; so every line is read once, and each rule can be handed
 * over as soon as it is read. */
#include "core/config_file.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

/* The reading of one file. */
struct reader {
    const struct config_file *file;
    const struct section *all; /* with the rules of the program */
    struct section section;    /* the one we are in */
    struct choices choices;    /* of all sections that were read, and hold */
};

/* A shell pattern, or mostly a plain name: fnmatch takes much stack, and in some locales memory. */
static bool is_program(const char *program, const char *pattern)
{
    if (!program)
        return false;
    return strpbrk(pattern, "*?[\\") ? fnmatch(pattern, program, 0) == 0
                                     : strcmp(pattern, program) == 0;
}

static void open_section(struct reader *reader, bool holds)
{
    reader->section.rules = holds ? reader->all->rules : NULL;
    reader->section.udp = holds ? reader->all->udp : NULL;
}

/* Of several sections that hold, the first that says something has it. */
static void close_section(struct reader *reader)
{
    struct choices *choices = &reader->choices;
    const struct choices *said = &reader->section.choices;
    bool holds = reader->section.rules != NULL;
    if (holds && !choices->otherwise) {
        choices->otherwise = said->otherwise;
        choices->otherwise_line = said->otherwise_line;
    }
    if (holds && !choices->timeout_ms)
        choices->timeout_ms = said->timeout_ms;
    if (holds && !choices->dns_server)
        choices->dns_server = said->dns_server;
    if (holds && !choices->strict_line) {
        choices->strict = said->strict;
        choices->strict_line = said->strict_line;
    }
    reader->section.choices = (struct choices){0};
    open_section(reader, false);
}

bool config_file_has_program(const struct config_file *file, struct word word)
{
    char pattern[NAME_MAX + 1];
    if (word.len > NAME_MAX)
        return false;
    memcpy(pattern, word.at, word.len);
    pattern[word.len] = '\0';
    for (size_t i = 0; i < file->app_count; i++) {
        if (is_program(file->apps[i], pattern))
            return true;
    }
    return false;
}

static enum status read_program(struct reader *reader, struct word word)
{
    if (word.len > NAME_MAX || memchr(word.at, '/', word.len))
        return config_error_word(reader->all->error, word,
                                 "expected the name of a program without its folder");
    if (config_file_has_program(reader->file, word))
        open_section(reader, true);
    return STATUS_OK;
}

/* [app NAME...]; line begins behind the bracket, and others may follow it */
static enum status read_heading(struct reader *reader, struct word directive, struct word line)
{
    struct config_error *error = reader->all->error;
    struct word word, ahead;
    size_t count = 0;
    bool closed = false;
    close_section(reader);
    while (word_next(&line, &word)) {
        struct word rest = line;
        /* Only the last ] of the line closes: [ and ] are also part of shell patterns. */
        closed = !word_next(&rest, &ahead) && word.at[word.len - 1] == ']';
        word.len -= closed;
        if (count == 0 && !word_is(word, "app"))
            break;
        if (count > 0 && word.len > 0) {
            enum status status = read_program(reader, word);
            if (status != STATUS_OK)
                return status;
        }
        count += word.len > 0;
    }
    if (count == 0)
        return config_error_word(error, directive, "unknown section: expected [app NAME...]");
    if (!closed)
        return config_error_word(error, directive,
                                 "expected a ] at the end of the line: [app NAME...]");
    if (count == 1)
        return config_error_word(error, directive, "expected at least one program: [app NAME...]");
    return STATUS_OK;
}

static enum status read_line(struct reader *reader, struct word *rest)
{
    struct word directive;
    if (!word_next(rest, &directive))
        return STATUS_OK;
    if (directive.at[0] != '[')
        return directives_read(&reader->section, directive, rest);
    const char *inside = directive.at + 1;
    size_t len = (size_t)(rest->at + rest->len - inside);
    return read_heading(reader, directive, (struct word){inside, len});
}

/* line: the number of the first one in text */
static enum status read_part(struct reader *reader, enum origin origin, const char *text,
                             const char *end, unsigned line)
{
    unsigned *current = &reader->all->error->line;
    enum status status = STATUS_OK;
    reader->section.origin = origin;
    open_section(reader, origin == ORIGIN_GENERAL);
    struct word rest = {text, (size_t)(end - text)};
    for (*current = line; rest.len > 0 && status == STATUS_OK; ++*current) {
        status = read_line(reader, &rest);
        word_skip_line(&rest);
    }
    close_section(reader);
    return status;
}

/* Where the first line that opens a section starts; the end when there is none. */
static const char *find_sections(const char *text, const char *end)
{
    for (const char *at = text; at < end; at++) {
        at = memchr(at, '[', (size_t)(end - at));
        if (!at)
            break;
        const char *start = at;
        while (start > text && word_is_blank(start[-1]) && start[-1] != '\n')
            start--;
        if (start == text || start[-1] == '\n')
            return start;
    }
    return end;
}

static unsigned count_lines(const char *text, const char *end)
{
    unsigned count = 0;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        text++;
        count++;
    }
    return count;
}

struct word config_file_text(const struct config_file *file)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};
    bool has_mark = file->len >= sizeof(mark) && memcmp(file->text, mark, sizeof(mark)) == 0;
    size_t skipped = has_mark ? sizeof(mark) : 0;
    return (struct word){file->text + skipped, file->len - skipped};
}

enum status config_file_read(const struct config_file *file, struct section *section)
{
    struct reader reader = {.file = file, .all = section, .section = *section};
    const char *end = file->text + file->len;
    const char *text = config_file_text(file).at;
    const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    if (nul) {
        section->error->line = 1 + count_lines(text, nul);
        return config_error_word(section->error, (struct word){"NUL", 3},
                                 "expected text, without this octet");
    }

    const char *sections = find_sections(text, end);
    enum status apps = STATUS_OK;
    if (sections < end)
        apps = read_part(&reader, ORIGIN_APPS, sections, end, 1 + count_lines(text, sections));
    if (apps == STATUS_NO_MEMORY)
        return apps;
    /* Go on even after a mistake: the general lines may hold an earlier one. */
    enum status general = read_part(&reader, ORIGIN_GENERAL, text, sections, 1);
    section->choices = reader.choices;
    return general != STATUS_OK ? general : apps;
}
