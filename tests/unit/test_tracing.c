/* SPDX-License-Identifier: MIT
 * What this process may look into, beside what /proc says of it and of the system. */
#include "core/tracing.h"

#include "support.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>

static bool has_capability(void)
{
    unsigned long long effective = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) && sscanf(line, "CapEff: %llx", &effective) != 1)
        continue;
    fclose(file);
    return effective >> CAP_SYS_PTRACE & 1;
}

static enum tracing expected(void)
{
    int scope = 0; /* as on a kernel without Yama */
    FILE *file = fopen(TRACING_FILE, "r");
    if (file) {
        ck_assert_int_eq(fscanf(file, "%d", &scope), 1);
        fclose(file);
    }
    if (scope == 0 || (scope < 3 && has_capability()))
        return TRACING_OF_USER;
    return scope == 1 ? TRACING_OF_DESCENDANTS : TRACING_OF_NONE;
}

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    ck_assert_int_eq(syscall(SYS_capset, &header, none), 0);
}

START_TEST(privilege_is_the_effective_capability)
{
    ck_assert(tracing_is_privileged() == has_capability());
    drop_capabilities();
    ck_assert(!has_capability() && !tracing_is_privileged());
}
END_TEST

START_TEST(the_reach_is_what_the_system_and_the_capability_give)
{
    ck_assert_int_eq(tracing_reach(), expected());
    drop_capabilities();
    ck_assert_int_eq(tracing_reach(), expected());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracing");
    TCase *group = tcase_create("tracing");
    suite_add_tcase(suite, group);
    tcase_add_test(group, privilege_is_the_effective_capability);
    tcase_add_test(group, the_reach_is_what_the_system_and_the_capability_give);
    return run(suite);
}
