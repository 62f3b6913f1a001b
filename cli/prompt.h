/* SPDX-License-Identifier: MIT
 * A shell that tells that it is one of ours: the mark in front of its prompt. */
#ifndef SOCKSIFY_CLI_PROMPT_H
#define SOCKSIFY_CLI_PROMPT_H

enum { PROMPT_ARGV_MAX = 4 }; /* the shell, and what may be added */

/*
 * Have the shell argv[0] (a path, or a name) show "(socksify) " in front of its prompt, if it is
 * one that we know how to tell, and will talk to somebody: by words added to argv, which ends with
 * NULL before and after, and by the environment. Its own startup files are read as ever; without
 * ours it has no mark, and that is all. SOCKSIFY_SHELL is set for any shell.
 */
void prompt_mark(char *argv[static PROMPT_ARGV_MAX]);

#endif
