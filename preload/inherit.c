/* SPDX-License-Identifier: MIT
 * One pass over an environment to see what it lacks, however large it is; then an array of
 * pointers. */
#include "preload/inherit.h"

#include "core/arena.h"
#include "core/preloads.h"
#include "core/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* The variables that matter. The first ones are simply put back. */
enum variable {
    CONF,
    PROXY,
    TIMEOUT,
    LOG,
    LOG_FILE,
    RUNTIME_DIR, /* by the same user only: another one has his own names, and directory */
    PUT_BACK,
    FALLBACK = PUT_BACK, /* one of the two, when both are missing */
    FALLBACK_LOWER,
    CONFIG_HOME, /* where the configuration file was found: SOCKSIFY_CONF takes their place */
    HOME,
    PRELOAD,
    VARIABLES,
    NONE = VARIABLES,
};

static const char names[VARIABLES][20] = {
    [CONF] = SETTINGS_CONF "=",
    [PROXY] = SETTINGS_PROXY "=",
    [TIMEOUT] = SETTINGS_TIMEOUT "=",
    [LOG] = SETTINGS_LOG "=",
    [LOG_FILE] = SETTINGS_LOG_FILE "=",
    [RUNTIME_DIR] = "XDG_RUNTIME_DIR=",
    [FALLBACK] = "ALL_PROXY=",
    [FALLBACK_LOWER] = "all_proxy=",
    [CONFIG_HOME] = "XDG_CONFIG_HOME=",
    [HOME] = "HOME=",
    [PRELOAD] = PRELOADS_VARIABLE "=",
};

/* As this process found them; NULL: it did not, or they did not matter. */
static struct {
    const char *kept[VARIABLES]; /* "NAME=value"; of LD_PRELOAD, with us alone */
    const char *user_conf;       /* SETTINGS_CONF= with what CONFIG_HOME or HOME led to */
    uid_t user;
} start;

/* The mapping that a vforked child of this thread may have left behind. */
static _Thread_local struct {
    void *mapping;
    size_t size;
} abandoned;

static enum variable variable_of(const char *entry)
{
    switch (entry[0]) {
    case 'A':
    case 'H':
    case 'L':
    case 'S':
    case 'X':
    case 'a':
        for (unsigned i = 0; i < VARIABLES; i++)
            if (entry[0] == names[i][0] && entry[1] == names[i][1] &&
                strncmp(entry, names[i], strlen(names[i])) == 0)
                return (enum variable)i;
    }
    return NONE;
}

static const char *value_of(const char *entry, enum variable variable)
{
    return entry + strlen(names[variable]);
}

/* --- At the start --- */

static const char *join(struct arena *memory, enum variable variable, const char *value, size_t len)
{
    size_t size = strlen(names[variable]) + len + 1;
    char *entry = arena_alloc(memory, size);
    if (entry) {
        struct text text = text_start(entry, size);
        text_add(&text, names[variable]);
        text_add_bytes(&text, value, len);
    }
    return entry;
}

void inherit_remember(const struct settings *settings, bool names_in_runtime_dir)
{
    /* A setuid program does not obey its environment, and must not hand on more of it. */
    if (getauxval(AT_SECURE) != 0 || !settings->memory)
        return;
    const char *found[VARIABLES] = {NULL};
    for (char **entry = environ; entry && *entry; entry++) {
        enum variable variable = variable_of(*entry);
        /* The first counts for getenv(3), the last LD_PRELOAD for the loader. */
        if (variable != NONE && (variable == PRELOAD || !found[variable]))
            found[variable] = *entry;
    }
    bool user_file = settings->source.file && !found[CONF] &&
                     strcmp(settings->path, SYSCONFDIR "/socksify.conf") != 0;
    if (!names_in_runtime_dir)
        found[RUNTIME_DIR] = NULL;
    if (settings->source.proxy)
        found[FALLBACK] = found[FALLBACK_LOWER] = NULL;
    if (!user_file)
        found[CONFIG_HOME] = found[HOME] = NULL;

    for (unsigned i = 0; i < VARIABLES; i++) {
        const char *value = found[i] ? value_of(found[i], (enum variable)i) : "";
        size_t len = strlen(value);
        if (i == PRELOAD)
            value = preloads_find(value, &len);
        if (value && *value && !((i == FALLBACK || i == FALLBACK_LOWER) &&
                                 strncmp(value, "socks", strlen("socks")) != 0))
            start.kept[i] = join(settings->memory, (enum variable)i, value, len);
    }
    if (user_file)
        start.user_conf = join(settings->memory, CONF, settings->path, strlen(settings->path));
    start.user = geteuid();
}

const char *inherit_library(void)
{
    return start.kept[PRELOAD] ? value_of(start.kept[PRELOAD], PRELOAD) : NULL;
}

