/* SPDX-License-Identifier: MIT
 * One pass over an environment to see what it lacks, however large it is; then an array of
 * pointers. */
#include "preload/inherit.h"

#include "preload/state.h"

#include "core/arena.h"
#include "core/preloads.h"
#include "core/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The variables that matter. The first ones are simply put back. */
enum variable {
    CONF,
    PROXY,
    TIMEOUT,
    LOG,
    LOG_FILE,
    REPORT,
    MODE,
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
    [CONF] = SETTINGS_CONF,         [PROXY] = SETTINGS_PROXY,          [TIMEOUT] = SETTINGS_TIMEOUT,
    [LOG] = SETTINGS_LOG,           [LOG_FILE] = SETTINGS_LOG_FILE,    [REPORT] = SETTINGS_REPORT,
    [MODE] = SETTINGS_MODE,         [RUNTIME_DIR] = "XDG_RUNTIME_DIR", [FALLBACK] = "ALL_PROXY",
    [FALLBACK_LOWER] = "all_proxy", [CONFIG_HOME] = "XDG_CONFIG_HOME", [HOME] = "HOME",
    [PRELOAD] = PRELOADS_VARIABLE,
};

/* As this process found them, and no more than copied: most programs never ask again. */
static struct {
    const char *kept[VARIABLES]; /* "NAME=value"; NULL: it was not there */
    const struct settings *settings;
    uid_t user;
} start STARTUP_DATA;

/* The mapping that a vforked child of this thread may have left behind. */
static _Thread_local struct {
    void *mapping;
    size_t size;
} abandoned;

/* What stands behind the prefix; NULL when it is another one. Not strncmp(3): to bind it would cost
 * the start of every program more than all the rest. */
static const char *behind(const char *text, const char *prefix)
{
    while (*prefix && *text == *prefix)
        text++, prefix++;
    return *prefix == '\0' ? text : NULL;
}

static enum variable variable_of(const char *entry)
{
    switch (entry[0]) {
    case 'S':
        if (!behind(entry, "SOCKSIFY_"))
            return NONE;
        break;
    case 'X':
        if (!behind(entry, "XDG_"))
            return NONE;
        break;
    case 'A':
    case 'H':
    case 'L':
    case 'a':
        break;
    default:
        return NONE;
    }
    for (unsigned i = 0; i < VARIABLES; i++) {
        if (entry[0] != names[i][0] || entry[1] != names[i][1])
            continue;
        const char *rest = behind(entry, names[i]);
        if (rest && *rest == '=')
            return (enum variable)i;
    }
    return NONE;
}

static const char *value_of(const char *entry, enum variable variable)
{
    return entry + strlen(names[variable]) + 1;
}

/* --- At the start --- */

void inherit_remember(const struct settings *settings, bool names_in_runtime_dir)
{
    const char *found[VARIABLES] = {NULL};
    for (char **entry = environ; entry && *entry; entry++) {
        enum variable variable = variable_of(*entry);
        /* The first counts for getenv(3), the last LD_PRELOAD for the loader. */
        if (variable != NONE && (variable == PRELOAD || !found[variable]))
            found[variable] = *entry;
    }
    if (!names_in_runtime_dir)
        found[RUNTIME_DIR] = NULL;
    bool obeyed = false;
    for (unsigned i = 0; i < VARIABLES; i++) {
        if (!found[i])
            continue;
        /* A setuid program does not obey its environment, and must not hand on more of it. */
        obeyed = obeyed || secure_getenv(names[i]);
        if (!obeyed || !settings->memory)
            return;
        start.kept[i] = arena_copy(settings->memory, found[i], strlen(found[i]));
    }
    start.settings = settings;
    start.user = geteuid();
}

/* This library in the LD_PRELOAD of the start; NULL when it is not there. */
static const char *find_library(size_t *len)
{
    const char *kept = start.kept[PRELOAD];
    return kept ? preloads_find(value_of(kept, PRELOAD), len) : NULL;
}

