/* SPDX-License-Identifier: MIT
 * The socket addresses of the configuration's proxies, remembered so that a proxy given by host
 * name is looked up once. */
#ifndef SOCKSIFY_PRELOAD_ENDPOINTS_H
#define SOCKSIFY_PRELOAD_ENDPOINTS_H

#include "core/config.h"
#include "core/endpoint.h"

/* As endpoints_resolve, from memory where possible. */
enum status endpoints_of(const struct config *config, const struct proxy *proxy,
                         struct endpoints *found);

/* None of them could be connected to: look the name up again next time. */
void endpoints_forget(const struct config *config, const struct proxy *proxy);

#endif
