/* SPDX-License-Identifier: MIT
 * The server's side of a handshake. */
#include "cli/admission.h"

#include <stdbool.h>
#include <string.h>

void admission_init(struct admission *admission, const char *user, const char *password)
{
    memset(admission, 0, sizeof(*admission));
    admission->user = user;
    admission->password = password;
}

uint8_t *admission_room(struct admission *admission, size_t *size)
{
    *size = sizeof(admission->in) - admission->in_len;
    return admission->in + admission->in_len;
}

void admission_reply(struct admission *admission, uint8_t code, const struct target *bound)
{
    if (admission->version == SOCKS5_VERSION)
        admission->out_len = socks5_build_reply(admission->out, code, bound);
    else
        admission->out_len = socks4_build_reply(
            admission->out, code == SOCKS5_SUCCEEDED ? SOCKS4_GRANTED : SOCKS4_REJECTED, bound);
}

static enum verdict refuse(struct admission *a, const char *words)
{
    a->words = words;
    return VERDICT_REFUSED;
}

static enum verdict refuse_with(struct admission *a, uint8_t code, const char *words)
{
    admission_reply(a, code, NULL);
    return refuse(a, words);
}

static enum verdict on_command(struct admission *a, uint8_t command, const struct target *to)
{
    if (command != SOCKS_CONNECT)
        return refuse_with(a, SOCKS5_COMMAND_NOT_SUPPORTED, "command not supported");
    a->to = *to;
    return VERDICT_REQUEST;
}

static enum verdict take_socks4(struct admission *a, size_t len, size_t *need)
{
    struct socks4_request request;
    enum status status = socks4_parse_request(a->in, len, need, &request);
    if (status == STATUS_MORE)
        return VERDICT_MORE;
    a->version = SOCKS4_VERSION;
    if (status != STATUS_OK)
        return refuse_with(a, SOCKS5_GENERAL_FAILURE, "malformed request");
    if (a->user) {
        /* SOCKS4 carries no password, and its user id proves nothing. */
        a->out_len = socks4_build_reply(a->out, SOCKS4_USER_MISMATCH, NULL);
        return refuse(a, "a password is needed, which SOCKS4 cannot carry");
    }
    return on_command(a, request.command, &request.to);
}

static bool offers(const struct socks5_greeting *greeting, uint8_t method)
{
    return memchr(greeting->methods, method, greeting->count) != NULL;
}

/* With no user set anybody is welcome, also a client that knows no other method than a password. */
static uint8_t choose_method(const struct admission *a, const struct socks5_greeting *greeting)
{
    if (!a->user && offers(greeting, SOCKS5_METHOD_NONE))
        return SOCKS5_METHOD_NONE;
    if (offers(greeting, SOCKS5_METHOD_PASSWORD))
        return SOCKS5_METHOD_PASSWORD;
    return SOCKS5_METHOD_UNACCEPTABLE;
}

static enum verdict take_greeting(struct admission *a, size_t len, size_t *need)
{
    struct socks5_greeting greeting;
    enum status status = socks5_parse_greeting(a->in, len, need, &greeting);
    if (status == STATUS_MORE)
        return VERDICT_MORE;
    if (status != STATUS_OK)
        return refuse(a, "speaks no SOCKS");
    a->version = SOCKS5_VERSION;
    uint8_t method = choose_method(a, &greeting);
    a->out_len = socks5_build_method(a->out, method);
    if (method == SOCKS5_METHOD_UNACCEPTABLE)
        return refuse(a, "offers no authentication method that is accepted");
    a->awaits = method == SOCKS5_METHOD_PASSWORD ? AWAIT_AUTH : AWAIT_REQUEST;
    return VERDICT_NEXT;
}

/* Takes the same time wherever the two differ. */
static bool same_text(const char *expected, const char *given, size_t given_len)
{
    size_t len = strlen(expected);
    int difference = len != given_len;
    for (size_t i = 0; i < given_len; i++)
        difference |= given[i] ^ expected[i < len ? i : 0];
    return difference == 0;
}

static bool is_welcome(const struct admission *a, const struct socks5_auth *auth)
{
    if (!a->user)
        return true;
    bool user = same_text(a->user, auth->user, auth->user_len);
    bool password = same_text(a->password, auth->password, auth->password_len);
    return user && password;
}

static enum verdict take_auth(struct admission *a, size_t len, size_t *need)
{
    struct socks5_auth auth;
    enum status status = socks5_parse_auth(a->in, len, need, &auth);
    if (status == STATUS_MORE)
        return VERDICT_MORE;
    bool granted = status == STATUS_OK && is_welcome(a, &auth);
    a->out_len = socks5_build_auth_status(a->out, granted ? 0 : 1);
    if (!granted)
        return refuse(a, "authentication refused");
    a->awaits = AWAIT_REQUEST;
    return VERDICT_NEXT;
}

static enum verdict take_request(struct admission *a, size_t len, size_t *need)
{
    struct socks5_request request;
    switch (socks5_parse_request(a->in, len, need, &request)) {
    case STATUS_MORE:
        return VERDICT_MORE;
    case STATUS_OK:
        return on_command(a, request.command, &request.to);
    case STATUS_ADDRESS_UNSUPPORTED:
        return refuse_with(a, SOCKS5_ADDRESS_NOT_SUPPORTED, "address type not supported");
    default:
        return refuse_with(a, SOCKS5_GENERAL_FAILURE, "malformed request");
    }
}

static enum verdict take_frame(struct admission *a, size_t len, size_t *need)
{
    switch (a->awaits) {
    case AWAIT_GREETING:
        return a->in[0] == SOCKS4_VERSION ? take_socks4(a, len, need) : take_greeting(a, len, need);
    case AWAIT_AUTH:
        return take_auth(a, len, need);
    case AWAIT_REQUEST:
        break;
    }
    return take_request(a, len, need);
}

enum verdict admission_take(struct admission *admission, size_t len, size_t *taken)
{
    size_t before = admission->in_len;
    size_t need = before; /* stays so for a frame that is refused unread */
    admission->out_len = 0;
    enum verdict verdict = take_frame(admission, before + len, &need);
    if (verdict == VERDICT_MORE) {
        *taken = len;
        admission->in_len += len;
    } else {
        *taken = need > before && need <= before + len ? need - before : 0;
        admission->in_len = 0;
    }
    return verdict;
}
