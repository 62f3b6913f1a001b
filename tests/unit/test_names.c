/* SPDX-License-Identifier: MIT
 * The map of host names: what it promises alone, under many threads and processes at once, under
 * sudden death, and on files that somebody else had his hands on. */
#include "core/names.h"

#include "core/names_address.h"
#include "core/names_file.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_SIZE = 4096 + (9 << 20),
    HEAD_SIZE = 4096,
    NAME_COUNT = 100000,
    NOBODY = 65534, /* a user we are not */
};

static char directory[64];
static char path[96];

static void make_directory(void)
{
    snprintf(directory, sizeof(directory), "%s/socksify-names-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/names", directory);
}

static void remove_directory(void)
{
    char command[128];

    chmod(directory, 0700);
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

static struct names *open_file(void)
{
    const char *why = "unset";
    struct names *names = names_open(path, &why);

    ck_assert_ptr_nonnull(names);
    ck_assert_msg(why == NULL, "the file is not in use: %s", why);
    return names;
}

static struct names *open_anonymous(void)
{
    const char *why = NULL;
    struct names *names = names_open(NULL, &why);

    ck_assert_ptr_nonnull(names);
    ck_assert_ptr_nonnull(why);
    return names;
}

static uint32_t standin(struct names *names, const char *name)
{
    return names_standin(names, name, strlen(name));
}

static size_t number_name(char name[static 256], const char *prefix, unsigned number)
{
    return (size_t)snprintf(name, 256, "%s-%u.example.com", prefix, number);
}

/* True when index stands for this name. */
static bool stands_for(struct names *names, uint32_t index, const char *name)
{
    char found[256];
    size_t len = names_lookup(names, index, found);

    return len == strlen(name) && strcmp(found, name) == 0;
}

/* A page of zeros shared with children. */
static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

/* How often a name is met when all stand-ins are looked up. */
static unsigned count_standins(struct names *names, const char *name)
{
    unsigned count = 0;

    for (uint32_t index = 1; index < NAMES_POOL; index++)
        count += stands_for(names, index, name);
    return count;
}

START_TEST(names_same_name_has_same_standin)
{
    struct names *names = open_anonymous();
    uint32_t first = standin(names, "example.com");
    uint32_t second = standin(names, "example.org");

    ck_assert_uint_ne(first, 0);
    ck_assert_uint_lt(first, NAMES_POOL);
    ck_assert_uint_ne(first, second);
    ck_assert_uint_eq(standin(names, "example.com"), first);
    ck_assert_uint_eq(standin(names, "example.org"), second);
    ck_assert_uint_eq(names_standin(names, "example.com.and.more", 11), first);
    ck_assert(stands_for(names, first, "example.com"));
    ck_assert(stands_for(names, second, "example.org"));
    names_close(names);
}
END_TEST

START_TEST(names_one_hundred_thousand_are_distinct_and_found)
{
    struct names *names = open_file();
    static uint8_t taken[NAMES_POOL];
    static uint32_t given[NAME_COUNT];
    char name[256];

    for (unsigned i = 0; i < NAME_COUNT; i++) {
        given[i] = names_standin(names, name, number_name(name, "host", i));
        ck_assert_uint_ne(given[i], 0);
        ck_assert_uint_lt(given[i], NAMES_POOL);
        ck_assert_uint_eq(taken[given[i]]++, 0);
    }
    for (unsigned i = 0; i < NAME_COUNT; i++) {
        size_t len = number_name(name, "host", i);
        ck_assert(stands_for(names, given[i], name));
        ck_assert_uint_eq(names_standin(names, name, len), given[i]);
    }
    names_close(names);
}
END_TEST

START_TEST(names_of_every_length_are_kept)
{
    struct names *names = open_anonymous();
    uint32_t given[256];
    char name[257], found[256];

    memset(name, 'x', sizeof(name));
    for (size_t len = 1; len <= 255; len++)
        given[len] = names_standin(names, name, len);
    for (size_t len = 1; len <= 255; len++) {
        ck_assert_uint_eq(names_standin(names, name, len), given[len]);
        ck_assert_uint_eq(names_lookup(names, given[len], found), len);
        ck_assert_mem_eq(found, name, len);
        ck_assert_int_eq(found[len], '\0');
    }
    ck_assert_uint_eq(names_standin(names, name, 0), 0);
    ck_assert_uint_eq(names_standin(names, name, 256), 0);
    ck_assert_uint_eq(names_standin(names, name, SIZE_MAX), 0);
    names_close(names);
}
END_TEST

START_TEST(names_unknown_index_stands_for_nothing)
{
    struct names *names = open_anonymous();
    char found[256];
    uint32_t known = standin(names, "example.com");

    for (uint32_t index = 0; index < NAMES_POOL + 10; index++)
        ck_assert_uint_eq(names_lookup(names, index, found), index == known ? 11 : 0);
    ck_assert_uint_eq(names_lookup(names, UINT32_MAX, found), 0);
    names_close(names);
}
END_TEST

START_TEST(names_oldest_makes_room_in_a_full_pool)
{
    struct names *names = open_anonymous();
    unsigned total = 2 * NAMES_POOL + 1000;
    uint32_t *given = calloc(total, sizeof(*given));
    static unsigned owner[NAMES_POOL];
    char name[256];

    for (unsigned i = 0; i < total; i++) {
        given[i] = names_standin(names, name, number_name(name, "host", i));
        ck_assert_uint_ne(given[i], 0);
        owner[given[i]] = i;
        if (i >= 100) { /* one that was just given out is never the one to go */
            number_name(name, "host", i - 100);
            ck_assert(stands_for(names, given[i - 100], name));
        }
    }
    /* Each stand-in belongs to its newest name; the NAMES_POOL - 1 newest names are all there. */
    for (unsigned i = total - (NAMES_POOL - 1); i < total; i++) {
        number_name(name, "host", i);
        ck_assert_uint_eq(owner[given[i]], i);
        ck_assert(stands_for(names, given[i], name));
    }
    for (unsigned i = 0; i < 1000; i++) {
        number_name(name, "host", i);
        ck_assert(!stands_for(names, given[i], name));
    }
    for (unsigned i = total - 100000; i < total; i++)
        ck_assert_uint_eq(names_standin(names, name, number_name(name, "host", i)), given[i]);
    free(given);
    names_close(names);
}
END_TEST

START_TEST(names_about_to_go_get_a_new_standin)
{
    struct names *names = open_anonymous();
    uint32_t first = standin(names, "old.example.com"), second;
    char name[256];
    unsigned i = 0;

    while ((second = standin(names, "old.example.com")) == first && i < NAMES_POOL)
        names_standin(names, name, number_name(name, "host", i++));
    ck_assert_uint_ne(second, first);
    ck_assert_uint_gt(i, 100000);
    ck_assert_uint_lt(i, NAMES_POOL - 1000);
    ck_assert(stands_for(names, first, "old.example.com"));
    ck_assert(stands_for(names, second, "old.example.com"));
    names_close(names);
}
END_TEST

START_TEST(names_oldest_makes_room_in_a_full_heap)
{
    struct names *names = open_anonymous();
    unsigned total = 60000, kept = 20000;
    uint32_t *given = calloc(total, sizeof(*given));
    char name[256];

    memset(name, 'x', 255);
    for (unsigned i = 0; i < total; i++) {
        snprintf(name, sizeof(name), "%06u", i);
        name[6] = 'x';
        given[i] = names_standin(names, name, 255);
        ck_assert_uint_ne(given[i], 0);
    }
    name[255] = '\0';
    for (unsigned i = 0; i < total; i++) {
        snprintf(name, sizeof(name), "%06u", i);
        name[6] = 'x';
        if (i < 30000)
            ck_assert(!stands_for(names, given[i], name));
        if (i >= total - kept) {
            ck_assert(stands_for(names, given[i], name));
            ck_assert_uint_eq(names_standin(names, name, 255), given[i]);
        }
    }
    free(given);
    names_close(names);
}
END_TEST

START_TEST(names_are_still_there_when_the_file_is_opened_again)
{
    struct names *names = open_file();
    uint32_t index = standin(names, "example.com");
    struct stat st;

    names_close(names);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISREG(st.st_mode));
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(st.st_size, FILE_SIZE);
    ck_assert_int_eq(st.st_nlink, 1);
    ck_assert_int_ge(st.st_blocks * 512, FILE_SIZE);

    names = open_file();
    ck_assert(stands_for(names, index, "example.com"));
    ck_assert_uint_eq(standin(names, "example.com"), index);
    names_close(names);
}
END_TEST

