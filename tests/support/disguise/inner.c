/* SPDX-License-Identifier: MIT
 * The library that opener.c looks for; its select is a function of its own. */
int inner(void);
int select(void);

int inner(void)
{
    return 2;
}

int select(void)
{
    return 3;
}
