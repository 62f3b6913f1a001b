/* SPDX-License-Identifier: MIT
 * The table, a getopt that can be read, and the rules for what goes with what. */
#include "cli/options.h"

#include "core/proxy.h"
#include "core/text.h"
#include "core/word.h"

#include <stdio.h>
#include <string.h>

enum option_id {
    OPTION_PROXY,
    OPTION_CONFIG,
    OPTION_TIMEOUT,
    OPTION_VERBOSE,
    OPTION_QUIET,
    OPTION_LOG_FILE,
    OPTION_MODE,
    OPTION_SEAL,
    OPTION_EMBEDDED,
    OPTION_ENV,
    OPTION_SHELL,
    OPTION_SERVE,
    OPTION_USER,
    OPTION_PASSWORD,
    OPTION_HOSTS,
    OPTION_ARGV0,
    OPTION_CHECK,
    OPTION_EXPLAIN,
    OPTION_APP,
    OPTION_REPORT,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT,
};

static const struct {
    char letter;       /* 0: none */
    const char *name;  /* with its dashes */
    const char *value; /* what it takes, in brackets when it may be missing; NULL: nothing */
    const char *help;
    const char *known; /* of its values: file, proxy, target, url (of a proxy, or a target),
                          program, or words with commas between; NULL: nothing */
    bool joins;        /* the line of the option before, in --help */
} table[OPTION_COUNT] = {
    [OPTION_PROXY] = {'p', "--proxy", "URL|NAME",
                      .help = "as socks5://HOST:1080; given again: a chain", .known = "proxy"},
    [OPTION_CONFIG] = {'f', "--config", "FILE", .help = "the configuration file", .known = "file"},
    [OPTION_TIMEOUT] = {'t', "--timeout", "SECONDS",
                        .help = "deadline for a whole connect (default 30)"},
    [OPTION_VERBOSE] = {'v', "--verbose", NULL, .help = "a line for each connection"},
    [OPTION_QUIET] = {'q', "--quiet", NULL, .help = "no line at all", .joins = true},
    [OPTION_LOG_FILE] = {0, "--log-file", "FILE", .help = "messages go there, not to stderr",
                         .known = "file"},
    [OPTION_MODE] = {0, "--mode", "WAY", .help = "auto (the default), preload or supervise",
                     .known = "auto,preload,supervise"},
    [OPTION_SEAL] = {0, "--seal", NULL, .help = "preload and supervise: nothing slips past"},
    [OPTION_EMBEDDED] = {0, "--embedded", NULL,
                         .help = "through a server of our own, for this program"},
    [OPTION_ENV] = {0, "--env", "[SHELL]", .help = "print the environment for eval in a shell",
                    .known = "sh,bash,dash,zsh,fish"},
    [OPTION_SHELL] = {0, "--shell", NULL, .help = "start $SHELL with everything in it proxied"},
    [OPTION_SERVE] = {0, "--serve", "[ADDR:PORT]",
                      .help = "be a SOCKS server (default 127.0.0.1:1080)"},
    [OPTION_USER] = {0, "--user", "NAME", .help = "who may use that server"},
    [OPTION_PASSWORD] = {0, "--password", "WORD", .help = "with which password", .joins = true},
    [OPTION_HOSTS] = {0, "--hosts", "FILE", .help = "host names our server knows, as /etc/hosts",
                      .known = "file"},
    [OPTION_ARGV0] = {0, "--argv0", "NAME", .help = "the name that the program is told to have"},
    [OPTION_CHECK] = {0, "--check", "[URL|TARGET]",
                      .help = "try the proxy, and whether anything leaves", .known = "url"},
    [OPTION_EXPLAIN] = {0, "--explain", "TARGET", .help = "which way it goes, and why",
                        .known = "target"},
    [OPTION_APP] = {0, "--app", "NAME", .help = "as that program", .known = "program",
                    .joins = true},
    [OPTION_REPORT] = {0, "--report", NULL, .help = "in the end, a table of all connections"},
    [OPTION_HELP] = {'h', "--help", NULL, .help = "this text"},
    [OPTION_VERSION] = {0, "--version", NULL, .help = "the version", .joins = true},
};

const char *options_name(size_t i)
{
    return i < OPTION_COUNT ? table[i].name : NULL;
}