const char *inherit_library(char *buf, size_t size)
{
    size_t len;
    const char *library = find_library(&len);
    if (!library || len >= size)
        return NULL;
    struct text text = text_start(buf, size);
    text_add_bytes(&text, library, len);
    return buf;
}

/* --- An environment --- */

/* What one lacks. */
struct lack {
    size_t count; /* of its variables */
    const char *added[PUT_BACK + 1];
    size_t added_count;
    bool conf;           /* the path of the configuration file is to be added */
    const char *library; /* that LD_PRELOAD must have in front; NULL: it has it */
    size_t library_len;
    size_t preload; /* where the LD_PRELOAD is; SIZE_MAX: nowhere */
    bool surplus;   /* it has a library that it must not have */
};

static void add(struct lack *lack, const char *entry)
{
    if (entry)
        lack->added[lack->added_count++] = entry;
}

/* ALL_PROXY, if it may be what this process goes by. */
static const char *fallback(void)
{
    enum variable variable = start.kept[FALLBACK] ? FALLBACK : FALLBACK_LOWER;
    const char *kept = start.kept[variable];
    return kept && !start.settings->source.proxy && behind(value_of(kept, variable), "socks")
               ? kept
               : NULL;
}

static bool is_as_kept(const char *const found[VARIABLES], enum variable variable)
{
    const char *kept = start.kept[variable];
    return kept && found[variable] ? strcmp(kept, found[variable]) == 0 : kept == found[variable];
}

/* Whether the configuration file is one that HOME or its like led to. */
static bool has_users_file(void)
{
    return start.settings->source.file && !start.kept[CONF] &&
           strcmp(start.settings->path, SYSCONFDIR "/socksify.conf") != 0;
}

/*
 * The variables of an environment that matter. From its end, where most programs add what they set:
 * in a large one each string costs a miss of the caches, and the search is over as soon as all that
 * is put back has been found. Of HOME and its like it must be known that they are not there, too.
 */
static void find_variables(char *const *envp, struct lack *lack, const char *found[VARIABLES])
{
    bool by_home = has_users_file();
    unsigned missing = 0;
    for (unsigned i = 0; i < VARIABLES; i++)
        missing += start.kept[i] && i != CONFIG_HOME && i != HOME;
    while (envp[lack->count])
        lack->count++;
    for (size_t at = lack->count; at-- > 0 && (missing > 0 || by_home);) {
        enum variable variable = variable_of(envp[at]);
        if (variable == NONE)
            continue;
        missing -=
            start.kept[variable] && !found[variable] && variable != CONFIG_HOME && variable != HOME;
        if (variable != PRELOAD || !found[variable]) {
            found[variable] = envp[at];
            if (variable == PRELOAD)
                lack->preload = at;
        }
    }
}