START_TEST(names_are_shared_between_two_maps_of_one_file)
{
    struct names *one = open_file(), *other = open_file();
    uint32_t index = standin(one, "example.com");

    ck_assert_ptr_ne(one, other);
    ck_assert(stands_for(other, index, "example.com"));
    ck_assert_uint_eq(standin(other, "example.com"), index);
    names_close(one);
    names_close(other);
}
END_TEST

START_TEST(names_open_leaves_no_descriptor_and_no_other_file)
{
    int before = dup(0);
    close(before);
    struct names *names = open_file();
    int after = dup(0);
    close(after);
    char command[128];

    ck_assert_int_eq(before, after);
    snprintf(command, sizeof(command), "test \"$(ls -A '%s')\" = names", directory);
    ck_assert_int_eq(system(command), 0);
    names_close(names);
}
END_TEST

START_TEST(names_open_keeps_errno_and_ignores_umask)
{
    umask(0777);
    errno = E2BIG;
    names_close(open_file());
    ck_assert_int_eq(errno, E2BIG);
    names_close(open_file());
    ck_assert_int_eq(errno, E2BIG);
}
END_TEST

START_TEST(names_map_outlives_its_file_and_its_descriptors)
{
    struct names *names = open_file();
    uint32_t index = standin(names, "example.com");

    ck_assert_int_eq(unlink(path), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close_range(3, ~0U, 0);
        if (geteuid() == 0 && (chroot(directory) != 0 || setuid(NOBODY) != 0))
            _exit(2);
        _exit(!stands_for(names, index, "example.com") || standin(names, "child.example") == 0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count_standins(names, "child.example"), 1);
    names_close(names);
}
END_TEST

/* The file is refused, and a working anonymous map is there instead. */
static void assert_refused(const char *words)
{
    const char *why = NULL;
    struct names *names = names_open(path, &why);

    ck_assert_ptr_nonnull(names);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, words) != NULL, "why: %s", why);
    uint32_t index = standin(names, "example.com");
    ck_assert(stands_for(names, index, "example.com"));
    names_close(names);
}

