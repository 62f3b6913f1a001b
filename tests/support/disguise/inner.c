/* SPDX-License-Identifier: MIT
 * The library that opener.c looks for; its select is a function of its own. A second one, built
 * with -DANSWER=4, is linked to opener.c. */
#ifndef ANSWER
#define ANSWER 2
#endif

int inner(void);
int select(void);

int inner(void)
{
    return ANSWER;
}

int select(void)
{
    return 3;
}
