/* SPDX-License-Identifier: MIT
 * The map of host names under thousands of thread schedules that are chosen, not hoped for: every
 * atomic operation of core/names.c is a place where another thread may go on, or where its own may
 * end for ever. */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void step(void);

static uint64_t stepped_load(const uint64_t *place)
{
    step();
    return __atomic_load_n(place, __ATOMIC_SEQ_CST);
}

static void stepped_store(uint64_t *place, uint64_t value)
{
    step();
    __atomic_store_n(place, value, __ATOMIC_SEQ_CST);
}

static uint64_t stepped_add(uint64_t *place, uint64_t value)
{
    step();
    return __atomic_fetch_add(place, value, __ATOMIC_SEQ_CST);
}

static bool stepped_exchange(uint64_t *place, uint64_t *expected, uint64_t value)
{
    step();
    return __atomic_compare_exchange_n(place, expected, value, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* A second copy of the module, with its atomic operations under our control. */
#define __atomic_load_n(place, order) stepped_load(place)
#define __atomic_store_n(place, value, order) stepped_store(place, value)
#define __atomic_fetch_add(place, value, order) stepped_add(place, value)
#define __atomic_compare_exchange_n(place, expected, value, weak, order, failure)                  \
    stepped_exchange(place, expected, value)
#define names_init stepped_names_init
#define names_is_map stepped_names_is_map
#define names_standin stepped_names_standin
#define names_lookup stepped_names_lookup
#include "core/names.c"
#include "core/names_file.h"

enum { ACTORS = 4, SCHEDULES = 2500, OLD_NAMES = 6 };

/* One thread at a time: the one whose baton is up. */
struct actor {
    pthread_t thread;
    sem_t baton;
    unsigned number;
    bool ended;
    bool dies;
    unsigned steps_left; /* until it dies */
    uint32_t index;      /* what it was given; 0 for one that ages the map, or died */
};

static struct actor actors[ACTORS];
static __thread struct actor *self; /* NULL outside of a schedule: no stepping */
static struct names *map;
static char contested[64];
static sem_t all_ended;
static unsigned switch_one_in; /* a schedule's pace: how many steps between changes, on average */
static uint64_t random_state = 0x9e3779b97f4a7c15;

static unsigned random_below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 16) % bound);
}

/* Any actor that has not ended, or NULL. */
static struct actor *pick(void)
{
    unsigned first = random_below(ACTORS);

    for (unsigned i = 0; i < ACTORS; i++)
        if (!actors[(first + i) % ACTORS].ended)
            return &actors[(first + i) % ACTORS];
    return NULL;
}

static void end_turn(void)
{
    self->ended = true;
    struct actor *next = pick();
    sem_post(next == NULL ? &all_ended : &next->baton);
}

static void step(void)
{
    if (self == NULL)
        return;
    if (self->dies && self->steps_left-- == 0) {
        end_turn();
        pthread_exit(NULL);
    }
    if (random_below(switch_one_in) != 0)
        return;
    struct actor *next = pick();
    if (next == self)
        return;
    sem_post(&next->baton);
    sem_wait(&self->baton);
}

static void *act(void *argument)
{
    char filler[64];

    self = argument;
    sem_wait(&self->baton);
    if (self->number == 0) {
        /* Takes places, and makes old names pass the end of their life one after the other. */
        for (unsigned i = 0; i < 3; i++) {
            size_t len = (size_t)snprintf(filler, sizeof(filler), "%s-%u", contested, i);
            stepped_names_standin(map, filler, len);
            stepped_add(&map->slot_next, 1 + random_below(2));
        }
    } else {
        self->index = stepped_names_standin(map, contested, strlen(contested));
    }
    end_turn();
    return NULL;
}

/* All names in one window, the first places held by names that are about to grow too old. */
static void prepare(unsigned schedule)
{
    char name[64];
    const char *why;

    if (map == NULL) {
        map = names_open(NULL, &why);
        ck_assert_ptr_nonnull(map);
        map->seed[1] = 0; /* one hash for all */
    }
    memset(map->index, 0, sizeof(map->index));
    for (unsigned i = 0; i < OLD_NAMES; i++)
        stepped_names_standin(map, name,
                              (size_t)snprintf(name, sizeof(name), "old-%u-%u", schedule, i));
    map->slot_next += SLOT_LIFE - OLD_NAMES - random_below(4);
    snprintf(contested, sizeof(contested), "contested-%u.example.com", schedule);
}

static void run(bool with_deaths)
{
    switch_one_in = 2 + random_below(60);
    sem_init(&all_ended, 0, 0);
    for (unsigned i = 0; i < ACTORS; i++) {
        actors[i].number = i;
        actors[i].ended = false;
        actors[i].index = 0;
        actors[i].dies = with_deaths && i >= 2;
        actors[i].steps_left = random_below(150);
        sem_init(&actors[i].baton, 0, 0);
        ck_assert_int_eq(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    }
    sem_post(&pick()->baton);
    sem_wait(&all_ended);
    for (unsigned i = 0; i < ACTORS; i++)
        pthread_join(actors[i].thread, NULL);
}

static unsigned count_standins(uint64_t from)
{
    char found[256];
    unsigned count = 0;

    for (uint64_t sequence = from; sequence < map->slot_next; sequence++)
        if (stepped_names_lookup(map, sequence & SLOT_MASK, found) != 0)
            count += strcmp(found, contested) == 0;
    return count;
}

static void run_schedules(bool with_deaths)
{
    char found[256];

    for (unsigned schedule = 0; schedule < SCHEDULES; schedule++) {
        prepare(schedule);
        uint64_t from = map->slot_next;
        run(with_deaths);

        uint32_t index = stepped_names_standin(map, contested, strlen(contested));
        ck_assert_uint_eq(stepped_names_lookup(map, index, found), strlen(contested));
        ck_assert_str_eq(found, contested);
        for (unsigned i = 1; i < ACTORS; i++)
            ck_assert_msg(actors[i].index == index || (actors[i].index == 0 && actors[i].dies),
                          "schedule %u: actor %u has %u, not %u", schedule, i, actors[i].index,
                          index);
        /* The dead may leave a stand-in that nobody was given. */
        unsigned count = count_standins(from);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, with_deaths ? 3 : 1);

        /* Nor does anything come to light when the one that won grows old. */
        map->slot_next = from + SLOT_LIFE - 10;
        for (unsigned i = 0; i < 40; i++) {
            map->slot_next++;
            index = stepped_names_standin(map, contested, strlen(contested));
            ck_assert_uint_eq(stepped_names_lookup(map, index, found), strlen(contested));
        }
    }
    names_close(map);
    map = NULL;
}

START_TEST(names_have_one_standin_under_every_schedule)
{
    run_schedules(false);
}
END_TEST

START_TEST(names_have_one_standin_whoever_dies_and_where)
{
    run_schedules(true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names_schedules");
    TCase *schedules = tcase_create("schedules");

    tcase_set_timeout(schedules, 120);
    tcase_add_test(schedules, names_have_one_standin_under_every_schedule);
    tcase_add_test(schedules, names_have_one_standin_whoever_dies_and_where);
    suite_add_tcase(suite, schedules);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
