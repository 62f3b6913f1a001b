/* SPDX-License-Identifier: MIT
 * The arena: pieces are zeroed, aligned, apart from each other, and given back at once. */
#include "core/arena.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

START_TEST(pieces_are_zeroed_aligned_and_do_not_overlap)
{
    enum { COUNT = 4000 };
    static unsigned char *pieces[COUNT];
    static size_t sizes[COUNT];
    struct arena *arena = arena_new();
    ck_assert_ptr_nonnull(arena);
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i * 7919 % 300;
        pieces[i] = arena_alloc(arena, sizes[i]);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            ck_assert_uint_eq(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 251 + 1), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            ck_assert_uint_eq(pieces[i][k], i % 251 + 1);
    arena_free(arena);
}
END_TEST

START_TEST(a_piece_may_be_larger_than_any_chunk)
{
    struct arena *arena = arena_new();
    char *before = arena_alloc(arena, 16);
    unsigned char *large = arena_alloc(arena, 20 << 20);
    char *after = arena_alloc(arena, 16);
    ck_assert_ptr_nonnull(large);
    ck_assert_ptr_nonnull(after);
    ck_assert_uint_eq(large[0] | large[(20 << 20) - 1], 0);
    memset(large, 0xff, 20 << 20);
    ck_assert_int_eq(before[15] | after[0], 0);
    ck_assert_int_eq(after - before, 16); /* the common chunk stayed in use */
    arena_free(arena);
}
END_TEST

START_TEST(what_was_reserved_is_handed_out_in_one_run)
{
    enum { SIZE = 5 << 20, PIECE = 48 };
    struct arena *arena = arena_new();
    arena_reserve(arena, SIZE_MAX);
    arena_reserve(arena, SIZE);
    unsigned char *first = arena_alloc(arena, PIECE);
    for (size_t i = 1; i < SIZE / PIECE; i++) {
        unsigned char *piece = arena_alloc(arena, PIECE);
        ck_assert_ptr_eq(piece, first + i * PIECE);
        ck_assert_int_eq(piece[0] | piece[PIECE - 1], 0);
        memset(piece, 0xff, PIECE);
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_size_that_cannot_be_had_gives_null_and_the_arena_lives_on)
{
    struct arena *arena = arena_new();
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX - 8));
    ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX / 2));
    ck_assert_ptr_nonnull(arena_alloc(arena, 1));
    arena_free(arena);
}
END_TEST

START_TEST(a_copy_ends_in_nul)
{
    struct arena *arena = arena_new();
    memset(arena_alloc(arena, 64), 0xff, 64);
    ck_assert_str_eq(arena_copy(arena, "socksify.conf", 8), "socksify");
    ck_assert_str_eq(arena_copy(arena, NULL, 0), "");
    arena_free(arena);
}
END_TEST

/* Octets of address space of this process. */
static long address_space(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * 4096;
}

START_TEST(everything_is_given_back)
{
    arena_free(NULL);
    address_space(); /* stdio has its buffers now */
    long before = address_space();
    for (int round = 0; round < 20; round++) {
        struct arena *arena = arena_new();
        for (int i = 0; i < 1000; i++)
            ck_assert_ptr_nonnull(arena_alloc(arena, 20000));
        arena_free(arena);
    }
    ck_assert_int_lt(address_space() - before, 20 << 20); /* one round's worth */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tc = tcase_create("arena");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, pieces_are_zeroed_aligned_and_do_not_overlap);
    tcase_add_test(tc, a_piece_may_be_larger_than_any_chunk);
    tcase_add_test(tc, what_was_reserved_is_handed_out_in_one_run);
    tcase_add_test(tc, a_size_that_cannot_be_had_gives_null_and_the_arena_lives_on);
    tcase_add_test(tc, a_copy_ends_in_nul);
    tcase_add_test(tc, everything_is_given_back);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