static void add_name(struct text *left, int id)
{
    const char letter[] = {table[id].letter ? '-' : ' ', table[id].letter ? table[id].letter : ' ',
                           table[id].letter ? ',' : ' ', ' ', '\0'};
    text_add(left, left->len > 0 ? " " : "");
    text_add(left, left->len > 0 && !table[id].letter ? "" : letter);
    text_add(left, table[id].name);
    text_add(left, table[id].value ? " " : "");
    text_add(left, table[id].value ? table[id].value : "");
}

size_t options_help(char *buf, size_t size)
{
    static const char head[] =
        "usage: socksify [options] [--] program [argument...]\n"
        "Runs the program with its TCP connections through a SOCKS proxy.\n\n";
    static const char foot[] =
        "\nRules and proxies: socksify.conf(5). All the rest: socksify(1).\n";
    size_t len = (size_t)snprintf(buf, size, "%s", head);
    for (int i = 0; i < OPTION_COUNT;) {
        char names[64], help[128];
        struct text left = text_start(names, sizeof(names));
        struct text right = text_start(help, sizeof(help));
        do {
            add_name(&left, i);
            text_add(&right, right.len > 0 ? "; " : "");
            text_add(&right, table[i].help);
        } while (++i < OPTION_COUNT && table[i].joins);
        len += (size_t)snprintf(len < size ? buf + len : NULL, len < size ? size - len : 0,
                                "  %-31s %s\n", names, help);
    }
    len += (size_t)snprintf(len < size ? buf + len : NULL, len < size ? size - len : 0, "%s", foot);
    return len;
}

size_t options_list(char *buf, size_t size)
{
    size_t len = 0;
    for (int i = 0; i < OPTION_COUNT; i++)
        len += (size_t)snprintf(len < size ? buf + len : NULL, len < size ? size - len : 0,
                                "%c %s %s %s %s\n", table[i].letter ? table[i].letter : '-',
                                table[i].name, table[i].value ? table[i].value : "-",
                                table[i].known ? table[i].known : "-", table[i].help);
    return len;
}

static enum status complain(char error[static OPTIONS_ERROR_MAX], const char *word, const char *why)
{
    text_join(error, OPTIONS_ERROR_MAX, word, ": ", why, NULL);
    return STATUS_BAD_INPUT;
}

static enum status complain_of_value(char error[static OPTIONS_ERROR_MAX], int id,
                                     const char *value, const char *why)
{
    text_join(error, OPTIONS_ERROR_MAX, table[id].name, ": ", value, ": ", why, NULL);
    return STATUS_BAD_INPUT;
}

static bool takes_value(int id)
{
    return table[id].value != NULL;
}

static bool value_is_optional(int id)
{
    return takes_value(id) && table[id].value[0] == '[';
}

static enum status complain_of_missing(char error[static OPTIONS_ERROR_MAX], const char *word,
                                       int id)
{
    char why[64];
    text_join(why, sizeof(why), "needs a value: ", table[id].value, NULL);
    return complain(error, word, why);
}

/* OPTION_COUNT when there is none. */
static int find_letter(char letter)
{
    int id = 0;
    while (id < OPTION_COUNT && table[id].letter != letter)
        id++;
    return id;
}

static int find_name(const char *word, size_t len)
{
    int id = 0;
    while (id < OPTION_COUNT &&
           (strncmp(table[id].name, word, len) != 0 || table[id].name[len] != '\0'))
        id++;
    return id;
}

static enum status set_mode(struct options *options, enum mode mode, int id,
                            char error[static OPTIONS_ERROR_MAX])
{
    if (options->mode != MODE_RUN && options->mode != mode)
        return complain(error, table[id].name,
                        "only one of --env, --shell, --serve, --check and --explain can be had");
    options->mode = mode;
    return STATUS_OK;
}

static enum status set_proxy(struct options *options, const char *value,
                             char error[static OPTIONS_ERROR_MAX])
{
    if (options->proxy_count == ROUTE_HOPS_MAX)
        return complain_of_value(error, OPTION_PROXY, value,
                                 "one proxy too many: a chain has at most 16");
    options->proxy[options->proxy_count++] = value;
    options->proxy_origin = table[OPTION_PROXY].name;
    return STATUS_OK;
}

static enum status complain_of_seal(char error[static OPTIONS_ERROR_MAX])
{
    return complain(error, "--seal", "does not go with --mode preload, which is half of it");
}