static void write_file(const void *data, size_t len, size_t size)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    ck_assert_int_eq(pwrite(fd, data, len, 0), (ssize_t)len);
    close(fd);
}

START_TEST(names_file_that_is_a_symbolic_link_is_refused)
{
    char target[128];

    names_close(open_file());
    snprintf(target, sizeof(target), "%s.target", path);
    ck_assert_int_eq(rename(path, target), 0);
    ck_assert_int_eq(symlink(target, path), 0);
    assert_refused("symbolic link");
    ck_assert_int_eq(unlink(target), 0); /* a dangling one is not followed to make a file either */
    assert_refused("symbolic link");
    ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(names_file_of_another_mode_is_refused)
{
    static const mode_t modes[] = {0644, 0660, 0606, 0700, 02600, 04600};

    names_close(open_file());
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        assert_refused("mode");
    }
    ck_assert_int_eq(chmod(path, 0600), 0);
    names_close(open_file());
}
END_TEST

START_TEST(names_file_of_another_user_is_refused)
{
    names_close(open_file());
    if (geteuid() != 0)
        return; /* only root can give a file away, or open one that is not his */
    ck_assert_int_eq(chown(path, NOBODY, (gid_t)-1), 0);
    assert_refused("another user");
}
END_TEST

START_TEST(names_file_with_a_second_name_is_refused)
{
    char second[128];

    names_close(open_file());
    snprintf(second, sizeof(second), "%s.second", path);
    ck_assert_int_eq(link(path, second), 0);
    assert_refused("more than one name");
}
END_TEST

START_TEST(names_file_of_another_size_is_refused)
{
    static const off_t sizes[] = {0, 1, HEAD_SIZE, FILE_SIZE - 1, FILE_SIZE + 1};

    names_close(open_file());
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ck_assert_int_eq(truncate(path, sizes[i]), 0);
        assert_refused("size");
    }
}
END_TEST

START_TEST(names_file_with_another_head_is_refused)
{
    uint8_t head[16], bad[16];

    names_close(open_file());
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(read(fd, head, sizeof(head)), sizeof(head));
    close(fd);
    for (size_t i = 0; i < sizeof(head); i++) {
        memcpy(bad, head, sizeof(head));
        bad[i] ^= 0x40;
        write_file(bad, sizeof(bad), FILE_SIZE);
        assert_refused("head");
    }
    write_file(head, sizeof(head), FILE_SIZE);
    names_close(open_file());
}
END_TEST

START_TEST(names_file_of_zeros_is_refused)
{
    write_file("", 0, FILE_SIZE);
    assert_refused("head");
}
END_TEST

