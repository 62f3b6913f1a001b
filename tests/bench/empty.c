/* SPDX-License-Identifier: MIT
 * The least that a preloaded library can be: empty.so, against which ours is measured. */
typedef int nothing;
