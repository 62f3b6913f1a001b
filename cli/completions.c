/* SPDX-License-Identifier: MIT
 * The table of options as it is, and names picked from a configuration that need not be complete,
 * nor right. */
#include "cli/completions.h"

#include "cli/exits.h"
#include "cli/options.h"
#include "core/settings.h"
#include "core/word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool completions_are_asked(char **argv)
{
    return argv[0] && argv[1] && strcmp(argv[1], "--completions") == 0;
}

static int print_options(void)
{
    char text[4096];
    options_list(text, sizeof(text));
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A name ends up on a command line: none that a shell could take for more than that. */
static bool is_harmless(struct word name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-";
    for (size_t i = 0; i < name.len; i++)
        if (!name.at[i] || !strchr(allowed, name.at[i]))
            return false;
    return name.len > 0;
}

static int print_proxies(const char *file)
{
    static struct settings settings; /* large */
    char error[CONFIG_ERROR_MAX];
    int status = EXIT_CONFIG;
    if (file && setenv(SETTINGS_CONF, file, 1) != 0)
        return EXIT_FAILURE;
    if (settings_read(&settings, error) != STATUS_OK)
        goto out;
    if (settings.source.len > 0 && memchr(settings.source.text, '\0', settings.source.len))
        goto out; /* no text, and words have no NUL */
    struct word rest = {settings.source.text, settings.source.len};
    for (; rest.len > 0; word_skip_line(&rest)) {
        struct word directive, name;
        if (word_next(&rest, &directive) && word_is(directive, "proxy") &&
            word_next(&rest, &name) && is_harmless(name))
            printf("%.*s\n", (int)name.len, name.at);
    }
    status = fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
out:
    settings_free(&settings);
    return status;
}

int completions_print(char **argv)
{
    if (!argv[2])
        return print_options();
    return strcmp(argv[2], "proxies") == 0 ? print_proxies(argv[3]) : EXIT_USAGE;
}
