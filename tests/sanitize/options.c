/* SPDX-License-Identifier: MIT
 * What the sanitizers go by in the library and the wrapper, whatever the environment says or was
 * cleared of. Reports go to files, for the programs' own output is compared. Programs end as they
 * will: their leaks are their own, and a signal that ends them does. */
#include <sanitizer/asan_interface.h>

/* What the child of vfork(2) left on the stack would stay forbidden in its parent. The sanitizer
 * has a vfork of its own for that, but it stands behind libc's, where nobody finds it. */
void forget_child(void);

void forget_child(void)
{
    enum { ROOM = 256 * 1024 }; /* more than a child uses before it executes another program */
    char *here = __builtin_frame_address(0);
    __asan_unpoison_memory_region(here - ROOM, ROOM);
}

#ifdef __x86_64__
/* The return address is kept in a register: the child writes over the stack. */
__asm__(".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
        "    pop %rdx\n"
        "    mov $58, %eax\n"
        "    syscall\n"
        "    push %rdx\n"
        "    test %eax, %eax\n"
        "    jle 1f\n"
        "    push %rax\n"
        "    call forget_child\n"
        "    pop %rax\n"
        "1:  ret\n");
#endif

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

#define REPORTS "log_path=/run/reports/report"

__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    /* The program was not linked with it, and our library stands before it. */
    return "verify_asan_link_order=0:detect_leaks=0:handle_segv=0:handle_abort=0:handle_sigbus=0:"
           "handle_sigfpe=0:handle_sigill=0:" REPORTS;
}

__attribute__((visibility("default"))) const char *__ubsan_default_options(void)
{
    return "print_stacktrace=1:halt_on_error=1:" REPORTS;
}
