// Names in a directory that is held open.
#ifndef CIPC_NAMES_H
#define CIPC_NAMES_H

#include "cipc_descriptor.h"

/// fstatat(2) with AT_SYMLINK_NOFOLLOW.
int32_t cipc_lstat_at(int32_t directory, const char *_Nonnull name, cipc_file_status *_Nonnull status);
int32_t cipc_unlink_at(int32_t directory, const char *_Nonnull name);
/// chmod of what an O_PATH descriptor stands for: fchmodat2(2) (Linux 6.6), else through /proc.
int32_t cipc_chmod_path_descriptor(int32_t descriptor, uint32_t mode);
/// flock(2) with LOCK_UN: releases the lock for every duplicate of the descriptor.
int32_t cipc_unlock(int32_t descriptor);
/// open(2) with O_TMPFILE: a file without a name in a folder, for reading and writing.
int32_t cipc_open_unnamed(const char *_Nonnull folder, uint32_t mode);
/// linkat(2) through /proc: gives a file without a name one; EEXIST when it is taken.
int32_t cipc_give_name(int32_t descriptor, const char *_Nonnull path);
/// linkat(2): a second name, EEXIST when it is taken.
int32_t cipc_link(const char *_Nonnull from, const char *_Nonnull to);
/// getdents64(2) until the end: calls `each` with every name of the open directory but "." and "..".
int32_t cipc_each_entry(int32_t directory, void (*_Nonnull each)(const char *_Nonnull name, void *_Nonnull context),
                        void *_Nonnull context);

#endif
