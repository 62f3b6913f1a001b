/* SPDX-License-Identifier: MIT
 * Each shell has its own way to be handed a startup file, and each of ours (shell/mark.*) reads the
 * user's first, or has been read after it. */
#include "cli/prompt.h"

#include "cli/quote.h"
#include "core/text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL_VARIABLE "SOCKSIFY_SHELL" /* 1: for prompts of the user's own */
#define RESTORE_VARIABLE                                                                           \
    "SOCKSIFY_RESTORE" /* what ENV or ZDOTDIR was; mark.sh and .zshenv put it                      \
                          back */

/* Beside the wrapper in the build tree, else where `make install` puts them. */
static bool find_directory(char path[static PATH_MAX])
{
    static const char name[] = "/shell";
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(name));
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (slash) {
        memcpy(slash, name, sizeof(name));
        if (access(path, X_OK) == 0)
            return true;
    }
    text_join(path, PATH_MAX, LIBDIR "/socksify/shell", NULL);
    return access(path, X_OK) == 0;
}

static bool is_one_of(const char *name, const char *const names[])
{
    while (*names && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* A variable that leads the shell to our file, which puts back what the user had there. */
static void divert(const char *variable, const char *path)
{
    const char *old = getenv(variable);
    if ((old ? setenv(RESTORE_VARIABLE, old, 1) : unsetenv(RESTORE_VARIABLE)) == 0)
        setenv(variable, path, 1);
}

static void add_words(char **argv, const char *option, const char *value)
{
    argv[1] = strdup(option);
    argv[2] = argv[1] ? strdup(value) : NULL;
    argv[3] = NULL;
    if (!argv[2])
        argv[1] = NULL;
}

static void mark_fish(char **argv, const char *path)
{
    char command[sizeof("source ''") + QUOTE_LENGTH * PATH_MAX];
    struct text text = text_start(command, sizeof(command));
    text_add(&text, "source ");
    quote_add(&text, path, SYNTAX_FISH);
    add_words(argv, "--init-command", command);
}

void prompt_mark(char *argv[static PROMPT_ARGV_MAX])
{
    static const char *const posix_shells[] = {"sh", "dash", "ash", NULL};
    char directory[PATH_MAX], path[PATH_MAX];
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    if (setenv(SHELL_VARIABLE, "1", 1) != 0)
        return;
    /* Only an interactive shell reads these files, and so undoes what leads to them. */
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || !find_directory(directory))
        return;
    if (strcmp(name, "bash") == 0) {
        text_join(path, sizeof(path), directory, "/mark.bash", NULL);
        add_words(argv, "--rcfile", path);
    } else if (strcmp(name, "zsh") == 0) {
        text_join(path, sizeof(path), directory, "/zsh", NULL);
        divert("ZDOTDIR", path);
    } else if (strcmp(name, "fish") == 0) {
        text_join(path, sizeof(path), directory, "/mark.fish", NULL);
        mark_fish(argv, path);
    } else if (is_one_of(name, posix_shells) && !strpbrk(directory, "$`\"\\")) {
        /* The value of ENV is expanded. */
        text_join(path, sizeof(path), directory, "/mark.sh", NULL);
        divert("ENV", path);
    }
}
