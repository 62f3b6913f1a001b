/* SPDX-License-Identifier: MIT
 * What happens to our knowledge when the program closes and duplicates descriptors. */
#ifndef SOCKSIFY_PRELOAD_DESCRIPTORS_H
#define SOCKSIFY_PRELOAD_DESCRIPTORS_H

/* The number fd is about to be closed or taken: what is pending behind it is canceled when this was
 * its last number. */
void descriptors_closing(int fd);

/* copy is a new number for what fd stands for. */
void descriptors_copied(int fd, int copy);

#endif
