// Claims: locks on single bytes of a file that belong to an open file, so that the kernel drops them with its last
// descriptor, whoever dies. fcntl(2), open file description locks. The bytes need not exist.
#ifndef CIPC_CLAIM_H
#define CIPC_CLAIM_H

#include "cipc_types.h"

/// F_OFD_SETLK with F_WRLCK on one byte; -EAGAIN while another open file has it, or has locked it for reading. The file
/// must be open for writing.
int32_t cipc_claim_take(int32_t descriptor, uint64_t byte);
/// F_OFD_SETLK with F_UNLCK.
int32_t cipc_claim_drop(int32_t descriptor, uint64_t byte);
/// F_OFD_GETLK with F_RDLCK: 1 when another open file has claimed the byte, else 0; read locks are none. The file may
/// be open for reading alone.
int32_t cipc_claim_is_taken(int32_t descriptor, uint64_t byte);

#endif