/* --- An environment --- */

/* What one lacks. */
struct lack {
    size_t count; /* of its variables */
    const char *added[VARIABLES];
    size_t added_count;
    size_t preload; /* where an LD_PRELOAD without us stands; SIZE_MAX: nowhere */
};

static void add(struct lack *lack, const char *entry)
{
    if (entry)
        lack->added[lack->added_count++] = entry;
}

static bool is_as_kept(const char *const found[VARIABLES], enum variable variable)
{
    const char *kept = start.kept[variable];
    return kept && found[variable] ? strcmp(kept, found[variable]) == 0 : kept == found[variable];
}

static bool find_lack(char *const *envp, struct lack *lack)
{
    const char *found[VARIABLES] = {NULL};
    lack->count = lack->added_count = 0;
    lack->preload = SIZE_MAX;
    for (; envp && envp[lack->count]; lack->count++) {
        enum variable variable = variable_of(envp[lack->count]);
        if (variable == NONE)
            continue;
        if (variable == PRELOAD)
            lack->preload = lack->count;
        if (!found[variable])
            found[variable] = envp[lack->count];
    }

    for (unsigned i = 0; i < PUT_BACK; i++)
        if (!found[i] && (i != RUNTIME_DIR || (start.kept[i] && geteuid() == start.user)))
            add(lack, start.kept[i]);
    if (!found[FALLBACK] && !found[FALLBACK_LOWER])
        add(lack, start.kept[FALLBACK] ? start.kept[FALLBACK] : start.kept[FALLBACK_LOWER]);
    if (!found[CONF] && start.user_conf &&
        !(is_as_kept(found, CONFIG_HOME) && is_as_kept(found, HOME)))
        add(lack, start.user_conf);

    size_t len;
    if (lack->preload == SIZE_MAX)
        add(lack, start.kept[PRELOAD]);
    else if (!start.kept[PRELOAD] || preloads_find(value_of(envp[lack->preload], PRELOAD), &len))
        lack->preload = SIZE_MAX;
    return lack->added_count > 0 || lack->preload != SIZE_MAX;
}

static void *take(struct inherit_room *room, size_t size)
{
    if (size <= sizeof(room->small))
        return room->small;
    void *mapping =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mapping == MAP_FAILED) {
        errno = ENOMEM;
        return NULL;
    }
    room->mapping = mapping;
    room->size = size;
    return mapping;
}

static void free_abandoned(void)
{
    if (abandoned.mapping) {
        munmap(abandoned.mapping, abandoned.size);
        abandoned.mapping = NULL;
    }
}

char *const *inherit_complete(char *const *envp, struct inherit_room *room)
{
    struct lack lack;
    room->mapping = NULL;
    free_abandoned();
    if (!find_lack(envp, &lack))
        return envp;

    size_t pointers = (lack.count + lack.added_count + 1) * sizeof(char *);
    size_t text_size =
        lack.preload != SIZE_MAX ? strlen(envp[lack.preload]) + strlen(start.kept[PRELOAD]) + 2 : 0;
    const char **made = take(room, pointers + text_size);
    if (!made)
        return NULL;
    if (lack.count > 0)
        memcpy(made, envp, lack.count * sizeof(*made));
    memcpy(made + lack.count, lack.added, lack.added_count * sizeof(*made));
    made[lack.count + lack.added_count] = NULL;
    if (lack.preload != SIZE_MAX) {
        struct text text = text_start((char *)made + pointers, text_size);
        preloads_add(&text, start.kept[PRELOAD], value_of(envp[lack.preload], PRELOAD));
        made[lack.preload] = text.buf;
    }
    return (char *const *)made;
}

void inherit_release(struct inherit_room *room)
{
    int saved = errno;
    if (room->mapping && abandoned.mapping == room->mapping)
        abandoned.mapping = NULL;
    if (room->mapping)
        munmap(room->mapping, room->size);
    room->mapping = NULL;
    errno = saved;
}

void inherit_abandon(const struct inherit_room *room)
{
    abandoned.mapping = room->mapping;
    abandoned.size = room->size;
}

bool inherit_mend_environ(void)
{
    struct inherit_room room;
    struct lack lack;
    if (!find_lack(environ, &lack))
        return true;
    bool mended = true;
    if (lack.preload != SIZE_MAX) {
        char *const *made = inherit_complete(environ, &room);
        mended = made &&
                 setenv(PRELOADS_VARIABLE, value_of(made[lack.preload], PRELOAD), 1) == 0;
        inherit_release(&room);
    }
    /* Not copied, but ours for ever. */
    for (size_t i = 0; mended && i < lack.added_count; i++)
        mended = putenv((char *)lack.added[i]) == 0;
    return mended;
}
