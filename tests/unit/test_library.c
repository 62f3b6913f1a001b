/* SPDX-License-Identifier: MIT
 * Libraries and loaders written here: no more of them than is looked at. */
#include "core/library.h"

#include "core/inspect.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/support.h"

static const struct elf_kind wide = {ELFCLASS64, EM_X86_64}, narrow = {ELFCLASS32, EM_386};

static char dir[] = "/tmp/socksify-library-XXXXXX";

static const char *const directories[] = {"lib", "lib64", "lib32", "lib/x86_64-linux-gnu",
                                          "lib/i386-linux-gnu"};

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void write_library(const char *directory, const struct elf_kind *kind)
{
    char path[64];
    Elf64_Ehdr header = {.e_type = ET_DYN, .e_machine = kind->machine};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = kind->class;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    snprintf(path, sizeof(path), "%s/x.so", directory);
    write_file(path, &header, sizeof(header));
}

/* Strings as a compiler lays them down, one of them the name. */
static const char *write_loader(const char *name)
{
    char bytes[128];
    int len =
        snprintf(bytes, sizeof(bytes), "/%s/%clibs%c%s%c%s/x%cld", name, 0, 0, name, 0, name, 0);
    write_file("loader", bytes, (size_t)len);
    return "loader";
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chdir(dir), 0);
    for (size_t i = 0; i < COUNT(directories); i++)
        ck_assert_int_eq(mkdir(directories[i], 0700), 0);
}

static void remove_libraries(void)
{
    char path[64];
    for (size_t i = 0; i < COUNT(directories); i++) {
        snprintf(path, sizeof(path), "%s/x.so", directories[i]);
        unlink(path);
    }
}

static void tear_down(void)
{
    remove_libraries();
    unlink("loader");
    for (size_t i = COUNT(directories); i-- > 0;)
        rmdir(directories[i]);
    rmdir(dir);
}

static const char *found(const char *item, const struct elf_kind *kind, const char *loader)
{
    static char path[PATH_MAX];
    return library_find(item, kind, loader, path, sizeof(path)) ? path : NULL;
}

START_TEST(the_loader_says_which_directory_it_takes)
{
    for (size_t i = 0; i < COUNT(directories); i++)
        write_library(directories[i], &narrow);
    for (size_t i = 0; i < COUNT(directories); i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "./%s/x.so", directories[i]);
        const char *path = found("./$LIB/x.so", &narrow, write_loader(directories[i]));
        ck_assert_ptr_nonnull(path);
        ck_assert_str_eq(path, wanted);
    }
    remove_libraries();
}
END_TEST

START_TEST(a_library_that_the_loader_would_not_load_is_none)
{
    const char *item = "./$LIB/x.so";
    write_library("lib64", &wide);
    ck_assert_ptr_nonnull(found(item, &wide, write_loader("lib64")));
    ck_assert_ptr_null(found(item, &wide, write_loader("lib")));
    ck_assert_ptr_null(found(item, &wide, write_loader("lib64x")));
    ck_assert_ptr_null(found(item, &wide, write_loader("xlib64")));
    ck_assert_ptr_null(found(item, &narrow, write_loader("lib64")));
    ck_assert_ptr_null(found(item, &wide, "nothing"));
    ck_assert_ptr_null(found(item, &wide, "."));
    ck_assert_ptr_null(found(item, &wide, ""));
    write_file("loader", "", 0);
    ck_assert_ptr_null(found(item, &wide, "loader"));
    write_file("lib64/x.so", ELFMAG, SELFMAG);
    ck_assert_ptr_null(found(item, &wide, write_loader("lib64")));
    remove_libraries();
}
END_TEST

START_TEST(no_other_dollar_sign_is_understood)
{
    static const char *const items[] = {
        "./lib64/x.so",      "./$LIBRARY/x.so", "./${LIB}/x.so",    "./$LIB",
        "$ORIGIN/$LIB/x.so", "./$LIB/$x.so",    "./$PLATFORM/x.so", "",
    };
    write_library("lib64", &wide);
    const char *loader = write_loader("lib64");
    for (size_t i = 0; i < COUNT(items); i++)
        ck_assert_msg(!found(items[i], &wide, loader), "%s", items[i]);
    remove_libraries();
}
END_TEST

START_TEST(a_path_that_does_not_fit_is_not_cut)
{
    char path[sizeof("./lib64/x.so") + 1];
    write_library("lib64", &wide);
    write_file("lib64/x.s", "", 0);
    const char *loader = write_loader("lib64");
    ck_assert(library_find("./$LIB/x.so", &wide, loader, path, sizeof(path)));
    ck_assert(!library_find("./$LIB/x.so", &wide, loader, path, sizeof("./lib64/x.s")));
    unlink("lib64/x.s");
    remove_libraries();
}
END_TEST

/* What was inspected, and what becomes of it. */
static enum inspection_kind judged(enum inspection_kind kind, const struct elf_kind *elf,
                                   const char *loader, const char *item)
{
    struct inspection program = {.kind = kind, .elf = *elf};
    snprintf(program.loader, sizeof(program.loader), "%s", loader);
    library_judge(item, &program);
    return program.kind;
}

START_TEST(a_program_of_the_other_class_is_reached_by_a_library_of_it)
{
    const char *item = "./$LIB/x.so", *loader = write_loader("lib32");
    ck_assert_int_eq(judged(INSPECTION_OTHER_CLASS, &narrow, loader, item), INSPECTION_OTHER_CLASS);
    write_library("lib32", &narrow);
    ck_assert_int_eq(judged(INSPECTION_OTHER_CLASS, &narrow, loader, item), INSPECTION_REACHED);
    ck_assert_int_eq(judged(INSPECTION_OTHER_CLASS, &narrow, loader, "./lib32/x.so"),
                     INSPECTION_OTHER_CLASS);
    ck_assert_int_eq(judged(INSPECTION_STATIC, &narrow, loader, item), INSPECTION_STATIC);
    ck_assert_int_eq(judged(INSPECTION_GO, &narrow, loader, item), INSPECTION_GO);
    remove_libraries();
}
END_TEST

START_TEST(a_loader_that_is_not_ours_must_find_the_library_too)
{
    const char *item = "./$LIB/x.so", *loader = write_loader("lib64");
    ck_assert_int_eq(judged(INSPECTION_REACHED, &wide, elf_our_loader(), item), INSPECTION_REACHED);
    ck_assert_int_eq(judged(INSPECTION_REACHED, &wide, "", item), INSPECTION_REACHED);
    ck_assert_int_eq(judged(INSPECTION_REACHED, &wide, loader, "/x.so"), INSPECTION_REACHED);
    ck_assert_int_eq(judged(INSPECTION_REACHED, &wide, loader, item), INSPECTION_OTHER_LIBC);
    write_library("lib64", &wide);
    ck_assert_int_eq(judged(INSPECTION_REACHED, &wide, loader, item), INSPECTION_REACHED);
    remove_libraries();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library");
    TCase *group = tcase_create("library");
    tcase_add_unchecked_fixture(group, set_up, tear_down);
    tcase_add_test(group, the_loader_says_which_directory_it_takes);
    tcase_add_test(group, a_library_that_the_loader_would_not_load_is_none);
    tcase_add_test(group, no_other_dollar_sign_is_understood);
    tcase_add_test(group, a_path_that_does_not_fit_is_not_cut);
    tcase_add_test(group, a_program_of_the_other_class_is_reached_by_a_library_of_it);
    tcase_add_test(group, a_loader_that_is_not_ours_must_find_the_library_too);
    suite_add_tcase(suite, group);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
