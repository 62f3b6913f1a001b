/* SPDX-License-Identifier: MIT
 * The value of LD_PRELOAD: the input is the list. A naive reader splits it, too, and must find the
 * same items. */
#include "core/preloads.h"

#include "core/text.h"
#include "fuzz.h"

static bool is_ours(const char *item)
{
    const char *slash = strrchr(item, '/');
    return strcmp(slash ? slash + 1 : item, PRELOADS_LIBRARY) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input input = {data, len < 4096 ? len : 4096};
    char *list = take_string(&input, input.left), *words = strdup(list);
    char *right = calloc(1, 2 * strlen(list) + 2), *added = malloc(strlen(list) + 2);
    char *ours = NULL;
    for (char *rest, *item = strtok_r(words, ": ", &rest); item;
         item = strtok_r(NULL, ": ", &rest)) {
        if (is_ours(item))
            ours = ours ? ours : item;
        else
            strcat(strcat(right, ":"), item);
    }

    size_t found_len = 0;
    const char *found = preloads_find(list, &found_len);
    MUST((found != NULL) == (ours != NULL));
    if (found)
        MUST(found - list == ours - words && found_len == strlen(ours));

    struct text text = text_start(added, strlen(list) + 2);
    preloads_add(&text, list);
    MUST(strcmp(added, right) == 0 && text.len == strlen(right) && text.len <= strlen(list) + 1);
    MUST(!preloads_find(added, &found_len));
    free(list);
    free(words);
    free(right);
    free(added);
    return 0;
}