/* --seal is more than --mode supervise, and stays when both are given. */
static enum status set_way(struct options *options, const char *value,
                           char error[static OPTIONS_ERROR_MAX])
{
    enum way way;
    if (!settings_find_way(value, &way) || way == WAY_SEAL)
        return complain_of_value(error, OPTION_MODE, value, "expected auto, preload or supervise");
    if (options->has_way && options->way == WAY_SEAL)
        return way == WAY_PRELOAD ? complain_of_seal(error) : STATUS_OK;
    options->has_way = true;
    options->way = way;
    return STATUS_OK;
}

static enum status set_seal(struct options *options, char error[static OPTIONS_ERROR_MAX])
{
    if (options->has_way && options->way == WAY_PRELOAD)
        return complain_of_seal(error);
    options->has_way = true;
    options->way = WAY_SEAL;
    return STATUS_OK;
}

/* Whether it is one of the words that the table has for values of the option. */
static bool is_known(int id, const char *value)
{
    struct word words = {table[id].known, strlen(table[id].known)};
    while (words.len > 0)
        if (word_is(word_take_item(&words), value))
            return true;
    return false;
}

static enum status set_syntax(struct options *options, const char *value,
                              char error[static OPTIONS_ERROR_MAX])
{
    if (value && !is_known(OPTION_ENV, value))
        return complain_of_value(error, OPTION_ENV, value, "expected sh, bash, dash, zsh or fish");
    options->syntax = value && strcmp(value, "fish") == 0 ? SYNTAX_FISH : SYNTAX_SH;
    return STATUS_OK;
}

static enum status set_timeout(struct options *options, const char *value,
                               char error[static OPTIONS_ERROR_MAX])
{
    uint32_t milliseconds;
    if (proxy_parse_duration(value, strlen(value), &milliseconds) != STATUS_OK)
        return complain_of_value(error, OPTION_TIMEOUT, value,
                                 "expected seconds (or a number with ms, s or m), at most 24 h");
    options->timeout = value;
    return STATUS_OK;
}

