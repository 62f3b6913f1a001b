/* SPDX-License-Identifier: MIT
 * A library that opens libinner.so, which only its own RUNPATH leads to, plainly, deeply and by
 * dlmopen, and looks for functions in it and (RTLD_DEFAULT) in itself. Most of these calls answer
 * differently to others. */
#include <dlfcn.h>
#include <stdio.h>

int opener(void);
int inner(void);

int inner(void)
{
    return 1;
}

int opener(void)
{
    void *plain = dlopen("libinner.so", RTLD_NOW);
    if (!plain) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    void *deep = dlopen("libinner.so", RTLD_NOW | RTLD_DEEPBIND);
    void *same = dlmopen(LM_ID_BASE, "libinner.so", RTLD_NOW | RTLD_DEEPBIND);
    void *loaded = dlopen("libinner.so", RTLD_NOW | RTLD_NOLOAD);
    printf("deep %d same %d loaded %d", deep == plain, same == plain, loaded == plain);
    int (*found)(void) = (__typeof__(found))dlsym(plain, "inner");
    int (*select_in_it)(void) = (__typeof__(found))dlsym(plain, "select");
    int (*by_default)(void) = (__typeof__(found))dlsym(RTLD_DEFAULT, "inner");
    printf(" inner %d select %d default %d\n", found(), select_in_it(), by_default());
    return 0;
}