static bool find_lack(char *const *envp, bool is_for_wrapper, struct lack *lack)
{
    const char *found[VARIABLES] = {NULL};
    *lack = (struct lack){.preload = SIZE_MAX};
    if (!start.settings)
        return false;
    find_variables(envp, lack, found);
    for (unsigned i = 0; i < PUT_BACK; i++)
        if (!found[i] && (i != RUNTIME_DIR || (start.kept[i] && geteuid() == start.user)))
            add(lack, start.kept[i]);
    if (!found[FALLBACK] && !found[FALLBACK_LOWER])
        add(lack, fallback());
    lack->conf = !found[CONF] && has_users_file() &&
                 !(is_as_kept(found, CONFIG_HOME) && is_as_kept(found, HOME));
    size_t len;
    bool has_library =
        lack->preload != SIZE_MAX && preloads_find(value_of(envp[lack->preload], PRELOAD), &len);
    if (!has_library && !is_for_wrapper)
        lack->library = find_library(&lack->library_len);
    lack->surplus = has_library && is_for_wrapper;
    return lack->added_count > 0 || lack->conf || lack->library || lack->surplus;
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

static size_t texts_size(char *const *envp, const struct lack *lack)
{
    size_t size = 1;
    if (lack->conf)
        size += strlen(names[CONF]) + strlen(start.settings->path) + 2;
    if (lack->library)
        size += strlen(names[PRELOAD]) + lack->library_len + 3;
    if (lack->preload != SIZE_MAX && (lack->library || lack->surplus))
        size += strlen(envp[lack->preload]) + 2;
    return size;
}

/* The strings that there are not yet, in buf, and pointers to them in made. */
static void make_texts(char *const *envp, const struct lack *lack, const char **made, char *buf,
                       size_t size)
{
    size_t at = lack->count + lack->added_count;
    struct text text = text_start(buf, size);
    if (lack->conf) {
        text_add(&text, names[CONF]);
        text_add(&text, "=");
        text_add(&text, start.settings->path);
        made[at++] = buf;
        text = text_start(buf + text.len + 1, size - text.len - 1);
    }
    if (lack->library || lack->surplus) {
        bool is_there = lack->preload != SIZE_MAX;
        text_add(&text, names[PRELOAD]);
        text_add(&text, "=");
        text_add_bytes(&text, lack->library ? lack->library : "", lack->library_len);
        preloads_add(&text, is_there ? value_of(envp[lack->preload], PRELOAD) : NULL);
        made[is_there ? lack->preload : at++] = text.buf;
    }
    made[at] = NULL;
}

/* The extra room comes first, for what must be aligned. */
static char *const *complete(char *const *envp, const struct lack *lack, size_t extra,
                             struct inherit_room *room)
{
    size_t pointers = (lack->count + lack->added_count + 3) * sizeof(char *);
    size_t size = texts_size(envp, lack);
    char *memory = take(room, extra + pointers + size);
    if (!memory)
        return NULL;
    const char **made = (const char **)(void *)(memory + extra);
    memcpy(made, envp, lack->count * sizeof(*made));
    memcpy(made + lack->count, lack->added, lack->added_count * sizeof(*made));
    make_texts(envp, lack, made, (char *)made + pointers, size);
    return (char *const *)made;
}

static char *const nothing[] = {NULL};

char *const *inherit_complete(char *const *envp, struct inherit_room *room)
{
    struct lack lack;
    room->mapping = NULL;
    free_abandoned();
    if (!envp)
        envp = nothing; /* as Linux takes it */
    return find_lack(envp, false, &lack) ? complete(envp, &lack, 0, room) : envp;
}

char *const *inherit_complete_for_wrapper(char *const *envp, struct inherit_room *room,
                                          size_t extra, void **memory)
{
    struct lack lack;
    room->mapping = NULL;
    free_abandoned();
    if (!envp)
        envp = nothing;
    extra = (extra + _Alignof(char *) - 1) / _Alignof(char *) * _Alignof(char *);
    find_lack(envp, true, &lack);
    for (lack.count = 0; envp[lack.count];)
        lack.count++;
    envp = complete(envp, &lack, extra, room);
    *memory = room->mapping ? room->mapping : room->small;
    return envp;
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

static bool set(const char *entry)
{
    enum variable variable = variable_of(entry);
    return setenv(names[variable], value_of(entry, variable), 1) == 0;
}

bool inherit_mend_environ(void)
{
    struct inherit_room room = {.mapping = NULL};
    struct lack lack;
    char *const *envp = environ ? environ : nothing;
    if (!find_lack(envp, false, &lack))
        return true;
    char *const *made = complete(envp, &lack, 0, &room);
    bool mended = made && (lack.preload == SIZE_MAX || !lack.library || set(made[lack.preload]));
    for (size_t i = lack.count; mended && made[i]; i++)
        mended = set(made[i]);
    inherit_release(&room);
    return mended;
}
