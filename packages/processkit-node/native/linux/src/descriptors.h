/*
 * Closing what was inherited, on kernels with and without close_range.
 */
#ifndef PROCESSKIT_DESCRIPTORS_H
#define PROCESSKIT_DESCRIPTORS_H

/* Closes every descriptor from `first` on. */
long descriptors_close(int first);

#endif
