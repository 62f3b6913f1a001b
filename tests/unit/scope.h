/* SPDX-License-Identifier: MIT
 * A scope of a test's own: a configuration from text, an empty names map, a hosts file. */
#ifndef SOCKSIFY_TESTS_UNIT_SCOPE_H
#define SOCKSIFY_TESTS_UNIT_SCOPE_H

#include "core/config.h"
#include "core/endpoint_cache.h"
#include "core/hosts.h"
#include "core/names_file.h"
#include "core/report.h"
#include "core/scope.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct scope scope;

static char scope_hosts_path[64];
static struct hosts scope_hosts;
static struct endpoint_cache scope_endpoints;
static struct reported scope_reported;

static inline void scope_open(const char *config_text, const char *hosts_text)
{
    struct config_source source = {
        .file = "test.conf", .text = config_text, .len = strlen(config_text)};
    struct config *config = NULL;
    char error[CONFIG_ERROR_MAX];
    const char *why;
    ck_assert_msg(config_compile(&source, &config, error) == STATUS_OK, "%s", error);

    snprintf(scope_hosts_path, sizeof(scope_hosts_path), "%s/socksify-scope-XXXXXX", P_tmpdir);
    int fd = mkstemp(scope_hosts_path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, hosts_text, strlen(hosts_text)), (ssize_t)strlen(hosts_text));
    close(fd);
    scope_hosts = (struct hosts){.path = scope_hosts_path};
    memset(&scope_endpoints, 0, sizeof(scope_endpoints));
    memset(&scope_reported, 0, sizeof(scope_reported));
    scope = (struct scope){.config = config,
                           .names = names_open(NULL, &why),
                           .hosts = &scope_hosts,
                           .endpoints = &scope_endpoints,
                           .reported = &scope_reported};
    ck_assert_ptr_nonnull(scope.names);
}

static inline void scope_close(void)
{
    unlink(scope_hosts_path);
}

#endif
