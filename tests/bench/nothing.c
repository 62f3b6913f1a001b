/* SPDX-License-Identifier: MIT
 * A program that does nothing: what it takes is what it takes to start one. */
int main(void)
{
    return 0;
}