static enum status set_flag(struct options *options, int id, char error[static OPTIONS_ERROR_MAX])
{
    switch (id) {
    case OPTION_VERBOSE:
    case OPTION_QUIET:
        options->has_level = true;
        options->level = id == OPTION_VERBOSE ? LOG_VERBOSE : LOG_QUIET;
        break;
    case OPTION_SEAL:
        return set_seal(options, error);
    case OPTION_EMBEDDED:
        options->embedded = true;
        break;
    case OPTION_SHELL:
        return set_mode(options, MODE_SHELL, id, error);
    case OPTION_REPORT:
        options->report = true;
        break;
    case OPTION_HELP:
        options->mode = MODE_HELP;
        break;
    case OPTION_VERSION:
        options->mode = MODE_VERSION;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

static enum status set_value(struct options *options, int id, char *value,
                             char error[static OPTIONS_ERROR_MAX])
{
    /* A variable that a script forgot to set must not undo the option. */
    if (*value == '\0' && id != OPTION_PASSWORD && id != OPTION_ARGV0)
        return complain_of_missing(error, table[id].name, id);
    switch (id) {
    case OPTION_PROXY:
        return set_proxy(options, value, error);
    case OPTION_CONFIG:
        options->config = value;
        break;
    case OPTION_TIMEOUT:
        return set_timeout(options, value, error);
    case OPTION_LOG_FILE:
        options->log_file = value;
        break;
    case OPTION_MODE:
        return set_way(options, value, error);
    case OPTION_USER:
        options->user = value;
        break;
    case OPTION_PASSWORD:
        options->password = value;
        break;
    case OPTION_HOSTS:
        options->hosts = value;
        break;
    case OPTION_ARGV0:
        options->argv0 = value;
        break;
    case OPTION_EXPLAIN:
        options->target = value;
        return set_mode(options, MODE_EXPLAIN, id, error);
    case OPTION_APP:
        options->app = value;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

/* "--name", "--name=value" or "--name value". *argv is the word itself, and moves on to the value
 * where that is a word of its own. */
static enum status parse_long(struct options *options, char ***argv,
                              char error[static OPTIONS_ERROR_MAX])
{
    char *word = **argv;
    size_t len = strcspn(word, "=");
    char *value = word[len] ? word + len + 1 : NULL;
    int id = find_name(word, len);
    if (id == OPTION_COUNT)
        return complain(error, word, "no such option; socksify --help lists them");
    if (!takes_value(id))
        return value ? complain(error, word, "this option takes no value")
                     : set_flag(options, id, error);
    char *next = (*argv)[1];
    if (!value && next && !(value_is_optional(id) && *next == '-')) {
        value = next;
        ++*argv;
    }
    if (id == OPTION_SERVE) {
        options->listen = value;
        return set_mode(options, MODE_SERVE, id, error);
    }
    if (id == OPTION_ENV) {
        enum status status = set_syntax(options, value, error);
        return status == STATUS_OK ? set_mode(options, MODE_ENV, id, error) : status;
    }
    if (id == OPTION_CHECK) {
        options->target = value;
        return set_mode(options, MODE_CHECK, id, error);
    }
    return value ? set_value(options, id, value, error) : complain_of_missing(error, word, id);
}

/* "-vq", "-pURL", "-p URL": *argv moves as above. */
static enum status parse_letters(struct options *options, char ***argv,
                                 char error[static OPTIONS_ERROR_MAX])
{
    char *word = **argv;
    for (char *at = word + 1; *at; at++) {
        const char letter[] = {'-', *at, '\0'};
        int id = find_letter(*at);
        if (id == OPTION_COUNT)
            return complain(error, at == word + 1 && !at[1] ? word : letter,
                            "no such option; socksify --help lists them");
        if (!takes_value(id)) {
            enum status status = set_flag(options, id, error);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        char *value = at[1] ? at + 1 : *++*argv;
        return value ? set_value(options, id, value, error)
                     : complain_of_missing(error, letter, id);
    }
    return STATUS_OK;
}

static enum status check_way(const struct options *options, char error[static OPTIONS_ERROR_MAX])
{
    const char *name = options->way == WAY_SEAL ? "--seal" : "--mode";
    bool supervises = options->way == WAY_SUPERVISE || options->way == WAY_SEAL;
    bool runs = options->mode == MODE_RUN || options->mode == MODE_SHELL;
    if (options->report && !runs)
        return complain(error, "--report", "needs a program, or --shell, to tell of");
    if (options->app && options->mode != MODE_EXPLAIN)
        return complain(error, "--app", "goes with --explain only");
    if (options->argv0 && !runs)
        return complain(error, "--argv0", "needs a program, or --shell, to name");
    if (options->has_way && !runs && options->mode != MODE_ENV)
        return complain(error, name,
                        "does not go with --serve, --check or --explain, which run no program");
    if (options->mode == MODE_ENV && supervises)
        return complain(error, name,
                        "does not go with --env: a variable cannot supervise, it can but preload");
    return STATUS_OK;
}

/* What goes with what; options is whole but for this. */
static enum status check(const struct options *options, char error[static OPTIONS_ERROR_MAX])
{
    bool serve = options->mode == MODE_SERVE;
    if (options->mode == MODE_RUN && !*options->program)
        return complain(error, "no program given", "socksify --help says how it is done");
    if (options->mode != MODE_RUN && *options->program)
        return complain(error, *options->program,
                        "a program cannot be named with --env, --shell, --serve, --check or "
                        "--explain");
    if ((serve || options->embedded) && options->proxy_count)
        return complain(error, "--proxy",
                        "does not go with --serve or --embedded, which connect "
                        "directly");
    if (options->embedded && options->mode != MODE_RUN && options->mode != MODE_SHELL)
        return complain(error, "--embedded", "needs a program, or --shell, to live with");
    if (serve && options->config)
        return complain(error, "--config",
                        "does not go with --serve, which reads no configuration");
    if (serve && options->timeout)
        return complain(error, "--timeout", "does not go with --serve");
    if (!serve && options->user)
        return complain(error, "--user",
                        "goes with --serve only; a proxy's user stands in its URL");
    if (!serve && options->password)
        return complain(error, "--password",
                        "goes with --serve only; a proxy's password stands in its URL");
    if (!options->user != !options->password)
        return complain(error, options->user ? "--user" : "--password",
                        "--user and --password go together");
    if (!serve && !options->embedded && options->hosts)
        return complain(error, "--hosts", "goes with --serve or --embedded only");
    return check_way(options, error);
}

enum status options_parse(struct options *options, char **argv,
                          char error[static OPTIONS_ERROR_MAX])
{
    *options = (struct options){.level = LOG_NORMAL};
    argv += *argv != NULL;
    for (; *argv && **argv == '-' && (*argv)[1]; argv++) {
        if (strcmp(*argv, "--") == 0) {
            argv++;
            break;
        }
        enum status status = (*argv)[1] == '-' ? parse_long(options, &argv, error)
                                               : parse_letters(options, &argv, error);
        if (status != STATUS_OK || options->mode == MODE_HELP || options->mode == MODE_VERSION)
            return status;
    }
    options->program = argv;
    return check(options, error);
}