START_TEST(names_path_that_is_no_file_is_refused_at_once)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_refused("cannot be opened");
    ck_assert_int_eq(rmdir(path), 0);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_refused("regular");
    ck_assert_int_eq(unlink(path), 0);

    snprintf(path, sizeof(path), "%s/none/names", directory);
    assert_refused("cannot be made");
    snprintf(path, sizeof(path), "/dev/null");
    assert_refused("regular");
    snprintf(path, sizeof(path), "/dev/null/names");
    assert_refused("cannot be opened");
    path[0] = '\0';
    assert_refused("");

    char endless[6000];
    const char *why = NULL;
    memset(endless, 'x', sizeof(endless));
    endless[sizeof(endless) - 1] = '\0';
    struct names *names = names_open(endless, &why);
    ck_assert_ptr_nonnull(names);
    ck_assert_ptr_nonnull(why);
    names_close(names);
}
END_TEST

START_TEST(names_directory_that_is_not_writable_gives_an_anonymous_map)
{
    ck_assert_int_eq(chmod(directory, 0555), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(NOBODY), 0);
    assert_refused("cannot be made");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(names_limit_on_file_sizes_gives_an_anonymous_map_and_no_signal)
{
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_refused("limit");
    limit.rlim_cur = before;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* A small generator of our own: the same numbers on every machine. */
static uint64_t random_state = 0x2545f4914f6cdd1d;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

START_TEST(names_damaged_map_is_survived)
{
    char name[256], found[256];

    for (unsigned round = 0; round < 16; round++) {
        struct names *names = open_file();
        uint64_t *word = (uint64_t *)names;
        size_t words = FILE_SIZE / 8;

        for (unsigned i = 0; i < 2000; i++)
            names_standin(names, name, number_name(name, "host", i));
        /* Everything behind magic, version and size: all of it random, or all ones, or single bits
         * turned, or the counters alone. */
        for (size_t i = 2; i < words; i++) {
            if (round % 4 == 0)
                word[i] = random_next();
            else if (round % 4 == 1)
                word[i] = UINT64_MAX;
            else if (round % 4 == 2)
                word[i] ^= UINT64_C(1) << (random_next() % 64);
            else if (i < HEAD_SIZE / 8)
                word[i] = random_next();
        }
        names_close(names);
        names = open_file();
        for (unsigned i = 0; i < 20000; i++) {
            size_t len = names_lookup(names, (uint32_t)random_next() % NAMES_POOL, found);
            ck_assert_uint_le(len, 255);
            ck_assert_int_eq(found[len], len == 0 ? found[0] : '\0');
        }
        for (unsigned i = 0; i < 4000; i++) {
            uint32_t index = names_standin(names, name, number_name(name, "host", i));
            ck_assert_uint_lt(index, NAMES_POOL);
        }
        names_close(names);
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(names_map_that_is_being_damaged_is_survived)
{
    struct names *names = open_file();
    char name[256], found[256];

    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        volatile uint64_t *word = (volatile uint64_t *)names;
        for (;;) {
            uint64_t at = random_next();
            word[at % 8 == 0 ? 8 + at / 8 % 2 : 2 + at / 8 % (FILE_SIZE / 8 - 2)] = random_next();
        }
    }
    for (unsigned i = 0; i < 200000; i++) {
        uint32_t index = names_standin(names, name, number_name(name, "host", i % 5000));
        ck_assert_uint_lt(index, NAMES_POOL);
        ck_assert_uint_le(names_lookup(names, index, found), 255);
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    names_close(names);
}
END_TEST

enum { CROWD_NAMES = 6000, CROWD_THREADS = 4 };

/* What a crowd of threads of several processes agrees upon. */
struct crowd {
    uint32_t given[CROWD_NAMES]; /* by the first who asked */
    unsigned quarrels;           /* answers that differ from it */
    unsigned lost;               /* answers that lead to another name, or to none */
    unsigned ready;
};

struct member {
    struct crowd *crowd;
    struct names *names;
    unsigned number;
};

static void *join_crowd(void *argument)
{
    const struct member *member = argument;
    struct crowd *crowd = member->crowd;
    char name[256];

    for (unsigned i = 0; i < CROWD_NAMES; i++) {
        /* Half of them go upwards together, half come towards them. */
        unsigned n = member->number % 2 == 0 ? i : CROWD_NAMES - 1 - i;
        uint32_t index = names_standin(member->names, name, number_name(name, "crowd", n));
        uint32_t first = 0;
        if (!__atomic_compare_exchange_n(&crowd->given[n], &first, index, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST) &&
            first != index)
            __atomic_add_fetch(&crowd->quarrels, 1, __ATOMIC_SEQ_CST);
        if (!stands_for(member->names, index, name))
            __atomic_add_fetch(&crowd->lost, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* Never returns. */
static void run_crowd_child(struct crowd *crowd, struct names *names, unsigned number,
                            unsigned threads, int gate)
{
    pthread_t thread[CROWD_THREADS];
    struct member member[CROWD_THREADS];
    char octet;

    /* The gate opens when the parent closes its end. */
    if (read(gate, &octet, 1) != 0)
        _exit(2);
    for (unsigned i = 0; i < threads; i++) {
        member[i] = (struct member){crowd, names, number + i};
        if (pthread_create(&thread[i], NULL, join_crowd, &member[i]) != 0)
            _exit(3);
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    _exit(0);
}

static void run_crowd(unsigned processes, unsigned threads)
{
    struct crowd *crowd = share(sizeof(*crowd));
    pid_t pid[16];
    int gate[2], status;
    char name[256];

    ck_assert_int_eq(pipe(gate), 0);
    for (unsigned i = 0; i < processes; i++) {
        pid[i] = fork();
        ck_assert_int_ge(pid[i], 0);
        if (pid[i] == 0) {
            close(gate[1]);
            run_crowd_child(crowd, open_file(), i * threads, threads, gate[0]);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (unsigned i = 0; i < processes; i++) {
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(crowd->quarrels, 0);
    ck_assert_uint_eq(crowd->lost, 0);

    /* Found by a newcomer, and every stand-in that is given out is another name's. */
    struct names *names = open_file();
    static uint8_t taken[NAMES_POOL];
    memset(taken, 0, sizeof(taken));
    for (unsigned i = 0; i < CROWD_NAMES; i++) {
        ck_assert_uint_eq(names_standin(names, name, number_name(name, "crowd", i)),
                          crowd->given[i]);
        ck_assert_uint_eq(taken[crowd->given[i]]++, 0);
    }
    char found[256];
    unsigned standing = 0;
    for (uint32_t index = 1; index < NAMES_POOL; index++)
        standing += names_lookup(names, index, found) != 0;
    ck_assert_uint_eq(standing, CROWD_NAMES);
    names_close(names);
    munmap(crowd, sizeof(*crowd));
}

START_TEST(names_of_two_processes_agree)
{
    run_crowd(2, 1);
}
END_TEST

START_TEST(names_of_sixteen_processes_with_four_threads_agree)
{
    run_crowd(16, CROWD_THREADS);
}
END_TEST

enum { RACERS = 4, RACES = 20000, SEED_OFFSET = 24 };

struct race {
    unsigned round[RACERS]; /* that each has reached */
    uint32_t index[RACERS]; /* of the name of a round, by turns */
    unsigned doubled;
};

static void run_racer(struct race *race, struct names *names, unsigned me)
{
    char name[256];

    for (unsigned round = 1; round <= RACES; round++) {
        __atomic_add_fetch(&race->round[me], 1, __ATOMIC_SEQ_CST);
        for (unsigned i = 0; i < RACERS; i++)
            for (unsigned spins = 0; __atomic_load_n(&race->round[i], __ATOMIC_SEQ_CST) < round;)
                if (++spins % 64 == 0)
                    sched_yield();
        if (me == 0) { /* moves what the others see as the place to take */
            for (unsigned i = 0; i < 5; i++)
                names_standin(names, name,
                              (size_t)snprintf(name, sizeof(name), "filler-%u-%u", round, i));
            continue;
        }
        size_t len = number_name(name, "race", round);
        uint32_t index = names_standin(names, name, len);
        uint32_t first = 0;
        if (!__atomic_compare_exchange_n(&race->index[round % RACERS], &first, index, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
            first != index)
            __atomic_add_fetch(&race->doubled, 1, __ATOMIC_SEQ_CST);
        if (names_standin(names, name, len) != index || !stands_for(names, index, name))
            __atomic_add_fetch(&race->doubled, 1, __ATOMIC_SEQ_CST);
        /* Nobody is two rounds ahead yet. */
        __atomic_store_n(&race->index[(round + 2) % RACERS], 0, __ATOMIC_SEQ_CST);
    }
}

static void run_race(struct names *names)
{
    struct race *race = share(sizeof(*race));
    pid_t pid[RACERS];
    int status;

    for (unsigned i = 0; i < RACERS; i++) {
        pid[i] = fork();
        ck_assert_int_ge(pid[i], 0);
        if (pid[i] == 0) {
            run_racer(race, names, i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < RACERS; i++) {
        ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_uint_eq(race->doubled, 0);
    munmap(race, sizeof(*race));
}

START_TEST(names_raced_for_in_a_full_pool_are_not_doubled)
{
    struct names *names = open_file();
    char name[256];

    for (unsigned i = 0; i < 3 * NAMES_POOL; i++)
        names_standin(names, name, number_name(name, "fill", i));
    run_race(names);
    names_close(names);
}
END_TEST

/* A seed of zero gives all names one hash: they crowd in one window of the index, where each new
 * one puts the oldest out, so that the racers disagree all the time about the place to take. */
START_TEST(names_raced_for_in_a_crowded_index_are_not_doubled)
{
    struct names *names = open_file();
    int fd = open(path, O_RDWR);

    ck_assert_int_eq(pwrite(fd, &(uint64_t){0}, 8, SEED_OFFSET), 8);
    close(fd);
    run_race(names);
    names_close(names);
}
END_TEST

START_TEST(names_record_that_was_overwritten_is_not_believed)
{
    struct names *names = open_file();
    uint8_t *octets = (uint8_t *)names;
    static const char victim[] = "victim.example.com";

    /* The word before the name says whose it is; then come the octets of the name. */
    for (int offset = -8; offset < (int)sizeof(victim) - 1; offset++) {
        uint32_t index = standin(names, victim);
        ck_assert(stands_for(names, index, victim));
        uint8_t *record = memmem(octets, FILE_SIZE, victim, sizeof(victim) - 1);
        ck_assert_ptr_nonnull(record);
        record[offset] ^= 1;
        ck_assert(!stands_for(names, index, victim));
        uint32_t other = standin(names, victim);
        ck_assert_uint_ne(other, index);
        ck_assert(stands_for(names, other, victim));
        memset(record, 0, sizeof(victim) - 1);
        memset(memmem(octets, FILE_SIZE, victim, sizeof(victim) - 1), 0, sizeof(victim) - 1);
    }
    names_close(names);
}
END_TEST

enum { DEATHS = 100, DEATH_MEMORY = 1 << 16, DEATH_CHECKED = 500 };

START_TEST(names_map_stays_whole_when_processes_die_in_the_middle)
{
    struct names *names = open_file();
    struct {
        unsigned done;
        uint32_t index[DEATH_MEMORY];
    } *progress = share(sizeof(*progress));
    char name[256];

    for (unsigned death = 0; death < DEATHS; death++) {
        unsigned start = progress->done, until = start + (unsigned)(random_next() % 1000);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            for (unsigned i = start;; i++) {
                progress->index[i % DEATH_MEMORY] =
                    names_standin(names, name, number_name(name, "die", i));
                __atomic_store_n(&progress->done, i + 1, __ATOMIC_SEQ_CST);
            }
        }
        while (__atomic_load_n(&progress->done, __ATOMIC_SEQ_CST) < until)
            sched_yield();
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);

        for (unsigned i = progress->done; i > 0 && i + DEATH_CHECKED > progress->done;) {
            size_t len = number_name(name, "die", --i);
            ck_assert(stands_for(names, progress->index[i % DEATH_MEMORY], name));
            ck_assert_uint_eq(names_standin(names, name, len), progress->index[i % DEATH_MEMORY]);
        }
        /* The one it died with has a stand-in now, whatever became of it then. */
        size_t len = number_name(name, "die", progress->done);
        uint32_t index = names_standin(names, name, len);
        ck_assert(stands_for(names, index, name));
        ck_assert_uint_eq(names_standin(names, name, len), index);
    }
    munmap(progress, sizeof(*progress));
    names_close(names);
}
END_TEST

START_TEST(names_file_appears_whole_when_many_make_it_at_once)
{
    int gate[2], status;
    pid_t pid[16];

    for (unsigned round = 0; round < 4; round++) {
        uint32_t *index = share(16 * sizeof(*index));
        ck_assert_int_eq(pipe(gate), 0);
        for (unsigned i = 0; i < 16; i++) {
            pid[i] = fork();
            ck_assert_int_ge(pid[i], 0);
            if (pid[i] == 0) {
                char octet;
                close(gate[1]);
                if (read(gate[0], &octet, 1) != 0)
                    _exit(2);
                index[i] = standin(open_file(), "example.com");
                _exit(0);
            }
        }
        close(gate[0]);
        close(gate[1]);
        for (unsigned i = 0; i < 16; i++) {
            ck_assert_int_eq(waitpid(pid[i], &status, 0), pid[i]);
            ck_assert_int_eq(status, 0);
            ck_assert_uint_eq(index[i], index[0]);
        }
        munmap(index, 16 * sizeof(*index));
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(names_path_is_in_the_runtime_directory_of_this_user_only)
{
    char buf[256], expected[256], fallback[256];

    snprintf(fallback, sizeof(fallback), "/dev/shm/socksify-%u.names", geteuid());
    snprintf(expected, sizeof(expected), "%s/socksify.names", directory);
    ck_assert_str_eq(names_path(directory, buf, sizeof(buf)), expected);
    ck_assert_str_eq(names_path(directory, buf, strlen(expected) + 1), expected);
    ck_assert_ptr_null(names_path(directory, buf, strlen(expected)));

    ck_assert_str_eq(names_path(NULL, buf, sizeof(buf)), fallback);
    ck_assert_str_eq(names_path(NULL, buf, strlen(fallback) + 1), fallback);
    ck_assert_ptr_null(names_path(NULL, buf, strlen(fallback)));
    ck_assert_str_eq(names_path("", buf, sizeof(buf)), fallback);
    ck_assert_str_eq(names_path("relative", buf, sizeof(buf)), fallback);
    ck_assert_str_eq(names_path("/dev/null", buf, sizeof(buf)), fallback);
    ck_assert_str_eq(names_path("/nonexistent", buf, sizeof(buf)), fallback);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(directory, NOBODY, (gid_t)-1), 0);
        ck_assert_str_eq(names_path(directory, buf, sizeof(buf)), fallback);
    } else {
        ck_assert_str_eq(names_path("/", buf, sizeof(buf)), fallback);
    }
}
END_TEST

static const struct {
    const char *text;
    bool inside;
    uint32_t index;
} ipv4_cases[] = {
    {"198.17.255.255", false, 0},  {"198.18.0.0", true, 0},
    {"198.18.0.1", true, 1},       {"198.18.255.255", true, 0xffff},
    {"198.19.0.0", true, 0x10000}, {"198.19.255.255", true, NAMES_POOL - 1},
    {"198.20.0.0", false, 0},      {"0.0.0.0", false, 0},
    {"255.255.255.255", false, 0}, {"18.198.0.1", false, 0},
};

START_TEST(names_ipv4_range_is_told_at_its_ends)
{
    uint32_t index = 77;
    struct in_addr addr;
    bool inside;

    ck_assert_int_eq(inet_pton(AF_INET, ipv4_cases[_i].text, &addr), 1);
    inside = names_is_ipv4(&addr, &index);
    ck_assert_int_eq(inside, ipv4_cases[_i].inside);
    if (inside) {
        ck_assert_uint_eq(index, ipv4_cases[_i].index);
        ck_assert_uint_eq(names_ipv4(index).s_addr, addr.s_addr);
    }
}
END_TEST

static const struct {
    const char *text;
    bool inside;
    uint32_t index;
    bool same; /* the index leads back to the address */
} ipv6_cases[] = {
    {"fd73:6f63:6b72:ffff:ffff:ffff:ffff:ffff", false, 0, false},
    {"fd73:6f63:6b73::", true, 0, true},
    {"fd73:6f63:6b73::1", true, 1, true},
    {"fd73:6f63:6b73::1:ffff", true, NAMES_POOL - 1, true},
    {"fd73:6f63:6b73::2:0", true, 0, false},
    {"fd73:6f63:6b73::1:0:1", true, 0, false},
    {"fd73:6f63:6b73:0:ffff:ffff:ffff:ffff", true, 0, false},
    {"fd73:6f63:6b73:1::", false, 0, false},
    {"::", false, 0, false},
    {"::ffff:198.18.0.1", false, 0, false},
};

START_TEST(names_ipv6_range_is_told_at_its_ends)
{
    uint32_t index = 77;
    struct in6_addr addr, back;
    bool inside;

    ck_assert_int_eq(inet_pton(AF_INET6, ipv6_cases[_i].text, &addr), 1);
    inside = names_is_ipv6(&addr, &index);
    ck_assert_int_eq(inside, ipv6_cases[_i].inside);
    if (inside) {
        ck_assert_uint_eq(index, ipv6_cases[_i].index);
        back = names_ipv6(index);
        ck_assert_int_eq(memcmp(&back, &addr, sizeof(addr)) == 0, ipv6_cases[_i].same);
    }
}
END_TEST

START_TEST(names_addresses_lead_back_to_every_index)
{
    for (uint32_t index = 1; index < NAMES_POOL; index++) {
        struct in_addr ipv4 = names_ipv4(index);
        struct in6_addr ipv6 = names_ipv6(index);
        uint32_t found = 0;
        ck_assert(names_is_ipv4(&ipv4, &found) && found == index);
        found = 0;
        ck_assert(names_is_ipv6(&ipv6, &found) && found == index);
    }
}
END_TEST

static Suite *names_suite(void)
{
    Suite *suite = suite_create("names");
    TCase *map = tcase_create("map");
    TCase *file = tcase_create("file");
    TCase *crowd = tcase_create("crowd");
    TCase *address = tcase_create("address");

    tcase_set_timeout(map, 60);
    tcase_add_checked_fixture(map, make_directory, remove_directory);
    tcase_add_test(map, names_same_name_has_same_standin);
    tcase_add_test(map, names_one_hundred_thousand_are_distinct_and_found);
    tcase_add_test(map, names_of_every_length_are_kept);
    tcase_add_test(map, names_unknown_index_stands_for_nothing);
    tcase_add_test(map, names_oldest_makes_room_in_a_full_pool);
    tcase_add_test(map, names_about_to_go_get_a_new_standin);
    tcase_add_test(map, names_oldest_makes_room_in_a_full_heap);
    suite_add_tcase(suite, map);

    tcase_set_timeout(file, 60);
    tcase_add_checked_fixture(file, make_directory, remove_directory);
    tcase_add_test(file, names_are_still_there_when_the_file_is_opened_again);
    tcase_add_test(file, names_are_shared_between_two_maps_of_one_file);
    tcase_add_test(file, names_open_leaves_no_descriptor_and_no_other_file);
    tcase_add_test(file, names_open_keeps_errno_and_ignores_umask);
    tcase_add_test(file, names_map_outlives_its_file_and_its_descriptors);
    tcase_add_test(file, names_file_that_is_a_symbolic_link_is_refused);
    tcase_add_test(file, names_file_of_another_mode_is_refused);
    tcase_add_test(file, names_file_of_another_user_is_refused);
    tcase_add_test(file, names_file_with_a_second_name_is_refused);
    tcase_add_test(file, names_file_of_another_size_is_refused);
    tcase_add_test(file, names_file_with_another_head_is_refused);
    tcase_add_test(file, names_file_of_zeros_is_refused);
    tcase_add_test(file, names_path_that_is_no_file_is_refused_at_once);
    tcase_add_test(file, names_directory_that_is_not_writable_gives_an_anonymous_map);
    tcase_add_test(file, names_limit_on_file_sizes_gives_an_anonymous_map_and_no_signal);
    tcase_add_test(file, names_record_that_was_overwritten_is_not_believed);
    tcase_add_test(file, names_damaged_map_is_survived);
    tcase_add_test(file, names_map_that_is_being_damaged_is_survived);
    suite_add_tcase(suite, file);

    tcase_set_timeout(crowd, 120);
    tcase_add_checked_fixture(crowd, make_directory, remove_directory);
    tcase_add_test(crowd, names_of_two_processes_agree);
    tcase_add_test(crowd, names_of_sixteen_processes_with_four_threads_agree);
    tcase_add_test(crowd, names_raced_for_in_a_full_pool_are_not_doubled);
    tcase_add_test(crowd, names_raced_for_in_a_crowded_index_are_not_doubled);
    tcase_add_test(crowd, names_map_stays_whole_when_processes_die_in_the_middle);
    tcase_add_test(crowd, names_file_appears_whole_when_many_make_it_at_once);
    suite_add_tcase(suite, crowd);

    tcase_add_checked_fixture(address, make_directory, remove_directory);
    tcase_add_test(address, names_path_is_in_the_runtime_directory_of_this_user_only);
    tcase_add_loop_test(address, names_ipv4_range_is_told_at_its_ends, 0,
                        sizeof(ipv4_cases) / sizeof(ipv4_cases[0]));
    tcase_add_loop_test(address, names_ipv6_range_is_told_at_its_ends, 0,
                        sizeof(ipv6_cases) / sizeof(ipv6_cases[0]));
    tcase_add_test(address, names_addresses_lead_back_to_every_index);
    suite_add_tcase(suite, address);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(names_suite());

    srunner_run_all(runner, CK_NORMAL);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
